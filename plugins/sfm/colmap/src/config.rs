//! The plugin's config.

use scene3d_sdk::scene::CameraModel;
use scene3d_sdk::{Result, SdkError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What runs COLMAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// `pycolmap` if a Python with it is found, else `cli`.
    Auto,
    /// The Python package, 4.2.1.
    Pycolmap,
    /// The program `colmap`, 3.8 or later.
    Cli,
}

/// How the model is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MapperKind {
    /// One image after the other (Schönberger and Frahm 2016).
    Incremental,
    /// All at once by rotation averaging and global positioning (GLOMAP, Pan et al. 2024).
    Global,
    /// Overlapping clusters, each incrementally, then merged.
    Hierarchical,
}

impl MapperKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Incremental => "incremental",
            Self::Global => "global",
            Self::Hierarchical => "hierarchical",
        }
    }
}

/// Which images share intrinsics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CameraSharing {
    /// One camera if all images agree in size, EXIF device and EXIF focal length; else images of a known device share
    /// by device, size and focal length, and every other image has its own.
    Auto,
    /// Every image has its own.
    PerImage,
    /// Images of one folder (and size) share.
    PerFolder,
    /// All share; they must have one size.
    Single,
}

/// How much work bundle adjustment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundleAdjustment {
    /// Global adjustment after 30 % growth rather than 10 %, stopped once the cost changes by less than 1e-6, and at
    /// most 10 iterations of local adjustment; the model's last adjustment is as thorough as COLMAP's but for that.
    Fast,
    /// COLMAP's defaults.
    Thorough,
}

/// Config of the COLMAP mapper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ColmapConfig {
    /// What runs COLMAP.
    pub engine: EngineChoice,
    /// Python with pycolmap; empty: environment variable `SCENE3D_PYCOLMAP_PYTHON`, then `.deps/venv` above the running
    /// program, then `scene3d/venv` in the user's data folder.
    #[schemars(extend("x-host-only" = true))]
    pub python: String,
    /// The program of engine `cli`; empty: `colmap` on PATH.
    #[schemars(extend("x-host-only" = true))]
    pub colmap: String,
    /// How the model is made.
    pub mapper: MapperKind,
    /// Which intrinsics there are.
    #[schemars(schema_with = "camera_model_schema")]
    pub camera_model: CameraModel,
    /// Which images share intrinsics.
    pub camera_sharing: CameraSharing,
    /// Known intrinsics in the order of the camera model's parameters, held fixed; empty: estimated.
    pub intrinsics: Vec<f64>,
    /// Whether the focal length of the EXIF is where estimation starts; without one it starts at 1.2 times the long
    /// side.
    pub use_exif_focal: bool,
    /// Images of a model at least; smaller ones are dropped unless nothing else was found.
    #[schemars(range(min = 2, max = 1000))]
    pub min_model_size: u32,
    /// Matches of a pair that verification must leave.
    #[schemars(range(min = 5, max = 1000))]
    pub min_num_inliers: u32,
    /// Share of a pair's matches that verification must leave. Among many wrong matches a sixth agrees with some geometry
    /// by chance, by which a photo of another scene would be placed.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_inlier_share: f64,
    /// Distance from the epipolar line within which a match agrees with a pair's geometry.
    #[schemars(range(min = 0.1, max = 100.0), extend("x-unit" = "px"))]
    pub max_epipolar_error_px: f64,
    /// Random samples of a pair's matches at most.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub max_ransac_trials: u32,
    /// Reprojection error above which an observation is dropped (mappers incremental and hierarchical).
    #[schemars(range(min = 0.1, max = 100.0), extend("x-unit" = "px"))]
    pub max_reproj_error_px: f64,
    /// How much work bundle adjustment does (mappers incremental and hierarchical).
    pub bundle_adjustment: BundleAdjustment,
    /// CPU threads; 0: as many as the host grants.
    #[schemars(range(min = 0, max = 1024))]
    pub num_threads: u32,
    /// Same bytes on every run and for every number of threads. COLMAP sums in an order that depends on its threads, so
    /// this leaves one thread to mapping (engine `cli`: to verification, too).
    pub deterministic: bool,
    /// Seed; -1: the pipeline's.
    #[schemars(range(min = -1, max = 2_147_483_647))]
    pub seed: i64,
    /// Time that a Python may take to import pycolmap; 0: any.
    #[schemars(range(min = 0, max = 86_400), extend("x-unit" = "s"))]
    pub start_timeout_secs: u64,
    /// Time after which COLMAP is stopped, what it had finished being kept; 0: never.
    #[schemars(range(min = 0, max = 31_536_000), extend("x-unit" = "s"))]
    pub timeout_secs: u64,
}

impl Default for ColmapConfig {
    fn default() -> Self {
        Self {
            engine: EngineChoice::Auto,
            python: String::new(),
            colmap: String::new(),
            mapper: MapperKind::Incremental,
            camera_model: CameraModel::SimpleRadial,
            camera_sharing: CameraSharing::Auto,
            intrinsics: Vec::new(),
            use_exif_focal: true,
            min_model_size: 3,
            min_num_inliers: 15,
            min_inlier_share: 0.2,
            max_epipolar_error_px: 4.0,
            max_ransac_trials: 4000,
            max_reproj_error_px: 4.0,
            bundle_adjustment: BundleAdjustment::Fast,
            num_threads: 0,
            deterministic: true,
            seed: -1,
            start_timeout_secs: 60,
            timeout_secs: 0,
        }
    }
}

fn camera_model_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": CameraModel::NAMES })
}

impl ColmapConfig {
    /// Whether every value is in its range and the intrinsics fit the camera model.
    ///
    /// # Errors
    /// `INVALID_CONFIG` naming the key, what was expected and what was got.
    pub fn validate(&self) -> Result<()> {
        in_range("min_model_size", self.min_model_size, 2, 1000)?;
        in_range("min_num_inliers", self.min_num_inliers, 5, 1000)?;
        in_range("min_inlier_share", self.min_inlier_share, 0.0, 1.0)?;
        in_range("max_epipolar_error_px", self.max_epipolar_error_px, 0.1, 100.0)?;
        in_range("max_ransac_trials", self.max_ransac_trials, 100, 1_000_000)?;
        in_range("max_reproj_error_px", self.max_reproj_error_px, 0.1, 100.0)?;
        in_range("num_threads", self.num_threads, 0, 1024)?;
        in_range("seed", self.seed, -1, i64::from(i32::MAX))?;
        in_range("start_timeout_secs", self.start_timeout_secs, 0, 86_400)?;
        in_range("timeout_secs", self.timeout_secs, 0, 31_536_000)?;
        self.validate_intrinsics()
    }

    fn validate_intrinsics(&self) -> Result<()> {
        let (model, params) = (self.camera_model, &self.intrinsics);
        if params.is_empty() {
            return Ok(());
        }
        if params.len() != model.num_params() {
            let (name, expected) = (model.name(), model.num_params());
            return Err(SdkError::invalid_config(format!(
                "`intrinsics`: expected the {expected} parameters of {name}, got {}",
                params.len()
            )));
        }
        let num_focals = if matches!(model, CameraModel::Pinhole | CameraModel::OpenCv) { 2 } else { 1 };
        if params.iter().any(|param| !param.is_finite()) || params[..num_focals].iter().any(|focal| *focal <= 0.0) {
            return Err(SdkError::invalid_config(format!(
                "`intrinsics`: expected finite numbers and a positive focal length, got {params:?}"
            )));
        }
        Ok(())
    }
}

fn in_range<T: Copy + PartialOrd + std::fmt::Display>(key: &str, value: T, min: T, max: T) -> Result<()> {
    if value >= min && value <= max {
        return Ok(());
    }
    Err(SdkError::invalid_config(format!("`{key}`: expected {min} to {max}, got {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_listed_in_the_schema() {
        ColmapConfig::default().validate().unwrap();
        let schema = scene3d_sdk::config_schema::<ColmapConfig>();
        assert_eq!(schema["properties"]["camera_model"]["default"], "SIMPLE_RADIAL");
        assert_eq!(schema["properties"]["camera_model"]["enum"][4], "OPENCV");
        assert_eq!(schema["properties"]["mapper"]["default"], "incremental");
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let config = ColmapConfig { max_reproj_error_px: f64::NAN, ..Default::default() };
        let message = config.validate().unwrap_err().message;
        assert_eq!(message, "`max_reproj_error_px`: expected 0.1 to 100, got NaN");
        let config = ColmapConfig { intrinsics: vec![700.0, 320.0], ..Default::default() };
        let message = config.validate().unwrap_err().message;
        assert_eq!(message, "`intrinsics`: expected the 4 parameters of SIMPLE_RADIAL, got 2");
        let config = ColmapConfig { intrinsics: vec![-1.0, 1.0, 1.0, 0.0], ..Default::default() };
        assert!(config.validate().is_err());
    }
}
