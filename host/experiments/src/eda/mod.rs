//! Stage `eda`: how the photos of each dataset look, as a baseline that a service finds drift by.

mod keypoints;

use std::collections::BTreeMap;
use std::fs;

use rayon::prelude::*;
use scene3d_monitor::drift::{Baseline, ImageStatistics, MIN_BASELINE_IMAGES};
use scene3d_pipeline::{OpenedPhoto, Photo, PhotoLimits, Rejected, open_photo};
use serde::{Deserialize, Serialize};

use crate::ExperimentError;
use crate::collection::{find_valid, limits};
use crate::project::{Project, emptied, write_json, write_text};

pub use keypoints::Counter;

/// Where the stage writes, below the project's `out`.
pub(crate) const FOLDER: &str = "eda";

/// Photos and what was measured of them.
pub type Measured = Vec<(Photo, ImageStatistics)>;

/// What came of one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetBaseline {
    /// Its photos.
    pub num_photos: usize,
    /// The baseline's file, relative to the stage's folder; none where there are too few photos.
    pub baseline: Option<String>,
    /// Why there is none.
    pub note: Option<String>,
    /// Mean of each feature, in its unit.
    pub means: BTreeMap<String, f64>,
}

/// Writes a baseline for each dataset that has photos enough, and a summary.
///
/// # Errors
/// [`ExperimentError`] if the data are not valid, or the config of the keypoints is wrong.
pub fn eda(project: &Project) -> Result<BTreeMap<String, DatasetBaseline>, ExperimentError> {
    let counter = counter(project)?;
    let collections = find_valid(project)?;
    let limits = limits(project);
    emptied(&project.out(FOLDER))?;
    let mut summary = BTreeMap::new();
    for dataset in project.params.datasets.keys() {
        let of_dataset = collections.iter().filter(|collection| collection.dataset == *dataset);
        let photos: Vec<Photo> = of_dataset.flat_map(|collection| collection.photos.photos.iter().cloned()).collect();
        let (measured, rejected) = measure_all(&photos, limits);
        if let Some(rejected) = rejected.into_iter().next() {
            return Err(ExperimentError::Photo(rejected));
        }
        summary.insert(dataset.clone(), write_baseline(project, dataset, &measured, counter.as_ref())?);
    }
    write_json(&project.out(FOLDER).join("summary.json"), &summary)?;
    Ok(summary)
}

fn counter(project: &Project) -> Result<Option<Counter>, ExperimentError> {
    let keypoints = project.params.eda.keypoints.as_ref();
    keypoints.map(|config| Counter::plan(&project.path(&config.file), &config.set)).transpose()
}

fn write_baseline(
    project: &Project,
    dataset: &str,
    measured: &Measured,
    counter: Option<&Counter>,
) -> Result<DatasetBaseline, ExperimentError> {
    let num_photos = measured.len();
    if num_photos < MIN_BASELINE_IMAGES {
        let note = format!("{num_photos} photos, a baseline needs at least {MIN_BASELINE_IMAGES}");
        return Ok(DatasetBaseline { num_photos, baseline: None, note: Some(note), means: BTreeMap::new() });
    }
    let statistics = match counter {
        Some(counter) => counter.add_to(measured)?,
        None => measured.iter().map(|(_, statistics)| *statistics).collect(),
    };
    let baseline = Baseline::calibrated(&statistics, project.params.eda.seed)?;
    let file = format!("{dataset}.json");
    write_text(&project.out(FOLDER).join(&file), &baseline.to_json()?)?;
    let mean = |of: &scene3d_monitor::drift::FeatureBaseline| (of.feature.name().to_owned(), of.summary.mean);
    let means = baseline.features.iter().map(mean).collect();
    Ok(DatasetBaseline { num_photos, baseline: Some(file), note: None, means })
}

/// Measures photos, and says which can't be; in the order of the photos, whatever the thread count.
#[must_use]
pub fn measure_all(photos: &[Photo], limits: PhotoLimits) -> (Measured, Vec<Rejected>) {
    let (mut measured, mut rejected) = (Vec::new(), Vec::new());
    for result in photos.par_iter().map(|photo| measure(photo, limits)).collect::<Vec<_>>() {
        match result {
            Ok(statistics) => measured.push(statistics),
            Err(reason) => rejected.push(reason),
        }
    }
    (measured, rejected)
}

fn measure(photo: &Photo, limits: PhotoLimits) -> Result<(Photo, ImageStatistics), Rejected> {
    let name = &photo.info.name;
    let reject = |reason: String, next_step| Rejected::not_decodable(name, reason, next_step);
    let bytes =
        fs::read(&photo.path).map_err(|error| reject(format!("can't be read: {error}"), "check its permissions"))?;
    let OpenedPhoto { pixels, stored_size, image_size, focal_px } = open_photo(name, &bytes, limits)?;
    let statistics = ImageStatistics::measure(&pixels, stored_size)
        .map_err(|error| reject(format!("can't be measured: {error}"), "remove it"))?;
    Ok((photo.clone(), statistics.with_image_size(image_size).with_focal_px(focal_px)))
}
