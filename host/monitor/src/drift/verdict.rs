//! What a drift check says of a set of images.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Feature, Histogram};

/// Whether images have drifted from a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftStatus {
    /// No feature has.
    Ok,
    /// At least one feature has.
    Drift,
    /// There are too few images to tell.
    InsufficientData,
}

impl DriftStatus {
    /// As in JSON and in labels of metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Drift => "drift",
            Self::InsufficientData => "insufficient_data",
        }
    }
}

/// The bounds that a feature must pass both to have drifted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = DriftThresholds)]
pub struct Thresholds {
    /// The adjusted p-value is below this.
    pub max_p_adjusted: f64,
    /// The normalised Wasserstein distance is above this.
    pub min_wasserstein: f64,
}

/// A drift check of a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DriftVerdict {
    /// Whether they have drifted.
    pub status: DriftStatus,
    /// How many were compared.
    pub num_images: usize,
    /// The bounds for that many; `None` where there were too few.
    pub thresholds: Option<Thresholds>,
    /// The features that could be compared, in the order of [`Feature::ALL`]; empty where there were too few images.
    pub features: Vec<FeatureVerdict>,
}

/// How one feature of the images compares with the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeatureVerdict {
    /// Which.
    pub feature: Feature,
    /// How many of the images tell it; the thresholds are those for that many.
    pub num_values: usize,
    /// Two-sample Kolmogorov-Smirnov statistic, 0 to 1.
    pub ks: f64,
    /// Its p-value.
    pub p: f64,
    /// The same after Benjamini and Hochberg's adjustment for the number of features.
    pub p_adjusted: f64,
    /// Population stability index over the baseline's deciles.
    pub psi: f64,
    /// Wasserstein distance in standard deviations of the baseline.
    pub wasserstein: f64,
    /// Whether both thresholds are passed.
    pub drifted: bool,
    /// Mean of the baseline.
    pub baseline_mean: f64,
    /// Mean of the images.
    pub mean: f64,
    /// The values of both.
    pub histogram: Histogram,
}

impl DriftVerdict {
    /// The features that have drifted.
    pub fn drifted(&self) -> impl Iterator<Item = Feature> {
        self.features.iter().filter(|verdict| verdict.drifted).map(|verdict| verdict.feature)
    }
}
