//! Mean, spread and quantiles of values.

use serde::{Deserialize, Serialize};

/// Mean, spread and quantiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub num_values: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the values themselves (divisor `n`).
    pub standard_deviation: f64,
    /// Least, 5 %, 25 %, 50 %, 75 %, 95 %, greatest.
    pub quantiles: [f64; 7],
}

impl Summary {
    /// Shares of [`Self::quantiles`].
    pub const SHARES: [f64; 7] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0];

    /// Of values sorted upwards; `None` if there are none.
    #[must_use]
    pub fn of(sorted: &[f64]) -> Option<Self> {
        let count = sorted.len() as f64;
        let mean = mean(sorted)?;
        let variance = sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Some(Self {
            num_values: sorted.len(),
            mean,
            standard_deviation: variance.sqrt(),
            quantiles: Self::SHARES.map(|share| quantile(sorted, share)),
        })
    }
}

/// Mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Quantile of at least one value sorted upwards, linear between values (numpy's default; Hyndman and Fan's type 7).
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (at - at.floor()) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_linear_between_values() {
        let summary = Summary::of(&[1.0, 2.0, 4.0]).unwrap();
        assert_eq!(summary.quantiles, [1.0, 1.1, 1.5, 2.0, 3.0, 3.8, 4.0]);
        assert!((summary.standard_deviation - (14.0_f64 / 9.0).sqrt()).abs() < 1e-12);
        assert_eq!(Summary::of(&[]), None);
    }
}
