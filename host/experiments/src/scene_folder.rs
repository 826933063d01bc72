//! The ground truth of a scene's folder: our JSON, a COLMAP model, or Strecha's `.camera` files.

use std::path::Path;

use scene3d_eval::ground_truth::{self, GroundTruth, ImageSizes, strecha};
use scene3d_pipeline::PhotoSet;

use crate::ExperimentError;
use crate::problem::Problem;

/// Reads whatever is there; every file that is wrong is a problem of its own.
pub(crate) fn read_truth(
    place: &str,
    folder: &Path,
    photos: &PhotoSet,
    problems: &mut Vec<Problem>,
) -> Result<GroundTruth, ExperimentError> {
    let sizes: ImageSizes =
        photos.photos.iter().map(|photo| (photo.info.name.clone(), photo.info.image_size)).collect();
    let json = folder.join("ground-truth.json");
    let candidates = [folder.join("cameras"), folder.join("sparse/0"), folder.join("sparse"), folder.to_owned()];
    let models = candidates.iter().find(|path| ground_truth::is_model(path));
    if let Some(path) = Some(&json).filter(|path| path.is_file()).or(models) {
        return Ok(ground_truth::read(path, &sizes).unwrap_or_else(|error| {
            problems.push(Problem::new(place, format!("its ground truth is no good: {error}"), "make it anew"));
            GroundTruth::default()
        }));
    }
    for path in candidates.iter().filter(|path| path.is_dir()) {
        if strecha::is_folder(path)? {
            return read_cameras(place, path, &sizes, problems);
        }
    }
    let advice = "add ground-truth.json, a COLMAP model in sparse/, or NAME.camera files in cameras/";
    problems.push(Problem::new(place, "has no ground truth", advice));
    Ok(GroundTruth::default())
}

fn read_cameras(
    place: &str,
    folder: &Path,
    sizes: &ImageSizes,
    problems: &mut Vec<Problem>,
) -> Result<GroundTruth, ExperimentError> {
    let mut truth = GroundTruth::default();
    for (name, image) in strecha::read_each(folder, sizes)? {
        match image {
            Ok(image) => drop(truth.images.insert(name, image)),
            Err(error) => {
                let what = format!("its label can't be used: {error}");
                problems.push(Problem::new(format!("{place}/{name}"), what, "copy the file again from the dataset"));
            }
        }
    }
    Ok(truth)
}
