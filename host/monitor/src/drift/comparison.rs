//! Compares two sets of values, feature by feature.

use super::hypothesis::{KsTest, benjamini_hochberg, ks_two_sample, wasserstein};
use super::summary::Summary;
use super::{Feature, MIN_IMAGES};

/// Spread that is no drift in practice, over the mean: widths that are all 4000 px are not drifted by 4001 px.
const LEAST_RELATIVE_SPREAD: f64 = 0.01;

/// Values of features, each sorted upwards.
pub type Columns = Vec<(Feature, Vec<f64>)>;

/// A feature compared.
#[derive(Debug)]
pub struct Compared<'a> {
    pub feature: Feature,
    pub ks: KsTest,
    /// Benjamini and Hochberg's adjustment for the features compared.
    pub p_adjusted: f64,
    /// Wasserstein distance in spreads of the baseline.
    pub wasserstein: f64,
    /// Sorted upwards.
    pub baseline: &'a [f64],
    /// Sorted upwards.
    pub values: &'a [f64],
}

/// Compares the features that the baseline has and at least [`MIN_IMAGES`] images tell.
pub fn compare<'a>(baseline: &'a Columns, images: &'a Columns) -> Vec<Compared<'a>> {
    let of_images = |feature| images.iter().find(|(found, _)| *found == feature).map(|(_, values)| values.as_slice());
    let pairs = baseline.iter().filter_map(|(feature, baseline)| {
        let values = of_images(*feature).filter(|values| values.len() >= MIN_IMAGES)?;
        Some((*feature, baseline.as_slice(), values))
    });
    let mut compared: Vec<Compared<'a>> = pairs.filter_map(compare_one).collect();
    let p_values: Vec<f64> = compared.iter().map(|compared| compared.ks.p_value).collect();
    let adjusted = benjamini_hochberg(&p_values);
    compared.iter_mut().zip(adjusted).for_each(|(compared, adjusted)| compared.p_adjusted = adjusted);
    compared
}

fn compare_one<'a>((feature, baseline, values): (Feature, &'a [f64], &'a [f64])) -> Option<Compared<'a>> {
    let spread = spread(&Summary::of(baseline)?);
    let ks = ks_two_sample(baseline, values);
    let wasserstein = wasserstein(baseline, values) / spread;
    Some(Compared { feature, ks, p_adjusted: ks.p_value, wasserstein, baseline, values })
}

/// Standard deviation, not below a hundredth of the mean; 1 where all values are zero.
fn spread(summary: &Summary) -> f64 {
    let spread = summary.standard_deviation.max(LEAST_RELATIVE_SPREAD * summary.mean.abs());
    if spread > 0.0 { spread } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_feature_drifts_only_by_what_matters() {
        let baseline = vec![(Feature::Width, vec![4000.0; 40])];
        let distance = |width: f64| compare(&baseline, &vec![(Feature::Width, vec![width; 30])])[0].wasserstein;
        assert!((distance(2000.0) - 50.0).abs() < 1e-9 && distance(4001.0) < 0.03);
        let grey = vec![(Feature::Saturation, vec![0.0; 40])];
        let colour = vec![(Feature::Saturation, vec![0.5; 30])];
        assert_eq!(compare(&grey, &colour)[0].wasserstein, 0.5);
    }

    #[test]
    fn features_that_few_images_tell_are_left_out() {
        let baseline = vec![(Feature::Focal, vec![0.8; 40])];
        assert!(compare(&baseline, &vec![(Feature::Focal, vec![0.8; MIN_IMAGES - 1])]).is_empty());
        assert!(compare(&baseline, &vec![(Feature::Width, vec![0.8; 30])]).is_empty());
    }
}
