//! A collection: photos that are reconstructed together, and the true scenes that they show.
//!
//! In the layout `scenes` it is one scene; in that of the Image Matching Challenge it is what the challenge calls a dataset:
//! photos of several scenes, mixed, with outliers that show none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use scene3d_eval::GroundTruth;
use scene3d_pipeline::{Cancel, PhotoLimits, PhotoSet, PhotoSource, PipelineError};

use crate::ExperimentError;
use crate::imc_files::{ImcFiles, read_imc};
use crate::params::{DatasetParams, Layout};
use crate::problem::Problem;
use crate::project::Project;
use crate::scene_folder::read_truth;

/// Photos that are reconstructed together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collection {
    /// Name of its dataset.
    pub dataset: String,
    /// Its own name.
    pub name: String,
    /// Its photos.
    pub photos: PhotoSet,
    /// What is true of each scene, by its name.
    pub scenes: BTreeMap<String, GroundTruth>,
    /// Photos of no scene.
    pub outliers: BTreeSet<String>,
}

impl Collection {
    /// `DATASET/NAME`
    pub fn id(&self) -> String {
        format!("{}/{}", self.dataset, self.name)
    }

    /// Where a problem of one of its images is.
    pub fn place(&self, image: &str) -> String {
        format!("{}/{}/{image}", self.dataset, self.name)
    }
}

/// What the data folder holds, and what of it is not as its layout says.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub collections: Vec<Collection>,
    pub problems: Vec<Problem>,
}

/// Reads every dataset that the parameters name.
pub(crate) fn find(project: &Project) -> Result<Found, ExperimentError> {
    let limits = limits(project);
    let mut found = Found::default();
    for (dataset, params) in &project.params.datasets {
        let root = project.data(dataset);
        if !root.is_dir() {
            let advice = "put the data there, or take the dataset out of params.yaml";
            found.problems.push(Problem::new(dataset, format!("there is no folder {}", root.display()), advice));
            continue;
        }
        match params.layout {
            Layout::Scenes => find_scenes(dataset, params, &root, limits, &mut found)?,
            Layout::Imc => find_imc(dataset, params, &root, limits, &mut found)?,
        }
    }
    Ok(found)
}

/// The collections, where nothing is wrong with them.
pub(crate) fn find_valid(project: &Project) -> Result<Vec<Collection>, ExperimentError> {
    let Found { collections, problems } = find(project)?;
    if problems.is_empty() { Ok(collections) } else { Err(ExperimentError::Data(problems)) }
}

/// Bounds on the photos.
pub(crate) fn limits(project: &Project) -> PhotoLimits {
    PhotoLimits { max_pixels: project.params.validate.max_megapixels.saturating_mul(1_000_000) }
}

fn find_scenes(
    dataset: &str,
    params: &DatasetParams,
    root: &Path,
    limits: PhotoLimits,
    found: &mut Found,
) -> Result<(), ExperimentError> {
    let names = folders(root)?;
    for name in chosen(dataset, params, &names, found) {
        let folder = root.join(&name);
        let images = Some(folder.join("images")).filter(|images| images.is_dir()).unwrap_or_else(|| folder.clone());
        let photos = read_photos(&format!("{dataset}/{name}"), &images, limits, found)?;
        let place = format!("{dataset}/{name}");
        let truth = read_truth(&place, &folder, &photos, &mut found.problems)?;
        let outliers = truth.outliers.clone();
        let scenes = [(name.clone(), truth)].into();
        found.collections.push(Collection { dataset: dataset.to_owned(), name, photos, scenes, outliers });
    }
    Ok(())
}

fn find_imc(
    dataset: &str,
    params: &DatasetParams,
    root: &Path,
    limits: PhotoLimits,
    found: &mut Found,
) -> Result<(), ExperimentError> {
    let ImcFiles { mut collections, problems } = read_imc(dataset, root)?;
    found.problems.extend(problems);
    let names: Vec<String> = collections.keys().cloned().collect();
    for name in chosen(dataset, params, &names, found) {
        let Some(labels) = collections.remove(&name) else { continue };
        let folder = root.join("train").join(&name);
        let place = format!("{dataset}/{name}");
        let photos = read_photos(&place, &folder, limits, found)?;
        let outliers = labels.outliers;
        let with_outliers = |(scene, truth)| (scene, GroundTruth { outliers: outliers.clone(), ..truth });
        let scenes = labels.scenes.into_iter().map(with_outliers).collect();
        found.collections.push(Collection { dataset: dataset.to_owned(), name, photos, scenes, outliers });
    }
    Ok(())
}

/// Those that the parameters choose.
fn chosen(dataset: &str, params: &DatasetParams, names: &[String], found: &mut Found) -> Vec<String> {
    if names.is_empty() {
        let advice = "put at least one scene there; the layout is in README.md";
        found.problems.push(Problem::new(dataset, "holds no collection", advice));
    }
    for missing in params.only.iter().filter(|name| !names.contains(name)) {
        let advice = format!("take it out of `datasets.{dataset}.only`, or add it");
        found.problems.push(Problem::new(dataset, format!("holds no collection `{missing}`"), advice));
    }
    let is_chosen = |name: &&String| params.only.is_empty() || params.only.contains(name);
    names.iter().filter(is_chosen).cloned().collect()
}

fn read_photos(
    place: &str,
    folder: &Path,
    limits: PhotoLimits,
    found: &mut Found,
) -> Result<PhotoSet, ExperimentError> {
    match PhotoSet::read(&PhotoSource::from(folder), limits, &Cancel::default()) {
        Ok(photos) => {
            for rejected in &photos.rejected {
                let place = format!("{place}/{}", rejected.name);
                found.problems.push(Problem::new(place, &rejected.reason, &rejected.next_step));
            }
            Ok(photos)
        }
        Err(PipelineError::Cancelled) => Err(PipelineError::Cancelled.into()),
        Err(error) => {
            found.problems.push(Problem::new(place, error.to_string(), "a scene needs at least two photos"));
            Ok(PhotoSet::default())
        }
    }
}

/// Names of the folders in a folder, sorted; hidden ones are passed over.
fn folders(root: &Path) -> Result<Vec<String>, ExperimentError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(ExperimentError::io("list", root))? {
        let path: PathBuf = entry.map_err(ExperimentError::io("list", root))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'));
        names.extend(name.filter(|_| path.is_dir()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
