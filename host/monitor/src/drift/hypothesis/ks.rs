//! The two-sample Kolmogorov-Smirnov test, two-sided: `scipy.stats.ks_2samp` with `method='auto'`.

use super::kolmogorov::kolmogorov_sf;
use super::lattice::outside_probability;

/// Above this many values in either sample the p-value is the asymptotic one (scipy's `MAX_AUTO_N`).
const MAX_EXACT: usize = 10_000;

/// Outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KsTest {
    /// Greatest difference of the two distribution functions, 0 to 1.
    pub statistic: f64,
    /// Chance of one as great between samples of one distribution; on the safe side where values are tied.
    pub p_value: f64,
}

/// Compares two samples sorted upwards, neither of them empty.
#[must_use]
pub fn ks_two_sample(a: &[f64], b: &[f64]) -> KsTest {
    let gcd = gcd(a.len(), b.len());
    let steps = [a.len(), b.len()].map(|len| (len / gcd.max(1)) as u64);
    let difference = greatest_difference([a, b], steps);
    let statistic = difference as f64 / (steps[0] * b.len() as u64) as f64;
    let p_value = if a.len().max(b.len()) <= MAX_EXACT {
        outside_probability([a.len(), b.len()], steps, difference)
    } else {
        let [m, n] = [a.len(), b.len()].map(|len| len as f64);
        kolmogorov_sf((m * n / (m + n)).round_ties_even() as u64, statistic)
    };
    KsTest { statistic, p_value: p_value.clamp(0.0, 1.0) }
}

/// The greatest difference times the least common multiple of the sizes: a whole number, so that nothing is rounded.
fn greatest_difference([a, b]: [&[f64]; 2], [step_a, step_b]: [u64; 2]) -> u64 {
    let (mut i, mut j, mut greatest) = (0, 0, 0);
    while let (Some(value_a), Some(value_b)) = (a.get(i), b.get(j)) {
        let value = value_a.min(*value_b);
        i += a[i..].iter().take_while(|other| **other == value).count();
        j += b[j..].iter().take_while(|other| **other == value).count();
        greatest = greatest.max((i as u64 * step_b).abs_diff(j as u64 * step_a));
    }
    greatest
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
