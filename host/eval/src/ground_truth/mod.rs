//! Ground truth: poses by image name, read from a COLMAP model, a Strecha `.camera` folder or our JSON.

mod colmap;
mod json;
pub mod strecha;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use scene3d_scene::{Camera, Reconstruction, Rigid3};

pub use colmap::{is_model, read_model};
pub use json::to_json;

use crate::EvalError;

/// `[width, height]` in px by image name.
pub type ImageSizes = BTreeMap<String, [u32; 2]>;

/// What is true of a set of images.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroundTruth {
    /// Images with a known pose, by name.
    pub images: BTreeMap<String, TrueImage>,
    /// Images that belong to no scene and should not be registered.
    pub outliers: BTreeSet<String>,
    /// Distances at which IMC counts a camera as registered, in units of the world frame.
    pub imc_thresholds: Option<Vec<f64>>,
}

/// One image with a known pose.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueImage {
    /// Its pose.
    pub cam_from_world: Rigid3,
    /// Its intrinsics, where known.
    pub camera: Option<Camera>,
}

/// Reads whatever form of ground truth is at `path`.
///
/// `image_sizes` are those of the images evaluated: intrinsics for another size (Strecha's are for the original
/// photos) are scaled to them.
///
/// # Errors
/// [`EvalError`] naming the file that cannot be read.
pub fn read(path: &Path, image_sizes: &ImageSizes) -> Result<GroundTruth, EvalError> {
    if path.is_file() {
        return json::read(path);
    }
    if is_model(path) {
        return Ok(from_reconstruction(&read_model(path)?));
    }
    if strecha::is_folder(path)? {
        return strecha::read(path, image_sizes);
    }
    Err(EvalError::UnknownGroundTruth { path: path.to_owned() })
}

/// The registered images of a model taken as true, for example a synthetic scene's.
#[must_use]
pub fn from_reconstruction(model: &Reconstruction) -> GroundTruth {
    let images = model.images.values().map(|image| {
        let camera = model.cameras.get(&image.camera_id).cloned();
        (image.name.clone(), TrueImage { cam_from_world: image.cam_from_world, camera })
    });
    GroundTruth { images: images.collect(), ..GroundTruth::default() }
}

/// Sizes of a model's images, as its cameras have them.
#[must_use]
pub fn image_sizes(model: &Reconstruction) -> ImageSizes {
    let size = |image: &scene3d_scene::RegisteredImage| {
        Some((image.name.clone(), model.cameras.get(&image.camera_id)?.image_size))
    };
    model.images.values().filter_map(size).collect()
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, EvalError> {
    std::fs::read(path).map_err(|source| EvalError::Read { source, path: path.to_owned() })
}
