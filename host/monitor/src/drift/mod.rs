//! Drift: whether images look as those of a baseline do.
//!
//! [`ImageStatistics`] are measured once an image, [`Baseline::calibrated`] keeps those of good photos together with
//! thresholds that suit them, [`check`] compares others with it.

mod baseline;
mod calibration;
mod check;
mod comparison;
mod feature;
mod histogram;
pub mod hypothesis;
mod pixels;
pub mod random;
mod resample;
mod statistics;
mod summary;
mod verdict;

pub use baseline::{Baseline, FeatureBaseline, MAX_BASELINE_IMAGES, MIN_BASELINE_IMAGES};
pub use calibration::{Calibration, CalibrationRow, MAX_FALSE_ALARM_RATE, Sampling};
pub use check::{MIN_IMAGES, check};
pub use feature::Feature;
pub use histogram::Histogram;
pub use statistics::{ImageStatistics, KeypointStatistics};
pub use summary::Summary;
pub use verdict::{DriftStatus, DriftVerdict, FeatureVerdict, Thresholds};
