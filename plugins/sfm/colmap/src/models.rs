//! The models that COLMAP wrote, as reconstructions of our images.

use std::fs;
use std::path::{Path, PathBuf};

use scene3d_sdk::scene::{ImageInfo, Point3d, Reconstruction, RegisteredImage, colmap};
use scene3d_sdk::{MatchGraph, Result, SdkError};

use crate::job::Files;

/// All models of a mapping that ended well, largest first.
pub(crate) fn read(files: &Files, graph: &MatchGraph) -> Result<Vec<Reconstruction>> {
    let models = model_folders(&files.models).into_iter().map(|folder| read_model(&folder, graph));
    Ok(largest_first(models.collect::<Result<_>>()?))
}

/// What a mapping that failed had finished: its models and, of the one it was growing, the last snapshot.
pub(crate) fn salvage(files: &Files, graph: &MatchGraph) -> Vec<Reconstruction> {
    let readable = |folder: &PathBuf| read_model(folder, graph).ok().filter(|model| !model.images.is_empty());
    let mut models: Vec<Reconstruction> = model_folders(&files.models).iter().filter_map(readable).collect();
    // the last one may be half written
    let snapshot = model_folders(&files.snapshots).iter().rev().find_map(readable);
    models.extend(snapshot.filter(|snapshot| !models.iter().any(|model| has_images_of(model, snapshot))));
    largest_first(models)
}

fn has_images_of(model: &Reconstruction, other: &Reconstruction) -> bool {
    other.images.keys().all(|image_id| model.images.contains_key(image_id))
}

/// Sorted by name: models are numbered, snapshots are named by their time.
fn model_folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("images.bin").is_file()).collect();
    folders.sort_unstable();
    folders
}

fn largest_first(mut models: Vec<Reconstruction>) -> Vec<Reconstruction> {
    models.retain(|model| !model.images.is_empty());
    models.sort_by_cached_key(|model| {
        (usize::MAX - model.images.len(), usize::MAX - model.points3d.len(), model.images.keys().next().copied())
    });
    models
}

fn read_model(folder: &Path, graph: &MatchGraph) -> Result<Reconstruction> {
    let failed = |reason: String| {
        let message = format!("cannot read COLMAP's model {}: {reason}", folder.display());
        SdkError::internal(message).help("the disk may be full, or colmap was killed while it wrote")
    };
    let bytes = |name: &str| fs::read(folder.join(name)).map_err(|error| failed(format!("{name}: {error}")));
    let mut model = colmap::read_binary(&bytes("cameras.bin")?, &bytes("images.bin")?, &bytes("points3D.bin")?)
        .map_err(|error| failed(error.to_string()))?;
    for (image_id, image) in &mut model.images {
        let index = graph.images.iter().position(|info| info.image_id == *image_id);
        let known = index.map(|index| (&graph.images[index], &graph.keypoints[index]));
        name_image(image, known).ok_or_else(|| failed(format!("image {image_id} is not as it was given")))?;
    }
    model.check().map_err(|error| failed(error.to_string()))?;
    color_points(&mut model, graph);
    Ok(model)
}

/// The engine may have been given another name; keypoints must be those it was given, index by index.
fn name_image(image: &mut RegisteredImage, known: Option<(&ImageInfo, &Vec<[f32; 2]>)>) -> Option<()> {
    let (info, keypoints) = known?;
    let given = keypoints.iter().map(|xy| xy.map(f64::from));
    if image.keypoints.len() != keypoints.len() || !given.eq(image.keypoints.iter().copied()) {
        return None;
    }
    image.name.clone_from(&info.name);
    Some(())
}

fn color_points(model: &mut Reconstruction, graph: &MatchGraph) {
    let first_id = graph.images.first().map_or(1, |image| image.image_id.0);
    for point in model.points3d.values_mut() {
        point.color = mean_color(point, graph, first_id).unwrap_or(point.color);
    }
}

fn mean_color(point: &Point3d, graph: &MatchGraph, first_id: u32) -> Option<[u8; 3]> {
    let color_of = |image_id: u32, keypoint_idx: u32| {
        graph.colors.get(image_id.checked_sub(first_id)? as usize)?.get(keypoint_idx as usize)
    };
    let mut sum = [0_u32; 3];
    for observation in &point.track {
        let color = color_of(observation.image_id.0, observation.keypoint_idx)?;
        sum.iter_mut().zip(color).for_each(|(sum, channel)| *sum += u32::from(*channel));
    }
    let count = u32::try_from(point.track.len()).ok().filter(|count| *count > 0)?;
    Some(sum.map(|sum| ((sum + count / 2) / count) as u8))
}
