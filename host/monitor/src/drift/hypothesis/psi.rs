//! The population stability index over the baseline's deciles.

use super::super::summary::quantile;

const NUM_BINS: usize = 10;
/// Added to each count, so that an empty bin does not make the index infinite (Jeffreys' prior).
const PRIOR: f64 = 0.5;

/// Sum of `(q - p) ln(q / p)` over bins, with the shares `p` of the baseline and `q` of the sample, both sorted upwards
/// and not empty.
///
/// The bins are those between the baseline's deciles, equal ones taken once, and one each for what lies below and above
/// all of the baseline. A usual reading: below 0.1 little has changed, above 0.25 much; samples of a few dozen values
/// exceed both by chance.
#[must_use]
pub fn population_stability_index(baseline: &[f64], sample: &[f64]) -> f64 {
    let mut deciles: Vec<f64> = (1..=NUM_BINS).map(|bin| quantile(baseline, bin as f64 / NUM_BINS as f64)).collect();
    deciles.dedup();
    let shares = |sorted: &[f64]| shares(sorted, baseline[0], &deciles);
    shares(baseline).iter().zip(shares(sample)).map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

/// Shares below the least value, up to each decile, and above the last.
fn shares(sorted: &[f64], least: f64, deciles: &[f64]) -> Vec<f64> {
    let below = sorted.partition_point(|value| *value < least);
    let up_to = deciles.iter().map(|decile| sorted.partition_point(|value| value <= decile));
    let ends: Vec<usize> = std::iter::once(below).chain(up_to).chain([sorted.len()]).collect();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let total = sorted.len() as f64 + PRIOR * ends.len() as f64;
    ends.iter().zip(starts).map(|(end, start)| ((end - start) as f64 + PRIOR) / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_baseline_sees_what_lies_beside_it() {
        let baseline = [4000.0; 50];
        assert!(population_stability_index(&baseline, &baseline).abs() < 1e-12);
        assert!(population_stability_index(&baseline, &[2000.0; 30]) > 1.0);
        assert!(population_stability_index(&baseline, &[8000.0; 30]) > 1.0);
    }
}
