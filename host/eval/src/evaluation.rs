//! One model against ground truth: every measure at once.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use scene3d_scene::{Reconstruction, Rigid3};
use serde::Serialize;

use crate::ground_truth::GroundTruth;
use crate::metrics::auc::{auc_percent, recall_percent};
use crate::metrics::imc::{self, Cluster, ImcScore, TrueScene};
use crate::metrics::relative_pose::{PairError, pair_errors};
use crate::metrics::sim3::{CenterError, Sim3, median};
use crate::table::Table;

/// Thresholds of pose AUC, RRA and RTA, deg.
pub const THRESHOLDS_DEG: [f64; 4] = [1.0, 3.0, 5.0, 10.0];

/// How near a model comes to the truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Images of the ground truth.
    pub num_images: usize,
    /// Those of them that the model has.
    pub num_registered: usize,
    /// Their share.
    pub registered_percent: f64,
    /// Images of the ground truth that the model lacks.
    pub missing: Vec<String>,
    /// Images of the model that the ground truth calls outliers.
    pub registered_outliers: Vec<String>,
    /// Images of the model that the ground truth does not know.
    pub unknown: Vec<String>,
    /// Area under the curve of the larger of rotation and translation error, over all pairs of true images.
    pub pose_auc: Vec<AtThreshold>,
    /// Relative rotation accuracy: share of pairs whose rotation error is below the threshold.
    pub rra: Vec<AtThreshold>,
    /// Relative translation accuracy: the same of the direction of translation.
    pub rta: Vec<AtThreshold>,
    /// Median over the pairs of registered images, deg; absent below two.
    pub median_rotation_error_deg: Option<f64>,
    /// Median over the pairs of registered images, deg; absent below two.
    pub median_translation_error_deg: Option<f64>,
    /// Distance of projection centres after Sim(3) alignment, in units of the ground truth; absent below three images.
    pub center_error: Option<CenterError>,
    /// Median over the registered images of |focal / true focal - 1|, where the truth has cameras.
    pub focal_error_percent: Option<f64>,
    /// Image Matching Challenge 2025, the model taken as the only cluster.
    pub imc: ImcScore,
}

/// A share at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtThreshold {
    /// Degrees.
    pub threshold_deg: f64,
    /// 0 to 100.
    pub percent: f64,
}

/// Evaluates the poses of `model` against `truth`; images are matched by name.
#[must_use]
pub fn evaluate(model: &Reconstruction, truth: &GroundTruth) -> Evaluation {
    let true_poses: BTreeMap<String, Rigid3> =
        truth.images.iter().map(|(name, image)| (name.clone(), image.cam_from_world)).collect();
    let poses: BTreeMap<String, Rigid3> =
        model.images.values().map(|image| (image.name.clone(), image.cam_from_world)).collect();
    let registered: BTreeMap<String, Rigid3> = true_poses
        .iter()
        .filter(|(name, _)| poses.contains_key(*name))
        .map(|(name, pose)| (name.clone(), *pose))
        .collect();
    let errors = pair_errors(&true_poses, &poses);
    let registered_errors = pair_errors(&registered, &poses);
    let names = |is_listed: &dyn Fn(&String) -> bool| poses.keys().filter(|name| is_listed(name)).cloned().collect();
    Evaluation {
        num_images: true_poses.len(),
        num_registered: registered.len(),
        registered_percent: 100.0 * registered.len() as f64 / true_poses.len().max(1) as f64,
        missing: true_poses.keys().filter(|name| !poses.contains_key(*name)).cloned().collect(),
        registered_outliers: names(&|name| truth.outliers.contains(name)),
        unknown: names(&|name| !truth.outliers.contains(name) && !true_poses.contains_key(name)),
        pose_auc: at_thresholds(&errors, PairError::pose_deg, auc_percent),
        rra: at_thresholds(&errors, |pair| pair.rotation_deg, recall_percent),
        rta: at_thresholds(&errors, |pair| pair.translation_deg, recall_percent),
        median_rotation_error_deg: median_of(&registered_errors, |pair| pair.rotation_deg),
        median_translation_error_deg: median_of(&registered_errors, |pair| pair.translation_deg),
        center_error: center_error(&registered, &poses),
        focal_error_percent: focal_error_percent(model, truth),
        imc: imc_score(truth, &true_poses, &poses),
    }
}

impl Evaluation {
    /// The measures as an aligned table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::default();
        let percent = |value: f64| format!("{value:.1} %");
        let registered = format!("{}/{} ({})", self.num_registered, self.num_images, percent(self.registered_percent));
        table.row("registered", registered);
        for (label, values) in [("pose AUC", &self.pose_auc), ("RRA", &self.rra), ("RTA", &self.rta)] {
            let thresholds: Vec<String> = values.iter().map(|at| format!("{}", at.threshold_deg)).collect();
            let percents: Vec<String> = values.iter().map(|at| format!("{:5.1}", at.percent)).collect();
            table.row(&format!("{label} @ {} deg", thresholds.join(" / ")), format!("{} %", percents.join(" / ")));
        }
        table.optional("median rotation error", self.median_rotation_error_deg.map(|deg| format!("{deg:.3} deg")));
        let translation = self.median_translation_error_deg.map(|deg| format!("{deg:.3} deg"));
        table.optional("median translation error", translation);
        let centers = self.center_error.map(|e| format!("{:.5} / {:.5} / {:.5}", e.rms, e.median, e.max));
        table.optional(
            "centre error rms / median / max",
            centers.map(|errors| format!("{errors} (units of the truth)")),
        );
        table.optional("median focal error", self.focal_error_percent.map(|value| format!("{value:.3} %")));
        let [maa, clusterness, score] =
            [self.imc.maa_percent, self.imc.clusterness_percent, self.imc.score_percent].map(percent);
        table.row("IMC 2025 mAA / clusterness / score", format!("{maa} / {clusterness} / {score}"));
        for (label, names) in [
            ("not registered", &self.missing),
            ("registered outliers", &self.registered_outliers),
            ("not in the truth", &self.unknown),
        ] {
            table.optional(label, (!names.is_empty()).then(|| names.join(", ")));
        }
        table.to_string()
    }
}

fn at_thresholds(
    errors: &[PairError],
    error_deg: impl Fn(&PairError) -> f64,
    measure: impl Fn(&[f64], f64) -> f64,
) -> Vec<AtThreshold> {
    let errors: Vec<f64> = errors.iter().map(error_deg).collect();
    let at = |threshold_deg| AtThreshold { threshold_deg, percent: measure(&errors, threshold_deg) };
    THRESHOLDS_DEG.into_iter().map(at).collect()
}

fn median_of(errors: &[PairError], error_deg: impl Fn(&PairError) -> f64) -> Option<f64> {
    (!errors.is_empty()).then(|| median(errors.iter().map(error_deg).collect()))
}

fn center_error(truth: &BTreeMap<String, Rigid3>, poses: &BTreeMap<String, Rigid3>) -> Option<CenterError> {
    let pairs: Vec<(Vector3<f64>, Vector3<f64>)> =
        truth.iter().filter_map(|(name, pose)| Some((pose.origin_in_b(), poses.get(name)?.origin_in_b()))).collect();
    Some(Sim3::umeyama(&pairs)?.error(&pairs))
}

fn focal_error_percent(model: &Reconstruction, truth: &GroundTruth) -> Option<f64> {
    let errors: Vec<f64> = model
        .images
        .values()
        .filter_map(|image| {
            let true_camera = truth.images.get(&image.name)?.camera.as_ref()?;
            let camera = model.cameras.get(&image.camera_id)?;
            // intrinsics of another image size do not compare
            let is_same_size = camera.image_size == true_camera.image_size;
            let mean = |[fx, fy]: [f64; 2]| f64::midpoint(fx, fy);
            is_same_size.then(|| 100.0 * (mean(camera.focal()) / mean(true_camera.focal()) - 1.0).abs())
        })
        .collect();
    (!errors.is_empty()).then(|| median(errors))
}

fn imc_score(truth: &GroundTruth, true_poses: &BTreeMap<String, Rigid3>, poses: &BTreeMap<String, Rigid3>) -> ImcScore {
    let thresholds = truth.imc_thresholds.clone().unwrap_or_else(|| imc::DEFAULT_THRESHOLDS.to_vec());
    let centers = true_poses.iter().map(|(name, pose)| (name.clone(), pose.origin_in_b())).collect();
    let cluster: Cluster = poses.iter().map(|(name, pose)| (name.clone(), Some(pose.origin_in_b()))).collect();
    imc::score(&[TrueScene { centers, thresholds }], &[cluster])
}

#[cfg(test)]
mod tests {
    use scene3d_scene::colmap::read_binary;

    use super::*;
    use crate::ground_truth::from_reconstruction;

    fn model() -> Reconstruction {
        let [cameras, images, points3d]: [&[u8]; 3] = [
            include_bytes!("../../../core/scene/tests/fixtures/colmap/cameras.bin"),
            include_bytes!("../../../core/scene/tests/fixtures/colmap/images.bin"),
            include_bytes!("../../../core/scene/tests/fixtures/colmap/points3D.bin"),
        ];
        read_binary(cameras, images, points3d).unwrap()
    }

    #[test]
    fn a_model_agrees_with_itself() {
        let evaluation = evaluate(&model(), &from_reconstruction(&model()));
        assert_eq!((evaluation.num_images, evaluation.num_registered), (4, 4));
        // errors of 1e-7 deg are rounding, and cost 1e-5 percent
        let all = [&evaluation.pose_auc, &evaluation.rra, &evaluation.rta];
        assert!(all.into_iter().flatten().all(|at| at.percent > 99.999), "{evaluation:?}");
        assert!(evaluation.center_error.unwrap().max < 1e-9);
        assert_eq!((evaluation.focal_error_percent, evaluation.imc.score_percent), (Some(0.0), 100.0));
    }

    #[test]
    fn a_missing_image_costs_its_pairs_and_is_named() {
        let mut partial = model();
        let (missing, _) = partial.image_by_name("im1.jpg").unwrap();
        partial.images.remove(&missing);
        let evaluation = evaluate(&partial, &from_reconstruction(&model()));
        assert_eq!((evaluation.missing, evaluation.registered_percent), (vec!["im1.jpg".to_owned()], 75.0));
        // 3 of the 6 pairs hold the image
        assert!((evaluation.pose_auc[0].percent - 50.0).abs() < 1e-4 && evaluation.rra[3].percent == 50.0);
        assert!(evaluation.median_rotation_error_deg.unwrap() < 1e-6, "medians are over registered images");
    }

    #[test]
    fn outliers_and_unknown_images_are_told_apart() {
        let mut truth = from_reconstruction(&model());
        truth.images.remove("im3.jpg");
        truth.images.remove("im4.jpg");
        truth.outliers.insert("im4.jpg".to_owned());
        let evaluation = evaluate(&model(), &truth);
        assert_eq!(evaluation.registered_outliers, ["im4.jpg"]);
        assert_eq!(evaluation.unknown, ["im3.jpg"]);
        assert_eq!(evaluation.imc.clusterness_percent, 50.0);
        assert_eq!(evaluation.center_error, None, "two centres always fit");
    }

    #[test]
    fn an_empty_model_is_evaluated_too() {
        let evaluation = evaluate(&Reconstruction::default(), &from_reconstruction(&model()));
        assert_eq!((evaluation.num_registered, evaluation.pose_auc[3].percent), (0, 0.0));
        assert!(evaluate(&Reconstruction::default(), &GroundTruth::default()).table().contains("0/0"));
    }

    #[test]
    fn the_table_is_aligned_and_json_has_every_measure() {
        let evaluation = evaluate(&model(), &from_reconstruction(&model()));
        let table = evaluation.table();
        let columns: Vec<_> =
            table.lines().map(|line| line.find("  ").map(|end| line[end..].trim_start().len())).collect();
        let starts: Vec<_> = table.lines().zip(&columns).map(|(line, rest)| line.len() - rest.unwrap()).collect();
        assert!(starts.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
        let json = serde_json::to_value(&evaluation).unwrap();
        for key in ["pose_auc", "rra", "rta", "center_error", "imc", "registered_percent"] {
            assert!(!json[key].is_null(), "{key} is missing in {json}");
        }
        assert_eq!(json["pose_auc"][2]["threshold_deg"], 5.0);
    }
}
