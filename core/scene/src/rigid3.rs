//! Rigid transforms of space.

use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

/// `a_from_b`: maps a point of frame `b` to frame `a`, `x_in_a = R x_in_b + t`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rigid3 {
    /// Rotation `R`.
    pub rotation: UnitQuaternion<f64>,
    /// Translation `t`, in units of frame `a`.
    pub translation: Vector3<f64>,
}

impl Rigid3 {
    /// The transform that changes nothing.
    #[must_use]
    pub fn identity() -> Self {
        Self { rotation: UnitQuaternion::identity(), translation: Vector3::zeros() }
    }

    /// From a rotation matrix (assumed orthonormal up to rounding) and a translation.
    #[must_use]
    pub fn from_matrix(rotation: &Matrix3<f64>, translation: Vector3<f64>) -> Self {
        Self { rotation: UnitQuaternion::from_matrix(rotation), translation }
    }

    /// From `[qx, qy, qz, qw, tx, ty, tz]`, COLMAP's order of `Rigid3d::params`.
    #[must_use]
    pub fn from_params(p: [f64; 7]) -> Self {
        Self {
            rotation: UnitQuaternion::from_quaternion(Quaternion::new(p[3], p[0], p[1], p[2])),
            translation: Vector3::new(p[4], p[5], p[6]),
        }
    }

    /// `[qx, qy, qz, qw, tx, ty, tz]`, COLMAP's order of `Rigid3d::params`.
    #[must_use]
    pub fn to_params(&self) -> [f64; 7] {
        let (q, t) = (self.rotation.coords, self.translation);
        [q.x, q.y, q.z, q.w, t.x, t.y, t.z]
    }

    /// `b_from_a`.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.inverse();
        Self { rotation, translation: -(rotation * self.translation) }
    }

    /// `a_from_c` of `a_from_b` and `b_from_c`.
    #[must_use]
    pub fn compose(&self, b_from_c: &Self) -> Self {
        Self {
            rotation: self.rotation * b_from_c.rotation,
            translation: self.rotation * b_from_c.translation + self.translation,
        }
    }

    /// `x_in_a` of `x_in_b`.
    #[must_use]
    pub fn apply(&self, x_in_b: &Vector3<f64>) -> Vector3<f64> {
        self.rotation * x_in_b + self.translation
    }

    /// Origin of frame `a` in frame `b`; of `cam_from_world` the projection centre in the world.
    #[must_use]
    pub fn origin_in_b(&self) -> Vector3<f64> {
        self.inverse().translation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composition_and_inverse_agree_with_application() {
        let a_from_b = Rigid3 {
            rotation: UnitQuaternion::from_euler_angles(0.1, -0.7, 2.0),
            translation: Vector3::new(1.0, -2.0, 3.0),
        };
        let b_from_c = Rigid3 {
            rotation: UnitQuaternion::from_euler_angles(-1.1, 0.3, 0.4),
            translation: Vector3::new(0.5, 0.25, -4.0),
        };
        let x_in_c = Vector3::new(0.3, 9.0, -2.0);
        let direct = a_from_b.compose(&b_from_c).apply(&x_in_c);
        assert!((direct - a_from_b.apply(&b_from_c.apply(&x_in_c))).norm() < 1e-12);
        assert!((a_from_b.inverse().apply(&a_from_b.apply(&x_in_c)) - x_in_c).norm() < 1e-12);
        assert!(a_from_b.apply(&a_from_b.origin_in_b()).norm() < 1e-12);
        assert_eq!(Rigid3::from_params(a_from_b.to_params()).translation, a_from_b.translation);
    }
}
