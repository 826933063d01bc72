//! Where the cameras stand: on a circle around the objects, inside the room, looking at the middle.

use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};

use super::SceneSpec;
use super::noise::Random;
use crate::Rigid3;

/// Radius of the circle, m; the objects stand within 2.5 m.
const RADIUS: f64 = 5.0;
const EYE_HEIGHT: f64 = 1.8;
const TARGET_HEIGHT: f64 = 0.9;

/// Pose of an image of the orbit, hand-held: every number of it jitters.
pub(super) fn cam_from_world(spec: &SceneSpec, index: usize) -> Rigid3 {
    let mut random = Random::new(spec.seed.wrapping_mul(31).wrapping_add(index as u64));
    let mut jitter = |amplitude: f32| f64::from(random.uniform(-amplitude, amplitude));
    let step_deg = spec.step_deg.min(360.0 / spec.num_images as f64);
    let start_deg = (spec.seed % 360) as f64 * 47.0;
    let azimuth = (start_deg + step_deg * (index as f64 + jitter(0.15))).to_radians();
    let radius = RADIUS + jitter(0.3);
    let center = Vector3::new(radius * azimuth.cos(), radius * azimuth.sin(), EYE_HEIGHT + jitter(0.3));
    let target = Vector3::new(jitter(0.25), jitter(0.25), TARGET_HEIGHT + jitter(0.15));
    let roll = jitter(0.04);
    look_at(center, target, roll)
}

/// The same place, the back to the scene.
pub(super) fn turned_away(cam_from_world: &Rigid3) -> Rigid3 {
    let turned_from_cam = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), std::f64::consts::PI);
    Rigid3 { rotation: turned_from_cam, translation: Vector3::zeros() }.compose(cam_from_world)
}

fn look_at(center: Vector3<f64>, target: Vector3<f64>, roll: f64) -> Rigid3 {
    let forward = (target - center).normalize();
    let right = forward.cross(&Vector3::z()).normalize();
    let down = forward.cross(&right);
    let level = Matrix3::from_rows(&[right.transpose(), down.transpose(), forward.transpose()]);
    let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(level));
    let rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), roll) * rotation;
    Rigid3 { rotation, translation: -(rotation * center) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_look_at_the_middle_the_right_way_up() {
        let spec = SceneSpec::default();
        for index in 0..spec.num_images {
            let pose = cam_from_world(&spec, index);
            let middle = pose.apply(&Vector3::new(0.0, 0.0, TARGET_HEIGHT));
            assert!(middle.z > 4.0 && middle.xy().norm() < 0.5, "{middle}");
            let up_in_cam = pose.rotation * Vector3::z();
            assert!(up_in_cam.y < -0.9, "image y points down, so up is negative: {up_in_cam}");
        }
    }
}
