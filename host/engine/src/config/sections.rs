//! The sections of a config that are the host's own; their JSON Schemas come from these types, as those of plugins do.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// `[pipeline]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PipelineSection {
    /// Where networks run: auto, cpu, cuda or cuda:N. simulated is for developers: what runs on CUDA, in host memory, with
    /// every copy counted.
    pub device: String,
    /// Seed of whatever is random.
    pub seed: u64,
    /// Licences, beyond permissive ones, that this run may use, as SPDX ids.
    pub allow_licenses: Vec<String>,
    /// CPU threads; 0 for all.
    pub threads: u32,
    /// Memory on the device for what is kept of images between their pairs: descriptors, and what matchers prepare; what
    /// does not fit waits in host memory, or in files where the device is the cpu. 0 takes a quarter of the free memory of
    /// the host, and 4 GiB of a GPU's.
    #[schemars(extend("x-unit" = "MiB"))]
    pub resident_mib: u32,
    /// Folders searched for plugins, relative to the config file.
    pub plugin_dirs: Vec<String>,
    /// Folders searched for weights, relative to the config file.
    pub weights_dirs: Vec<String>,
}

impl PipelineSection {
    /// CPU threads of a run: as configured, or all.
    #[must_use]
    pub fn num_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads as usize,
        }
    }
}

impl Default for PipelineSection {
    fn default() -> Self {
        Self {
            device: "auto".to_owned(),
            seed: 0,
            allow_licenses: Vec::new(),
            threads: 0,
            resident_mib: 0,
            plugin_dirs: Vec::new(),
            weights_dirs: Vec::new(),
        }
    }
}

/// `[images]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImagesSection {
    /// Images less sharp than this (variance of the Laplacian of 8-bit grey levels) are skipped; 0 keeps all.
    #[schemars(range(min = 0.0))]
    pub min_sharpness: f64,
}

/// `[gather]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatherSection {
    /// Side of the cells of an image of which each has at most one keypoint that is gathered from correspondences.
    #[schemars(range(min = 0.5, max = 64.0), extend("x-unit" = "px"))]
    pub cell_px: f64,
    /// Greatest distance of a correspondence's end from the keypoint that it is gathered into.
    #[schemars(range(min = 0.1, max = 64.0), extend("x-unit" = "px"))]
    pub max_error_px: f64,
    /// Most keypoints gathered in an image, those that most pairs agree on; 0 keeps all.
    #[schemars(extend("x-unit" = "keypoints"))]
    pub max_keypoints: u32,
}

impl Default for GatherSection {
    fn default() -> Self {
        // the error beyond which COLMAP drops an observation (Mapper.filter_max_reproj_error)
        Self { cell_px: 4.0, max_error_px: 4.0, max_keypoints: 32_768 }
    }
}

/// `[join]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JoinSection {
    /// Keypoints of different entries of features that are at most this far apart are one; 0 keeps all.
    #[schemars(range(min = 0.0, max = 16.0), extend("x-unit" = "px"))]
    pub radius: f64,
}

impl Default for JoinSection {
    fn default() -> Self {
        Self { radius: 1.0 }
    }
}

/// Which image pairs are matched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PairingMethod {
    /// Every pair.
    #[default]
    Exhaustive,
    /// Neighbours in the order of names, and loop closures.
    Sequential,
    /// The images that look most alike.
    Retrieval,
}

/// `[pairing]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PairingSection {
    /// Which image pairs are matched.
    pub method: PairingMethod,
    /// Sequential: with how many following images each image is paired.
    #[schemars(range(min = 1), extend("x-unit" = "images"))]
    pub window: u32,
    /// Sequential: with how many of the images that look most alike each image is also paired; 0 for none.
    #[schemars(extend("x-unit" = "images"))]
    pub loop_closures: u32,
    /// Retrieval: with how many of the images that look most alike each image is paired.
    #[schemars(range(min = 1), extend("x-unit" = "images"))]
    pub num_neighbors: u32,
    /// Retrieval and loop closures: number of visual words.
    #[schemars(range(min = 1, max = 65536), extend("x-unit" = "words"))]
    pub codebook_size: u32,
}

impl Default for PairingSection {
    fn default() -> Self {
        Self { method: PairingMethod::default(), window: 10, loop_closures: 0, num_neighbors: 20, codebook_size: 64 }
    }
}

/// JSON Schema of a section: subschemas inlined, every property with its default.
pub(crate) fn section_schema<T: JsonSchema + Serialize + DeserializeOwned + Default>() -> serde_json::Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    let defaults = serde_json::to_value(T::default()).unwrap_or_default();
    let properties = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut);
    for (key, property) in properties.into_iter().flatten() {
        if let (Some(property), Some(default)) = (property.as_object_mut(), defaults.get(key)) {
            property.insert("default".to_owned(), default.clone());
        }
    }
    schema
}

/// JSON Schemas of the host's own sections, by name, for forms and docs.
#[must_use]
pub fn host_config_schema() -> serde_json::Value {
    serde_json::json!({
        "pipeline": section_schema::<PipelineSection>(),
        "images": section_schema::<ImagesSection>(),
        "gather": section_schema::<GatherSection>(),
        "join": section_schema::<JoinSection>(),
        "pairing": section_schema::<PairingSection>(),
    })
}
