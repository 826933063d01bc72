//! How two sets of values are distributed, side by side, for people to look at.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Fine enough to see two humps, coarse enough for dozens of images.
const NUM_BINS: usize = 20;

/// Values of a baseline and of images in the same bins of equal width, from the least value of both to the greatest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Histogram {
    /// Bounds of the bins upwards, one more than there are bins; each bin has its lower bound, the last one both.
    pub edges: Vec<f64>,
    /// Share of the baseline's values in each bin; sums to 1.
    pub baseline: Vec<f64>,
    /// Share of the images' values in each bin; sums to 1.
    pub images: Vec<f64>,
}

impl Histogram {
    /// Of values sorted upwards; one bin where all are the same.
    pub(super) fn of(baseline: &[f64], images: &[f64]) -> Self {
        let ends = |values: &[f64]| values.first().copied().zip(values.last().copied());
        let both = [ends(baseline), ends(images)].into_iter().flatten();
        let (least, greatest) =
            both.reduce(|(least, greatest), (first, last)| (least.min(first), greatest.max(last))).unwrap_or_default();
        let num_bins = if least < greatest { NUM_BINS } else { 1 };
        let width = (greatest - least) / num_bins as f64;
        let mut edges: Vec<f64> = (0..num_bins).map(|bin| least + width * bin as f64).collect();
        edges.push(greatest);
        Self { baseline: shares(baseline, &edges), images: shares(images, &edges), edges }
    }
}

fn shares(values: &[f64], edges: &[f64]) -> Vec<f64> {
    let last = edges.len() - 2;
    let mut counts = vec![0_u32; last + 1];
    for value in values {
        counts[edges.partition_point(|edge| edge <= value).saturating_sub(1).min(last)] += 1;
    }
    counts.into_iter().map(|count| f64::from(count) / values.len().max(1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sets_share_bins_and_each_sums_to_one() {
        let (baseline, images): (Vec<f64>, Vec<f64>) =
            ((0..=40).map(f64::from).collect(), (30..50).map(f64::from).collect());
        let histogram = Histogram::of(&baseline, &images);
        assert_eq!(histogram.edges.len(), NUM_BINS + 1);
        assert_eq!((histogram.edges[0], histogram.edges[NUM_BINS]), (0.0, 49.0));
        for shares in [&histogram.baseline, &histogram.images] {
            assert_eq!(shares.len(), NUM_BINS);
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        // 0, 1, 2 of 41 below 2.45; 47, 48 and 49, which is the last bound, of 20
        assert!((histogram.baseline[0] - 3.0 / 41.0).abs() < 1e-12 && histogram.images[0] == 0.0);
        assert!((histogram.images[NUM_BINS - 1] - 3.0 / 20.0).abs() < 1e-12);
    }

    #[test]
    fn values_that_are_all_the_same_have_one_bin() {
        let histogram = Histogram::of(&[4000.0; 30], &[4000.0; 12]);
        assert_eq!((histogram.edges, histogram.baseline, histogram.images), (vec![4000.0; 2], vec![1.0], vec![1.0]));
    }
}
