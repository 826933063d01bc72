//! A paired test: are the differences of pairs larger than signs by chance would make them?
//!
//! The sign-flip (paired permutation) test of Fisher (1935, "The Design of Experiments", section 21): if neither config were
//! better, each difference could as well have had the other sign. The p-value is the share of all sign patterns whose sum is at
//! least that observed; of many pairs a random sample of patterns is drawn, and the observed one is counted with them (Phipson
//! and Smyth 2010, "Permutation P-values should never be zero").

use scene3d_monitor::drift::random::SplitMix64;

/// All sign patterns of at most so many pairs are tried.
pub(crate) const MAX_EXACT_PAIRS: usize = 18;
/// Patterns drawn where there are more.
const NUM_DRAWN: usize = 99_999;
/// Sums that differ by less than this share of the largest possible are equal but for rounding.
const ROUNDING: f64 = 1e-12;

/// One-sided p-value of `differences` being larger than 0; 1 of none. The seed matters beyond [`MAX_EXACT_PAIRS`] only.
pub(crate) fn p_value(differences: &[f64], seed: u64) -> f64 {
    let observed: f64 = differences.iter().sum();
    let slack = ROUNDING * differences.iter().map(|difference| difference.abs()).sum::<f64>();
    let is_as_large = |sum: f64| sum >= observed - slack;
    if differences.len() <= MAX_EXACT_PAIRS {
        let num_patterns = 1_usize << differences.len();
        let sum = |pattern: usize| {
            let signed =
                |(place, difference): (usize, &f64)| if pattern >> place & 1 == 1 { -difference } else { *difference };
            differences.iter().enumerate().map(signed).sum()
        };
        let num_as_large = (0..num_patterns).filter(|pattern| is_as_large(sum(*pattern))).count();
        return num_as_large as f64 / num_patterns as f64;
    }
    let mut random = SplitMix64::new(seed);
    let mut drawn_sum = || -> f64 {
        let (mut bits, mut num_bits) = (0, 0);
        let signed = |difference: &f64| {
            if num_bits == 0 {
                (bits, num_bits) = (random.draw(), u64::BITS);
            }
            let sign = bits & 1;
            (bits, num_bits) = (bits >> 1, num_bits - 1);
            if sign == 1 { -difference } else { *difference }
        };
        differences.iter().map(signed).sum()
    };
    let num_as_large = (0..NUM_DRAWN).filter(|_| is_as_large(drawn_sum())).count();
    (num_as_large + 1) as f64 / (NUM_DRAWN + 1) as f64
}

/// The least p-value that so many pairs can have: only then does one pattern reach the observed sum.
pub(crate) fn least_p_value(num_pairs: usize) -> f64 {
    if num_pairs <= MAX_EXACT_PAIRS { 0.5_f64.powi(num_pairs as i32) } else { 1.0 / (NUM_DRAWN + 1) as f64 }
}

/// P-values of several tests, adjusted so that one of them being below alpha by chance has a probability of alpha at most
/// (Holm 1979, "A simple sequentially rejective multiple test procedure"); in the same order.
pub(crate) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max(p_values[index] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_pairs_have_the_p_values_of_scipy() {
        // scipy 1.17.1: permutation_test((d, zeros), mean difference, permutation_type="samples", alternative="greater"), exact
        let cases: [(&[f64], f64); 5] = [
            (&[1.5, 0.3, 2.2, -0.4, 0.9, 1.1], 0.046_875),
            (&[0.0, 0.0, 1.0], 0.5),
            (&[-1.0, -2.0, 0.5], 0.875),
            (&[2.0; 8], 0.003_906_25),
            (&[0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0.8, 0.9, 1.0], 0.065_429_687_5),
        ];
        for (differences, expected) in cases {
            assert_eq!(p_value(differences, 0), expected, "{differences:?}");
        }
    }

    #[test]
    fn many_pairs_are_near_the_exact_value_and_follow_the_seed() {
        #[rustfmt::skip]
        let differences = [0.8, -0.3, 1.2, 0.4, -0.9, 0.7, 0.2, 1.5, -0.1, 0.6, -0.4, 0.3, 0.9, -0.7, 1.1, 0.5, -0.2, 0.1, 0.35,
            -0.6, 0.45, 0.25];
        // all 2^22 patterns in numpy: 0.0264804; of 99,999 drawn the share has a standard deviation of 0.0005
        let drawn = p_value(&differences, 3);
        assert!((drawn - 0.026_480_4).abs() < 0.002, "{drawn}");
        assert_eq!(drawn, p_value(&differences, 3));
        assert_ne!(drawn, p_value(&differences, 4));
    }

    #[test]
    fn nothing_and_no_difference_are_no_proof() {
        assert_eq!((p_value(&[], 0), p_value(&[0.0; 5], 0), p_value(&[0.0; 30], 0)), (1.0, 1.0, 1.0));
        assert_eq!((least_p_value(0), least_p_value(3), least_p_value(40)), (1.0, 0.125, 1e-5));
    }

    #[test]
    fn holm_by_hand() {
        // sorted 0.01, 0.03, 0.04: times 3, 2 and 1 that is 0.03, 0.06, 0.04, of which the last must not be below 0.06
        assert_eq!(holm(&[0.04, 0.01, 0.03]), [0.06, 0.03, 0.06]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
