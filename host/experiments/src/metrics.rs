//! The measures that an experiment computes, by name; all are percent, but for those whose name ends in a unit.

use std::collections::BTreeMap;

use scene3d_eval::Evaluation;
use scene3d_eval::metrics::imc::ImcScore;

/// Names of all measures. Those of the Image Matching Challenge are of a collection, the others of a true scene.
pub const NAMES: [&str; 19] = [
    "registered",
    "auc_1",
    "auc_3",
    "auc_5",
    "auc_10",
    "rra_1",
    "rra_3",
    "rra_5",
    "rra_10",
    "rta_1",
    "rta_3",
    "rta_5",
    "rta_10",
    "center_error_rms",
    "center_error_median",
    "rotation_error_median_deg",
    "imc_maa",
    "imc_clusterness",
    "imc_score",
];

/// Those of which less is better: they can't be the one that selects, since images that are not registered have none.
const ERRORS: [&str; 3] = ["center_error_rms", "center_error_median", "rotation_error_median_deg"];

/// Whether a name is that of a measure that can select.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.contains(&name) && !ERRORS.contains(&name)
}

/// Whether it is measured of a whole collection.
pub(crate) fn is_of_collection(name: &str) -> bool {
    name.starts_with("imc_")
}

/// Values by name; what can't be measured is not there.
pub type Values = BTreeMap<String, f64>;

/// The measures of a true scene.
pub(crate) fn of_scene(evaluation: &Evaluation) -> Values {
    let mut values = Values::new();
    values.insert("registered".to_owned(), evaluation.registered_percent);
    for (name, list) in [("auc", &evaluation.pose_auc), ("rra", &evaluation.rra), ("rta", &evaluation.rta)] {
        values.extend(list.iter().map(|at| (format!("{name}_{}", at.threshold_deg), at.percent)));
    }
    let errors =
        evaluation.center_error.map(|error| [("center_error_rms", error.rms), ("center_error_median", error.median)]);
    values.extend(errors.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)));
    let rotation = evaluation.median_rotation_error_deg;
    values.extend(rotation.map(|value| ("rotation_error_median_deg".to_owned(), value)));
    values
}

/// The measures of a collection.
pub(crate) fn of_collection(score: &ImcScore) -> Values {
    let values = [
        ("imc_maa", score.maa_percent),
        ("imc_clusterness", score.clusterness_percent),
        ("imc_score", score.score_percent),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

#[cfg(test)]
mod tests {
    use scene3d_eval::{GroundTruth, evaluate};
    use scene3d_scene::Reconstruction;

    use super::*;

    #[test]
    fn every_measure_has_its_name_in_the_list() {
        let evaluation = evaluate(&Reconstruction::default(), &GroundTruth::default());
        let scene = of_scene(&evaluation);
        // an empty model has no errors to take medians of
        assert_eq!(scene.len(), 13);
        assert!(scene.keys().chain(of_collection(&evaluation.imc).keys()).all(|name| NAMES.contains(&name.as_str())));
        assert!(is_known("auc_5") && !is_known("center_error_rms") && !is_known("auc_7"));
    }
}
