//! Stage `validate`: photos are readable, labels and photos belong together, poses are poses, no photo is in two scenes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nalgebra::Vector3;
use rayon::prelude::*;
use scene3d_eval::GroundTruth;
use scene3d_eval::ground_truth::TrueImage;
use scene3d_pipeline::{Photo, PhotoLimits, is_cut_off_jpeg, open_photo};
use serde::{Deserialize, Serialize};

use crate::ExperimentError;
use crate::collection::{Collection, Found, find, limits};
use crate::problem::Problem;
use crate::project::{Project, write_json};

/// Where the stage writes, below the project's `out`.
pub(crate) const FILE: &str = "validation.json";
/// Photo and true camera may differ so much in their ratio of sides: a crop or a turn is more, rounding is less.
const MAX_ASPECT_RATIO: f64 = 1.01;
/// Both focal lengths of a camera may differ so much: pixels are square.
const MAX_PIXEL_ASPECT: f64 = 1.1;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Every collection.
    pub collections: Vec<CollectionFacts>,
    /// What must be put right.
    pub problems: Vec<Problem>,
    /// Photos that are twice in one scene, which is allowed.
    pub repeated: Vec<Vec<String>>,
}

/// What a collection holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionFacts {
    /// `DATASET/NAME`
    pub id: String,
    /// Photos.
    pub num_photos: usize,
    /// Labelled photos by true scene.
    pub scenes: BTreeMap<String, usize>,
    /// Photos of no scene.
    pub num_outliers: usize,
}

/// Checks all data, writes what was found, and fails with every problem at once.
///
/// # Errors
/// [`ExperimentError::Data`] with the problems.
pub fn validate(project: &Project) -> Result<Validation, ExperimentError> {
    let Found { collections, mut problems } = find(project)?;
    let limits = limits(project);
    for collection in &collections {
        problems.extend(unreadable(collection, limits));
        let told: BTreeSet<String> = problems.iter().map(|problem| problem.place.clone()).collect();
        problems.extend(unpaired(collection).into_iter().filter(|problem| !told.contains(&problem.place)));
        for truth in collection.scenes.values() {
            problems.extend(impossible(collection, truth));
        }
    }
    for dataset in project.params.datasets.keys() {
        linked_folders(dataset, &project.data(dataset), &mut problems)?;
    }
    let (across, repeated) = duplicates(&collections);
    problems.extend(across);
    problems.sort();
    problems.dedup();
    let validation = Validation { collections: collections.iter().map(facts).collect(), problems, repeated };
    write_json(&project.out(FILE), &validation)?;
    if validation.problems.is_empty() { Ok(validation) } else { Err(ExperimentError::Data(validation.problems)) }
}

/// DVC does not look into links to folders: what changes there would never be noticed.
fn linked_folders(place: &str, folder: &Path, problems: &mut Vec<Problem>) -> Result<(), ExperimentError> {
    if folder.is_symlink() {
        let advice = "put a copy there (`cp -al` takes no space on the same disk), or mount it";
        problems.push(Problem::new(place, "is a link to a folder, which DVC does not look into", advice));
        return Ok(());
    }
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.map_err(ExperimentError::io("list", folder))?.path();
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            linked_folders(&format!("{place}/{name}"), &path, problems)?;
        }
    }
    Ok(())
}

fn facts(collection: &Collection) -> CollectionFacts {
    CollectionFacts {
        id: collection.id(),
        num_photos: collection.photos.photos.len(),
        scenes: collection.scenes.iter().map(|(name, truth)| (name.clone(), truth.images.len())).collect(),
        num_outliers: collection.outliers.len(),
    }
}

/// Photos whose header is good and whose pixels are not.
fn unreadable(collection: &Collection, limits: PhotoLimits) -> Vec<Problem> {
    let problem = |photo: &Photo| {
        let name = &photo.info.name;
        let place = collection.place(name);
        let bytes = match fs::read(&photo.path) {
            Ok(bytes) => bytes,
            Err(error) => return Some(Problem::new(place, format!("can't be read: {error}"), "check its permissions")),
        };
        if is_cut_off_jpeg(&bytes) {
            return Some(Problem::new(
                place,
                "the file ends in the middle of the photo",
                "copy it again from the camera",
            ));
        }
        open_photo(name, &bytes, limits).err().map(|rejected| Problem::new(place, rejected.reason, rejected.next_step))
    };
    collection.photos.photos.par_iter().filter_map(problem).collect()
}

/// Labels without a photo, and photos without a label.
fn unpaired(collection: &Collection) -> Vec<Problem> {
    let photos: BTreeSet<&str> = collection.photos.photos.iter().map(|photo| photo.info.name.as_str()).collect();
    if photos.is_empty() {
        // that is told already
        return Vec::new();
    }
    let rejected: BTreeSet<&str> = collection.photos.rejected.iter().map(|rejected| rejected.name.as_str()).collect();
    let posed = collection.scenes.values().flat_map(|truth| truth.images.keys());
    let labelled: BTreeSet<&str> = posed.chain(&collection.outliers).map(String::as_str).collect();
    let without_photo =
        labelled.iter().filter(|name| !photos.contains(*name) && !rejected.contains(*name)).map(|name| {
            Problem::new(
                collection.place(name),
                "is labelled, but there is no such photo",
                "add the photo or remove its label",
            )
        });
    let without_label = photos.difference(&labelled).map(|name| {
        let advice = "add its pose to the ground truth, list it as an outlier, or remove it";
        Problem::new(collection.place(name), "has no label", advice)
    });
    without_photo.chain(without_label).collect()
}

/// Poses that are none, and cameras that are not the photos'.
fn impossible(collection: &Collection, truth: &GroundTruth) -> Vec<Problem> {
    let sizes: BTreeMap<&str, [u32; 2]> =
        collection.photos.photos.iter().map(|photo| (photo.info.name.as_str(), photo.info.image_size)).collect();
    let check = |(name, image): (&String, &TrueImage)| {
        let what = pose_problem(image).or_else(|| camera_problem(image, sizes.get(name.as_str()).copied()))?;
        Some(Problem::new(collection.place(name), what, "correct its label"))
    };
    truth.images.iter().filter_map(check).collect()
}

fn pose_problem(image: &TrueImage) -> Option<String> {
    let [qx, qy, qz, qw, tx, ty, tz] = image.cam_from_world.to_params();
    let norm = [qx, qy, qz, qw].into_iter().map(|part| part * part).sum::<f64>().sqrt();
    // a norm that is NaN is not near 1 either
    let is_unit = (norm - 1.0).abs() < 1e-6;
    if !is_unit {
        return Some(format!("its rotation is none: a quaternion of norm {norm}, expected 1"));
    }
    let translation = Vector3::new(tx, ty, tz);
    let is_finite = translation.iter().all(|part| part.is_finite());
    (!is_finite).then(|| format!("its translation is not finite: {tx}, {ty}, {tz}"))
}

fn camera_problem(image: &TrueImage, photo_size: Option<[u32; 2]>) -> Option<String> {
    let camera = image.camera.as_ref()?;
    let is_finite = camera.params.iter().all(|param| param.is_finite());
    if !is_finite || camera.focal().iter().any(|focal| *focal <= 0.0) {
        return Some(format!("its camera is none: parameters {:?}", camera.params));
    }
    let [fx, fy] = camera.focal();
    if fx.max(fy) > MAX_PIXEL_ASPECT * fx.min(fy) {
        return Some(format!("its camera has focal lengths {fx} and {fy} px: is it that of the photo turned upright?"));
    }
    let [width, height] = photo_size?;
    let aspect = |[width, height]: [u32; 2]| f64::from(width) / f64::from(height.max(1));
    let ratio = aspect(camera.image_size) / aspect([width, height]);
    let [camera_width, camera_height] = camera.image_size;
    (ratio.max(1.0 / ratio) > MAX_ASPECT_RATIO).then(|| {
        format!(
            "its camera is for {camera_width} x {camera_height} px, the photo (EXIF orientation applied) is \
             {width} x {height}"
        )
    })
}

/// Photos with the same bytes: those in different scenes are problems, those in one are told.
fn duplicates(collections: &[Collection]) -> (Vec<Problem>, Vec<Vec<String>>) {
    let mut by_content: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for collection in collections {
        for photo in &collection.photos.photos {
            let name = &photo.info.name;
            let of_scene = collection.scenes.iter().find(|(_, truth)| truth.images.contains_key(name));
            let scene = of_scene.map_or_else(|| "outliers".to_owned(), |(scene, _)| scene.clone());
            let scene = format!("{}/{scene}", collection.id());
            by_content.entry(&photo.sha256).or_default().push((scene, collection.place(name)));
        }
    }
    let (mut across, mut repeated) = (Vec::new(), Vec::new());
    for places in by_content.into_values().filter(|places| places.len() > 1) {
        let scenes: BTreeSet<&String> = places.iter().map(|(scene, _)| scene).collect();
        let is_across = scenes.len() > 1;
        let names: Vec<String> = places.iter().map(|(_, place)| place.clone()).collect();
        if is_across {
            let advice = "remove it from all scenes but one: what one scene is tuned on must not be in another";
            across.push(Problem::new(&names[0], format!("is the same photo as {}", names[1..].join(", ")), advice));
        } else {
            repeated.push(names);
        }
    }
    (across, repeated)
}
