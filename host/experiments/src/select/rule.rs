//! The rule of promotion on plain numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reached;
use crate::paired_test::{holm, least_p_value, p_value};
use crate::params::SelectParams;

/// Who won, and all that it was decided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// What decided.
    pub metric: String,
    /// Level of significance.
    pub alpha: f64,
    /// What no scene may lose more than.
    pub max_scene_loss: f64,
    /// Who reigned.
    pub champion: String,
    /// Who reigns.
    pub winner: String,
    /// Why, for people.
    pub reason: String,
    /// Mean of each config over scenes and seeds.
    pub means: BTreeMap<String, f64>,
    /// Every challenger.
    pub challengers: Vec<Challenge>,
    /// What each config reached in each scene with each seed.
    pub reached: Reached,
}

/// A challenger against the champion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// Who.
    pub config: String,
    /// Pairs of the same scene and seed.
    pub num_pairs: usize,
    /// Mean of challenger minus champion.
    pub mean_difference: f64,
    /// One-sided p-value of the sign-flip test.
    pub p_value: f64,
    /// The same, adjusted for the number of challengers.
    pub adjusted_p_value: f64,
    /// The scene that loses most, in the mean over seeds, and its difference.
    pub worst_scene: Option<(String, f64)>,
    /// Whether it may take the champion's place.
    pub passes: bool,
    /// Why, or why not.
    pub reason: String,
}

/// Applies the rule.
pub(super) fn select(reached: &Reached, params: &SelectParams) -> Selection {
    let champion = &params.champion;
    let means: BTreeMap<String, f64> =
        reached.0.iter().map(|(config, units)| (config.clone(), mean_of(units))).collect();
    let names: Vec<&String> = reached.0.keys().filter(|name| *name != champion).collect();
    let differences: Vec<Differences> = names.iter().map(|name| Differences::of(reached, name, champion)).collect();
    let p_values: Vec<f64> = differences.iter().map(|of| p_value(&of.all, params.seed)).collect();
    let adjusted = holm(&p_values);
    let challenge =
        |index: usize| challenge(names[index], &differences[index], p_values[index], adjusted[index], params);
    let challengers: Vec<Challenge> = (0..names.len()).map(challenge).collect();
    let mean = |challenge: &Challenge| means.get(&challenge.config).copied().unwrap_or(f64::NEG_INFINITY);
    let passing = challengers.iter().filter(|challenge| challenge.passes);
    // the first of equals
    let winner = passing.reduce(|best, other| if mean(other) > mean(best) { other } else { best });
    let reason = match winner {
        Some(winner) => winner.reason.clone(),
        None if challengers.is_empty() => format!("{champion} stays: nobody challenges it"),
        None => {
            let reasons: Vec<&str> = challengers.iter().map(|challenge| challenge.reason.as_str()).collect();
            format!("{champion} stays: {}", reasons.join("; "))
        }
    };
    Selection {
        metric: params.metric.clone(),
        alpha: params.alpha,
        max_scene_loss: params.max_scene_loss,
        champion: champion.clone(),
        winner: winner.map_or_else(|| champion.clone(), |winner| winner.config.clone()),
        reason,
        means,
        challengers,
        reached: reached.clone(),
    }
}

fn mean_of(units: &BTreeMap<String, BTreeMap<u64, f64>>) -> f64 {
    mean(&units.values().flat_map(BTreeMap::values).copied().collect::<Vec<_>>())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Challenger minus champion.
struct Differences {
    /// Of each scene and seed.
    all: Vec<f64>,
    /// The scene that loses most in the mean over seeds.
    worst: Option<(String, f64)>,
}

impl Differences {
    fn of(reached: &Reached, challenger: &str, champion: &str) -> Self {
        let [challenger, champion] = [challenger, champion].map(|name| reached.0.get(name));
        let (mut all, mut worst) = (Vec::new(), None::<(String, f64)>);
        for (unit, by_seed) in challenger.into_iter().flatten() {
            let of_champion = champion.and_then(|units| units.get(unit));
            let difference = |(seed, value): (&u64, &f64)| Some(value - of_champion?.get(seed)?);
            let of_unit: Vec<f64> = by_seed.iter().filter_map(difference).collect();
            if of_unit.is_empty() {
                continue;
            }
            let loss = mean(&of_unit);
            if worst.as_ref().is_none_or(|(_, least)| loss < *least) {
                worst = Some((unit.clone(), loss));
            }
            all.extend(of_unit);
        }
        Self { all, worst }
    }
}

fn challenge(config: &str, differences: &Differences, p_value: f64, adjusted: f64, params: &SelectParams) -> Challenge {
    let SelectParams { champion, metric, alpha, max_scene_loss, .. } = params;
    let (num_pairs, mean_difference) = (differences.all.len(), mean(&differences.all));
    let is_better = adjusted <= *alpha && mean_difference > 0.0;
    let losing = differences.worst.as_ref().filter(|(_, difference)| -difference > *max_scene_loss);
    let figures = format!("{metric} {mean_difference:+.3} over {num_pairs} pairs, p = {adjusted:.4}");
    let reason = match losing {
        None if is_better => {
            format!("{config} takes the place of {champion}: {figures}, and no scene loses more than {max_scene_loss}")
        }
        Some((scene, difference)) if is_better => {
            format!(
                "{config} is better ({figures}), but loses {:.3} in {scene}, more than {max_scene_loss}",
                -difference
            )
        }
        _ if least_p_value(num_pairs) > *alpha => {
            let least = least_p_value(num_pairs);
            format!(
                "{config} can't be shown to be better ({figures}): {num_pairs} pairs give no p below {least:.4}; add scenes or seeds"
            )
        }
        _ => format!("{config} is not shown to be better ({figures}, expected at most {alpha})"),
    };
    Challenge {
        config: config.to_owned(),
        num_pairs,
        mean_difference,
        p_value,
        adjusted_p_value: adjusted,
        worst_scene: differences.worst.clone(),
        passes: is_better && losing.is_none(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> SelectParams {
        SelectParams {
            champion: "old".to_owned(),
            metric: "auc_5".to_owned(),
            alpha: 0.05,
            max_scene_loss: 2.0,
            seed: 0,
            out: "best.toml".into(),
        }
    }

    /// One value a scene, with each of the seeds 0 and 1 the same.
    fn reached(configs: &[(&str, &[f64])]) -> Reached {
        let units = |values: &[f64]| {
            let unit = |(index, value): (usize, &f64)| (format!("scene-{index}"), [(0, *value), (1, *value)].into());
            values.iter().enumerate().map(unit).collect()
        };
        Reached(configs.iter().map(|(config, values)| ((*config).to_owned(), units(values))).collect())
    }

    #[test]
    fn a_challenger_that_is_better_everywhere_wins() {
        let selection = select(&reached(&[("old", &[50.0, 60.0, 70.0]), ("new", &[53.0, 61.0, 72.0])]), &params());
        // 6 pairs, all better: 1 of 64 patterns
        let challenge = &selection.challengers[0];
        assert_eq!((challenge.num_pairs, challenge.p_value, challenge.mean_difference), (6, 1.0 / 64.0, 2.0));
        assert_eq!((selection.winner.as_str(), selection.means["new"]), ("new", 62.0));
        assert!(selection.reason.contains("takes the place of old"), "{}", selection.reason);
    }

    #[test]
    fn a_scene_that_loses_too_much_keeps_the_champion() {
        let values: [&[f64]; 2] = [&[50.0, 60.0, 70.0, 50.0, 50.0], &[70.0, 80.0, 90.0, 70.0, 47.0]];
        let selection = select(&reached(&[("old", values[0]), ("new", values[1])]), &params());
        let challenge = &selection.challengers[0];
        assert!(challenge.adjusted_p_value < 0.05 && !challenge.passes);
        assert_eq!(challenge.worst_scene, Some(("scene-4".to_owned(), -3.0)));
        assert_eq!(selection.winner, "old");
        assert!(selection.reason.contains("loses 3.000 in scene-4"), "{}", selection.reason);
        let tolerant = SelectParams { max_scene_loss: 3.0, ..params() };
        assert_eq!(select(&reached(&[("old", values[0]), ("new", values[1])]), &tolerant).winner, "new");
    }

    #[test]
    fn what_is_no_better_by_the_test_does_not_win() {
        let selection = select(&reached(&[("old", &[50.0, 60.0, 70.0]), ("new", &[51.0, 59.5, 70.2])]), &params());
        assert_eq!(selection.winner, "old");
        assert!(selection.reason.contains("not shown to be better"), "{}", selection.reason);
        let same = select(&reached(&[("old", &[50.0, 60.0, 70.0]), ("new", &[50.0, 60.0, 70.0])]), &params());
        assert_eq!((same.winner.as_str(), same.challengers[0].p_value), ("old", 1.0));
    }

    #[test]
    fn too_few_pairs_are_said_to_be() {
        let selection = select(&reached(&[("old", &[10.0]), ("new", &[90.0])]), &params());
        assert_eq!((selection.winner.as_str(), selection.challengers[0].p_value), ("old", 0.25));
        assert!(selection.reason.contains("no p below 0.2500; add scenes or seeds"), "{}", selection.reason);
    }

    #[test]
    fn of_several_that_pass_the_best_wins_and_p_values_are_adjusted() {
        let old: &[f64] = &[50.0; 4];
        let all = reached(&[("old", old), ("a", &[51.0; 4]), ("b", &[53.0; 4]), ("c", &[53.0; 4])]);
        let selection = select(&all, &params());
        assert_eq!(selection.winner, "b", "the first of equals");
        // 8 pairs: 1/256, for three challengers 3/256
        assert_eq!(selection.challengers[0].adjusted_p_value, 3.0 / 256.0);
        assert_eq!(select(&reached(&[("old", old)]), &params()).reason, "old stays: nobody challenges it");
    }
}
