//! Drift: whether images look as those of a baseline do.

mod feature;
mod verdict;

pub use feature::Feature;
pub use verdict::{DriftStatus, DriftVerdict, FeatureVerdict, Thresholds};
