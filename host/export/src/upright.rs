//! Which way is up: a COLMAP world frame has no up, but photographers mostly hold their cameras level.

use nalgebra::{Matrix3, SymmetricEigen, UnitQuaternion, Vector3};
use scene3d_scene::Reconstruction;

/// The camera x axes must leave one direction this much emptier than the other two for it to be the vertical.
const MIN_EIGENVALUE_RATIO: f64 = 10.0;

/// Rotation from the world to a y-up frame.
///
/// A level camera has a horizontal x axis, however it is pitched: the direction that all x axes are orthogonal to is the
/// vertical. Where the cameras look too much the same way to tell it, it is the mean of their up directions.
#[must_use]
pub fn upright_from_world(model: &Reconstruction) -> UnitQuaternion<f64> {
    // COLMAP puts the world in the frame of a first camera: y down, z forward
    let flipped_from_world = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI);
    let up_in_flipped = flipped_from_world * up_in_world(model);
    let upright_from_flipped = UnitQuaternion::rotation_between(&up_in_flipped, &Vector3::y());
    upright_from_flipped.unwrap_or(flipped_from_world) * flipped_from_world
}

/// Unit vector that points up.
fn up_in_world(model: &Reconstruction) -> Vector3<f64> {
    let axes_in_world = |axis: Vector3<f64>| {
        model.images.values().map(move |image| image.cam_from_world.rotation.inverse_transform_vector(&axis))
    };
    let mean_up: Vector3<f64> = axes_in_world(-Vector3::y()).sum();
    let scatter: Matrix3<f64> = axes_in_world(Vector3::x()).map(|x| x * x.transpose()).sum();
    let eigen = SymmetricEigen::new(scatter);
    let smallest = eigen.eigenvalues.imin();
    let second = eigen.eigenvalues.iter().enumerate().filter(|(i, _)| *i != smallest).map(|(_, v)| *v);
    let up = if second.fold(f64::INFINITY, f64::min) > MIN_EIGENVALUE_RATIO * eigen.eigenvalues[smallest].max(1e-9) {
        let vertical = eigen.eigenvectors.column(smallest).into_owned();
        if vertical.dot(&mean_up) < 0.0 { -vertical } else { vertical }
    } else {
        mean_up
    };
    up.try_normalize(1e-9).unwrap_or(-Vector3::y())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_scene;

    #[test]
    fn a_ring_of_pitched_cameras_stands_upright() {
        // tilt the world: up must be found whatever the frame
        let tilt = UnitQuaternion::from_euler_angles(0.4, -0.3, 1.1);
        let mut model = test_scene::ring(8);
        for image in model.images.values_mut() {
            image.cam_from_world.rotation *= tilt.inverse();
        }
        let up = upright_from_world(&model) * tilt * test_scene::UP_IN_WORLD;
        assert!((up - Vector3::y()).norm() < 1e-9, "{up}");
    }

    #[test]
    fn cameras_side_by_side_use_their_own_up() {
        let mut model = test_scene::ring(8);
        let first = model.images.values().next().unwrap().cam_from_world;
        model.images.values_mut().for_each(|image| image.cam_from_world.rotation = first.rotation);
        let up_in_world = first.rotation.inverse() * -Vector3::y();
        let up = upright_from_world(&model) * up_in_world;
        assert!((up - Vector3::y()).norm() < 1e-9, "{up}");
    }

    #[test]
    fn no_camera_and_a_world_upside_down_still_have_an_answer() {
        let flipped = upright_from_world(&Reconstruction::default());
        assert!((flipped * -Vector3::y() - Vector3::y()).norm() < 1e-12);
        let mut model = test_scene::ring(1);
        model.images.values_mut().for_each(|image| {
            image.cam_from_world.rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), std::f64::consts::PI);
        });
        assert!((upright_from_world(&model) * Vector3::y() - Vector3::y()).norm() < 1e-9);
    }
}
