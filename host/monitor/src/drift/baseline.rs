//! What images of a service usually look like: their statistics, and the thresholds that suit them.

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::comparison::Columns;
use super::random::SplitMix64;
use super::{Feature, ImageStatistics, Summary};
use crate::MonitorError;

/// A baseline of fewer images is refused: its halves would not hold the least set that is checked.
pub const MIN_BASELINE_IMAGES: usize = 20;
/// Of more images a random part is kept: it tells a distribution function to 3 %, and keeps checks fast.
pub const MAX_BASELINE_IMAGES: usize = 1000;
/// Raised when older readers would misread the JSON.
const SCHEMA_VERSION: u32 = 1;

/// What images usually look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Of this JSON.
    pub schema_version: u32,
    /// How many images are kept.
    pub num_images: usize,
    /// In the order of [`Feature::ALL`]; those that fewer than [`MIN_BASELINE_IMAGES`] images tell are left out.
    pub features: Vec<FeatureBaseline>,
    /// Thresholds by the number of images.
    pub calibration: Calibration,
}

/// A feature of the images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureBaseline {
    /// Which.
    pub feature: Feature,
    /// Of the values.
    pub summary: Summary,
    /// One an image, in the same order for all features; `None` where the image does not tell.
    pub values: Vec<Option<f64>>,
}

impl Baseline {
    /// Keeps statistics and calibrates thresholds on them; the same for the same images and seed.
    ///
    /// # Errors
    /// [`MonitorError::TooFewImages`] below [`MIN_BASELINE_IMAGES`].
    pub fn calibrated(images: &[ImageStatistics], seed: u64) -> Result<Self, MonitorError> {
        if images.len() < MIN_BASELINE_IMAGES {
            return Err(MonitorError::TooFewImages { num_images: images.len(), min_images: MIN_BASELINE_IMAGES });
        }
        let mut kept = SplitMix64::new(seed).choose(images.len(), MAX_BASELINE_IMAGES);
        kept.sort_unstable();
        let images: Vec<ImageStatistics> = kept.into_iter().map(|index| images[index]).collect();
        let features: Vec<_> = Feature::ALL.into_iter().filter_map(|feature| of_feature(&images, feature)).collect();
        let calibration = Calibration::by_resampling(&features, seed);
        Ok(Self { schema_version: SCHEMA_VERSION, num_images: images.len(), features, calibration })
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`MonitorError::Baseline`] if it is no baseline, of another version, or its parts do not fit each other.
    pub fn from_json(json: &str) -> Result<Self, MonitorError> {
        let refuse = |problem: String| MonitorError::Baseline(problem);
        let value: serde_json::Value = serde_json::from_str(json).map_err(|error| refuse(error.to_string()))?;
        if value["schema_version"] != SCHEMA_VERSION {
            return Err(refuse(format!("schema_version is {}, expected {SCHEMA_VERSION}", value["schema_version"])));
        }
        let baseline: Self = serde_json::from_value(value).map_err(|error| refuse(error.to_string()))?;
        baseline.check()?;
        Ok(baseline)
    }

    /// As a file: one object, values without the names of their images.
    ///
    /// # Errors
    /// [`MonitorError::Baseline`] if a value can't be written.
    pub fn to_json(&self) -> Result<String, MonitorError> {
        serde_json::to_string(self).map_err(|error| MonitorError::Baseline(error.to_string()))
    }

    pub(super) fn columns(&self) -> Columns {
        self.features.iter().map(|feature| (feature.feature, feature.sorted())).collect()
    }

    fn check(&self) -> Result<(), MonitorError> {
        let refuse = |problem: String| Err(MonitorError::Baseline(problem));
        if !(MIN_BASELINE_IMAGES..=MAX_BASELINE_IMAGES).contains(&self.num_images) {
            let expected = format!("{MIN_BASELINE_IMAGES} to {MAX_BASELINE_IMAGES}");
            return refuse(format!("it has {} images, expected {expected}", self.num_images));
        }
        if let Some(odd) = self.features.iter().find(|feature| feature.values.len() != self.num_images) {
            let (name, found) = (odd.feature, odd.values.len());
            return refuse(format!("{name} has {found} values, expected one for each of {} images", self.num_images));
        }
        if let Some(sparse) = self.features.iter().find(|feature| feature.sorted().len() < MIN_BASELINE_IMAGES) {
            return refuse(format!("{} has too few values, expected {MIN_BASELINE_IMAGES}", sparse.feature));
        }
        let rows = &self.calibration.rows;
        if rows.is_empty() || !rows.is_sorted_by(|a, b| a.num_images < b.num_images) {
            return refuse("its calibration has no rows, or they are out of order".to_owned());
        }
        Ok(())
    }
}

impl FeatureBaseline {
    /// The values there are, upwards.
    fn sorted(&self) -> Vec<f64> {
        sorted(self.values.iter().copied().flatten())
    }
}

fn of_feature(images: &[ImageStatistics], feature: Feature) -> Option<FeatureBaseline> {
    let values: Vec<Option<f64>> = images.iter().map(|image| image.value(feature)).collect();
    let known = sorted(values.iter().copied().flatten());
    let summary = Summary::of(&known).filter(|_| known.len() >= MIN_BASELINE_IMAGES)?;
    Some(FeatureBaseline { feature, summary, values })
}

/// Values upwards.
pub(super) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
