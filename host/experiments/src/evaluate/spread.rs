//! Mean and spread of a measure over seeds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::metrics::Values;

/// Mean and spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the sample (over `num - 1`); none of fewer than two values.
    pub std: Option<f64>,
    /// How many values.
    pub num: usize,
}

impl Spread {
    /// Of some values; none of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let num = values.len();
        let mean = (num > 0).then(|| values.iter().sum::<f64>() / num as f64)?;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        Some(Self { mean, std: (num > 1).then(|| (squares / (num - 1) as f64).sqrt()), num })
    }
}

/// Each measure over the seeds that have it.
pub(super) fn over_seeds(seeds: &BTreeMap<u64, Values>) -> BTreeMap<String, Spread> {
    let names: BTreeSet<&String> = seeds.values().flat_map(BTreeMap::keys).collect();
    let spread = |name: &String| {
        let values: Vec<f64> = seeds.values().filter_map(|values| values.get(name).copied()).collect();
        Some((name.clone(), Spread::of(&values)?))
    };
    names.into_iter().filter_map(spread).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_by_hand() {
        // mean of 1, 2, 6 is 3; squares 4 + 1 + 9 = 14 over 2: the root of 7
        let spread = Spread::of(&[1.0, 2.0, 6.0]).unwrap();
        assert_eq!((spread.mean, spread.std, spread.num), (3.0, Some(7.0_f64.sqrt()), 3));
        assert_eq!(Spread::of(&[4.0]).unwrap().std, None);
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_measure_that_a_seed_lacks_is_taken_over_the_others() {
        let values = |pairs: &[(&str, f64)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let seeds = [(0, values(&[("a", 1.0), ("b", 5.0)])), (1, values(&[("a", 3.0)]))].into();
        let spreads = over_seeds(&seeds);
        assert_eq!((spreads["a"].mean, spreads["a"].num), (2.0, 2));
        assert_eq!((spreads["b"].mean, spreads["b"].num), (5.0, 1));
    }
}
