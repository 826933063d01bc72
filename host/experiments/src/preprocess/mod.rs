//! Stage `preprocess`: photos turned as EXIF says, reduced, undistorted on demand; ground truth that fits them.

mod undistort;
mod write_photo;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;
use scene3d_eval::GroundTruth;
use scene3d_eval::ground_truth::{TrueImage, to_json};
use scene3d_pipeline::{Photo, PhotoLimits, Rejected, small_photo};
use scene3d_scene::Camera;
use scene3d_scene::exif::CameraExif;
use scene3d_scene::pixel::fit_long_side;
use serde::{Deserialize, Serialize};

use crate::ExperimentError;
use crate::collection::{Collection, find_valid, limits};
use crate::params::PreprocessParams;
use crate::project::{Project, emptied, write_json, write_text};

/// What `preprocess` leaves of the collections, by dataset and name; later stages read the data from there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Preprocessed {
    /// Every collection.
    pub collections: Vec<PreprocessedCollection>,
}

/// A collection as `preprocess` leaves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreprocessedCollection {
    /// Name of its dataset.
    pub dataset: String,
    /// Its own name.
    pub name: String,
    /// Names of its photos, in the order that the pipeline gives them ids in.
    pub photos: Vec<String>,
    /// Names of its true scenes.
    pub scenes: Vec<String>,
    /// Photos whose size or pixels were changed; others are the files that were given.
    pub num_changed: usize,
}

/// Where the stage writes what it left, below the project's `out`.
pub(crate) const FILE: &str = "preprocessed/collections.json";

/// Name of the folder with photos in that of a collection.
pub(crate) const IMAGES: &str = "images";

/// Writes every collection anew.
///
/// # Errors
/// [`ExperimentError`] if the data are not valid, or a file can't be written.
pub fn preprocess(project: &Project) -> Result<Preprocessed, ExperimentError> {
    let collections = find_valid(project)?;
    emptied(&project.out("preprocessed"))?;
    let mut preprocessed = Preprocessed::default();
    for collection in &collections {
        preprocessed.collections.push(one(project, collection)?);
    }
    write_json(&project.out(FILE), &preprocessed)?;
    Ok(preprocessed)
}

fn one(project: &Project, collection: &Collection) -> Result<PreprocessedCollection, ExperimentError> {
    let folder = project.preprocessed(&collection.dataset, &collection.name);
    let images = folder.join(IMAGES);
    let cameras: BTreeMap<&String, &Camera> = collection
        .scenes
        .values()
        .flat_map(|truth| &truth.images)
        .filter_map(|(name, image)| Some((name, image.camera.as_ref()?)))
        .collect();
    let work = |photo: &Photo| {
        let camera = cameras.get(&photo.info.name).copied();
        let changes = Changes::of(photo, camera, &project.params.preprocess);
        changes.write(photo, &images.join(&photo.info.name), limits(project))?;
        Ok((photo.info.name.clone(), changes))
    };
    let changes: BTreeMap<String, Changes> =
        collection.photos.photos.par_iter().map(work).collect::<Result<_, ExperimentError>>()?;
    for (scene, truth) in &collection.scenes {
        write_text(&truth_file(&folder, scene), &to_json(&fitting(truth, &changes)))?;
    }
    Ok(PreprocessedCollection {
        dataset: collection.dataset.clone(),
        name: collection.name.clone(),
        photos: collection.photos.photos.iter().map(|photo| photo.info.name.clone()).collect(),
        scenes: collection.scenes.keys().cloned().collect(),
        num_changed: changes.values().filter(|changes| changes.is_any).count(),
    })
}

/// File of a scene's ground truth in the folder of its collection.
pub(crate) fn truth_file(folder: &Path, scene: &str) -> std::path::PathBuf {
    folder.join("truth").join(format!("{scene}.json"))
}

/// What is done to one photo.
#[derive(Debug, Clone, PartialEq)]
struct Changes {
    /// `[width, height]` afterwards.
    size: [u32; 2],
    /// The true camera whose distortion is taken out, at that size.
    distorted: Option<Camera>,
    /// Whether there is anything to do.
    is_any: bool,
}

impl Changes {
    fn of(photo: &Photo, camera: Option<&Camera>, params: &PreprocessParams) -> Self {
        let size = fit_long_side(photo.info.image_size, params.long_side_px.unwrap_or(u32::MAX));
        let distorted = camera.filter(|camera| params.undistort && !camera.is_undistorted());
        let distorted = distorted.map(|camera| camera.resized(size));
        let is_any = size != photo.info.image_size || photo.orientation != 1 || distorted.is_some();
        Self { size, distorted, is_any }
    }

    /// A photo that stays as it is keeps its bytes, and so its EXIF.
    fn write(&self, photo: &Photo, path: &Path, limits: PhotoLimits) -> Result<(), ExperimentError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(ExperimentError::io("make", folder))?;
        }
        if !self.is_any {
            return fs::copy(&photo.path, path).map(drop).map_err(ExperimentError::io("write", path));
        }
        let name = &photo.info.name;
        let unreadable =
            |error| Rejected::not_decodable(name, format!("can't be read: {error}"), "check its permissions");
        let bytes = fs::read(&photo.path).map_err(|error| ExperimentError::Photo(unreadable(error)))?;
        let [width, height] = self.size;
        let pixels = small_photo(name, &bytes, limits, width.max(height)).map_err(ExperimentError::Photo)?;
        let pixels = match &self.distorted {
            Some(camera) => undistort::undistorted(&pixels, camera),
            None => pixels,
        };
        let scale = f64::from(width.max(height)) / f64::from(photo.info.image_size[0].max(photo.info.image_size[1]));
        let exif = CameraExif {
            make: None,
            model: photo.info.device.as_deref(),
            image_size: self.size,
            focal_px: photo.info.focal_px.map(|focal_px| focal_px * scale),
        };
        write_photo::write(&pixels, &exif, path)
    }
}

/// Ground truth of the photos as they are now.
fn fitting(truth: &GroundTruth, changes: &BTreeMap<String, Changes>) -> GroundTruth {
    let fit = |(name, image): (&String, &TrueImage)| {
        let changes = changes.get(name);
        let camera = image.camera.as_ref().map(|camera| match changes {
            Some(Changes { distorted: Some(distorted), .. }) => distorted.without_distortion(),
            Some(Changes { size, .. }) => camera.resized(*size),
            None => camera.clone(),
        });
        (name.clone(), TrueImage { cam_from_world: image.cam_from_world, camera })
    };
    GroundTruth { images: truth.images.iter().map(fit).collect(), ..truth.clone() }
}

#[cfg(test)]
mod tests;
