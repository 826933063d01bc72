//! Says whether images have drifted from a baseline.

use super::baseline::sorted;
use super::comparison::{Columns, Compared, compare};
use super::hypothesis::population_stability_index;
use super::summary::mean;
use super::{Baseline, DriftStatus, DriftVerdict, Feature, FeatureVerdict, Histogram, ImageStatistics};

/// Of fewer images nothing is said: even the greatest difference between them and a baseline could be chance.
pub const MIN_IMAGES: usize = 10;

/// Compares images with a baseline. A feature has drifted if both its adjusted p-value and its distance pass their
/// thresholds; one that fewer than [`MIN_IMAGES`] images tell, or that the baseline lacks, is left out.
#[must_use]
pub fn check(baseline: &Baseline, images: &[ImageStatistics]) -> DriftVerdict {
    let num_images = images.len();
    let thresholds = baseline.calibration.thresholds(num_images).filter(|_| num_images >= MIN_IMAGES);
    if thresholds.is_none() {
        let status = DriftStatus::InsufficientData;
        return DriftVerdict { status, num_images, thresholds, features: Vec::new() };
    }
    let (of_baseline, of_images) = (baseline.columns(), columns(images));
    let compared = compare(&of_baseline, &of_images);
    let features: Vec<FeatureVerdict> = compared.iter().map(|compared| judged(baseline, compared)).collect();
    let has_drifted = features.iter().any(|feature| feature.drifted);
    let status = if has_drifted { DriftStatus::Drift } else { DriftStatus::Ok };
    DriftVerdict { status, num_images, thresholds, features }
}

fn columns(images: &[ImageStatistics]) -> Columns {
    let values = |feature| sorted(images.iter().filter_map(|image| image.value(feature)));
    Feature::ALL.into_iter().map(|feature| (feature, values(feature))).collect()
}

fn judged(baseline: &Baseline, compared: &Compared<'_>) -> FeatureVerdict {
    let num_values = compared.values.len();
    let drifted = baseline.calibration.thresholds(num_values).is_some_and(|thresholds| {
        compared.p_adjusted < thresholds.max_p_adjusted && compared.wasserstein > thresholds.min_wasserstein
    });
    FeatureVerdict {
        feature: compared.feature,
        num_values,
        ks: compared.ks.statistic,
        p: compared.ks.p_value,
        p_adjusted: compared.p_adjusted,
        psi: population_stability_index(compared.baseline, compared.values),
        wasserstein: compared.wasserstein,
        drifted,
        baseline_mean: mean(compared.baseline).unwrap_or_default(),
        mean: mean(compared.values).unwrap_or_default(),
        histogram: Histogram::of(compared.baseline, compared.values),
    }
}
