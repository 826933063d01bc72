//! Pooled figures: a measure's mean over all scenes of a seed, then mean and spread over seeds. Every scene counts the same,
//! however many photos it has; so does every collection, as in the Image Matching Challenge.

use std::collections::BTreeMap;

use super::spread::{Spread, over_seeds};
use super::{ConfigEvaluation, UnitEvaluation};
use crate::metrics::Values;

/// Of all measures.
pub(super) fn pooled(of_config: &ConfigEvaluation) -> BTreeMap<String, Spread> {
    [&of_config.scenes, &of_config.collections]
        .into_iter()
        .flat_map(|units| over_seeds(&means_by_seed(units)))
        .collect()
}

fn means_by_seed(units: &[UnitEvaluation]) -> BTreeMap<u64, Values> {
    let mut values: BTreeMap<u64, BTreeMap<&String, Vec<f64>>> = BTreeMap::new();
    for unit in units {
        for (seed, measured) in &unit.seeds {
            let of_seed = values.entry(*seed).or_default();
            measured.iter().for_each(|(name, value)| of_seed.entry(name).or_default().push(*value));
        }
    }
    let mean = |(name, values): (&String, Vec<f64>)| Some((name.clone(), Spread::of(&values)?.mean));
    values.into_iter().map(|(seed, values)| (seed, values.into_iter().filter_map(mean).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepare::Split;

    #[test]
    fn every_scene_counts_the_same_and_the_spread_is_over_seeds() {
        let values = |value: f64| Values::from([("auc_5".to_owned(), value)]);
        let unit = |id: &str, by_seed: [f64; 2]| {
            UnitEvaluation::new(id, Split::Select, [(0, values(by_seed[0])), (7, values(by_seed[1]))].into())
        };
        let scenes = vec![unit("a", [10.0, 30.0]), unit("b", [50.0, 50.0])];
        let of_config = ConfigEvaluation { scenes, ..ConfigEvaluation::default() };
        // seed 0: (10 + 50) / 2 = 30; seed 7: 40. mean 35, spread over seeds the root of 50
        let spread = pooled(&of_config)["auc_5"];
        assert_eq!((spread.mean, spread.std, spread.num), (35.0, Some(50.0_f64.sqrt()), 2));
    }
}
