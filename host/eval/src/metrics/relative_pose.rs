//! Errors of the relative poses of image pairs.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use scene3d_scene::Rigid3;

/// The largest angle there is: the error of a pair of which an image is not registered.
pub const UNREGISTERED_DEG: f64 = 180.0;
/// Baselines below this share of the longest have no direction: their translation is right whatever it is.
const MIN_BASELINE: f64 = 1e-9;

/// How far the relative pose of a pair is off, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairError {
    /// Angle of the rotation from the true to the estimated relative rotation.
    pub rotation_deg: f64,
    /// Angle between the true and the estimated direction of translation. Signed directions: a reconstruction, unlike an
    /// essential matrix, knows which way it went.
    pub translation_deg: f64,
}

impl PairError {
    /// The larger of both: what pose AUC is computed of.
    #[must_use]
    pub fn pose_deg(&self) -> f64 {
        self.rotation_deg.max(self.translation_deg)
    }
}

/// Errors of all pairs of true images, in the order of their names; unregistered images have [`UNREGISTERED_DEG`].
#[must_use]
pub fn pair_errors(truth: &BTreeMap<String, Rigid3>, estimate: &BTreeMap<String, Rigid3>) -> Vec<PairError> {
    let images: Vec<_> = truth.iter().map(|(name, pose)| (pose, estimate.get(name))).collect();
    let pairs = || (0..images.len()).flat_map(|first| (first + 1..images.len()).map(move |second| (first, second)));
    let baseline =
        |(first, second): (usize, usize)| (images[first].0.origin_in_b() - images[second].0.origin_in_b()).norm();
    let min_baseline = MIN_BASELINE * pairs().map(baseline).fold(0.0, f64::max);
    pairs()
        .map(|(first, second)| match (images[first], images[second]) {
            ((true1, Some(estimated1)), (true2, Some(estimated2))) => {
                pair_error(&relative(true1, true2), &relative(estimated1, estimated2), min_baseline)
            }
            _ => PairError { rotation_deg: UNREGISTERED_DEG, translation_deg: UNREGISTERED_DEG },
        })
        .collect()
}

/// `cam2_from_cam1`.
fn relative(cam1_from_world: &Rigid3, cam2_from_world: &Rigid3) -> Rigid3 {
    cam2_from_world.compose(&cam1_from_world.inverse())
}

fn pair_error(truth: &Rigid3, estimate: &Rigid3, min_baseline: f64) -> PairError {
    let has_direction = truth.translation.norm() > min_baseline;
    PairError {
        rotation_deg: truth.rotation.angle_to(&estimate.rotation).to_degrees(),
        translation_deg: if has_direction { angle_deg(&truth.translation, &estimate.translation) } else { 0.0 },
    }
}

/// Angle between two directions; an estimate without direction is as wrong as can be.
fn angle_deg(truth: &Vector3<f64>, estimate: &Vector3<f64>) -> f64 {
    if estimate.norm() == 0.0 {
        return UNREGISTERED_DEG;
    }
    // atan2 is exact for tiny angles, where acos of the cosine rounds to zero
    truth.cross(estimate).norm().atan2(truth.dot(estimate)).to_degrees()
}

#[cfg(test)]
mod tests {
    use nalgebra::UnitQuaternion;

    use super::*;

    fn at(x: f64, y: f64, turn_deg: f64) -> Rigid3 {
        let rotation = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), turn_deg.to_radians());
        Rigid3 { rotation, translation: -(rotation * Vector3::new(x, y, 0.0)) }
    }

    fn poses(poses: &[(&str, Rigid3)]) -> BTreeMap<String, Rigid3> {
        poses.iter().map(|(name, pose)| ((*name).to_owned(), *pose)).collect()
    }

    #[test]
    fn a_turned_camera_and_a_moved_one_show_in_their_pairs() {
        let truth = poses(&[("a", at(0.0, 0.0, 0.0)), ("b", at(1.0, 0.0, 0.0)), ("c", at(2.0, 0.0, 0.0))]);
        // b is turned by 3 degrees in place: ab and bc are off by 3; seen from a, b's frame, the direction of ab turns along
        let turned = poses(&[("a", at(0.0, 0.0, 0.0)), ("b", at(1.0, 0.0, 3.0)), ("c", at(2.0, 0.0, 0.0))]);
        let rotations: Vec<f64> = pair_errors(&truth, &turned).iter().map(|pair| pair.rotation_deg).collect();
        assert!((rotations[0] - 3.0).abs() < 1e-9 && rotations[1] < 1e-9 && (rotations[2] - 3.0).abs() < 1e-9);
        // c moved up by 2 on a baseline of 2: the direction of ac is off by 45 degrees, of bc by atan(2) = 63.4
        let moved = poses(&[("a", at(0.0, 0.0, 0.0)), ("b", at(1.0, 0.0, 0.0)), ("c", at(2.0, 2.0, 0.0))]);
        let directions: Vec<f64> = pair_errors(&truth, &moved).iter().map(|pair| pair.translation_deg).collect();
        assert!(directions[0] < 1e-9 && (directions[1] - 45.0).abs() < 1e-9);
        assert!((directions[2] - 2.0_f64.atan().to_degrees()).abs() < 1e-9);
    }

    #[test]
    fn the_world_frame_and_its_scale_do_not_matter() {
        let truth = poses(&[("a", at(0.0, 0.0, 10.0)), ("b", at(1.0, 2.0, -5.0)), ("c", at(-3.0, 1.0, 40.0))]);
        let world_from_other = at(7.0, -2.0, 80.0);
        let moved = truth.iter().map(|(name, pose)| {
            let pose = pose.compose(&world_from_other);
            (name.clone(), Rigid3 { translation: pose.translation * 4.0, ..pose })
        });
        assert!(pair_errors(&truth, &moved.collect()).iter().all(|pair| pair.pose_deg() < 1e-6));
    }

    #[test]
    fn unregistered_images_cost_all_their_pairs() {
        let truth = poses(&[("a", at(0.0, 0.0, 0.0)), ("b", at(1.0, 0.0, 0.0)), ("c", at(2.0, 0.0, 0.0))]);
        let mut estimate = truth.clone();
        estimate.remove("c");
        let errors: Vec<f64> = pair_errors(&truth, &estimate).iter().map(PairError::pose_deg).collect();
        assert_eq!(errors, [0.0, 180.0, 180.0]);
    }

    #[test]
    fn a_duplicate_has_no_direction_to_get_wrong() {
        let truth = poses(&[("a", at(0.0, 0.0, 0.0)), ("b", at(0.0, 0.0, 0.0)), ("c", at(2.0, 0.0, 0.0))]);
        let estimate = poses(&[("a", at(0.0, 0.0, 0.0)), ("b", at(0.0, 1e-4, 0.0)), ("c", at(2.0, 0.0, 0.0))]);
        assert!(pair_errors(&truth, &estimate)[0].pose_deg() < 1e-9);
        let collapsed = poses(&[("a", at(0.0, 0.0, 0.0)), ("b", at(0.0, 0.0, 0.0)), ("c", at(0.0, 0.0, 0.0))]);
        assert_eq!(pair_errors(&truth, &collapsed)[1].translation_deg, 180.0);
    }
}
