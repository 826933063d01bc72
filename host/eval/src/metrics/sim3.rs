//! Similarity transforms that lay one set of points on another.

use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};
use scene3d_scene::Rigid3;
use serde::Serialize;

/// `a_from_b` with a scale: `x_in_a = scale * R x_in_b + t`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sim3 {
    /// Length in `a` of one unit of `b`.
    pub scale: f64,
    /// Rotation `R`.
    pub rotation: UnitQuaternion<f64>,
    /// Translation `t`, in units of frame `a`.
    pub translation: Vector3<f64>,
}

/// Distances between points after alignment, in units of the frame aligned to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CenterError {
    /// Root of the mean square (ATE).
    pub rms: f64,
    /// Median.
    pub median: f64,
    /// Largest.
    pub max: f64,
}

impl Sim3 {
    /// Least-squares transform of pairs `(x_in_a, x_in_b)` (Umeyama 1991, "Least-squares estimation of transformation
    /// parameters between two point patterns", equations 40 to 42). `None` below 3 pairs or if all points coincide.
    #[must_use]
    pub fn umeyama(pairs: &[(Vector3<f64>, Vector3<f64>)]) -> Option<Self> {
        let fit = Fit::of(pairs)?;
        Self::with_scale(&fit, fit.correlation / fit.square_b)
    }

    /// The same with Horn's symmetric scale (Horn 1987, "Closed-form solution of absolute orientation using unit
    /// quaternions", section 2.D): the ratio of the spreads.
    #[must_use]
    pub fn horn(pairs: &[(Vector3<f64>, Vector3<f64>)]) -> Option<Self> {
        let fit = Fit::of(pairs)?;
        Self::with_scale(&fit, (fit.square_a / fit.square_b).sqrt())
    }

    fn with_scale(fit: &Fit, scale: f64) -> Option<Self> {
        let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(fit.rotation));
        let translation = fit.mean_a - scale * (rotation * fit.mean_b);
        (scale.is_finite() && scale > 0.0).then_some(Self { scale, rotation, translation })
    }

    /// `x_in_a` of `x_in_b`.
    #[must_use]
    pub fn apply(&self, x_in_b: &Vector3<f64>) -> Vector3<f64> {
        self.scale * (self.rotation * x_in_b) + self.translation
    }

    /// `cam_from_a` of `cam_from_b`, lengths in units of `a`.
    #[must_use]
    pub fn realign(&self, cam_from_b: &Rigid3) -> Rigid3 {
        let rotation = cam_from_b.rotation * self.rotation.inverse();
        Rigid3 { rotation, translation: -(rotation * self.apply(&cam_from_b.origin_in_b())) }
    }

    /// Distances that are left between the pairs `(x_in_a, x_in_b)`; zeros without any.
    #[must_use]
    pub fn error(&self, pairs: &[(Vector3<f64>, Vector3<f64>)]) -> CenterError {
        let distances: Vec<f64> = pairs.iter().map(|(a, b)| (a - self.apply(b)).norm()).collect();
        let mean_square = distances.iter().map(|d| d * d).sum::<f64>() / distances.len().max(1) as f64;
        let max = distances.iter().copied().fold(0.0, f64::max);
        CenterError { rms: mean_square.sqrt(), median: median(distances), max }
    }
}

/// Median; the mean of both middle values where their number is even, 0 of none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// What both estimators share: means, spreads and the best rotation.
struct Fit {
    mean_a: Vector3<f64>,
    mean_b: Vector3<f64>,
    square_a: f64,
    square_b: f64,
    /// Sum of `a . R b` over the centred points.
    correlation: f64,
    rotation: Matrix3<f64>,
}

impl Fit {
    fn of(pairs: &[(Vector3<f64>, Vector3<f64>)]) -> Option<Self> {
        if pairs.len() < 3 {
            return None;
        }
        let sum = pairs.iter().fold((Vector3::zeros(), Vector3::zeros()), |(a, b), pair| (a + pair.0, b + pair.1));
        let (mean_a, mean_b) = (sum.0 / pairs.len() as f64, sum.1 / pairs.len() as f64);
        let (mut covariance, mut square_a, mut square_b) = (Matrix3::zeros(), 0.0, 0.0);
        for (a, b) in pairs {
            let (a, b) = (a - mean_a, b - mean_b);
            covariance += a * b.transpose();
            square_a += a.norm_squared();
            square_b += b.norm_squared();
        }
        if !covariance.iter().all(|value| value.is_finite()) {
            return None;
        }
        let svd = covariance.svd(true, true);
        let (u, v_t) = (svd.u?, svd.v_t?);
        // the smallest singular value comes last: flipping it turns a reflection into the nearest rotation
        let sign = (u.determinant() * v_t.determinant()).signum();
        let flip = Vector3::new(1.0, 1.0, sign);
        let rotation = u * Matrix3::from_diagonal(&flip) * v_t;
        let correlation = svd.singular_values.dot(&flip);
        Some(Self { mean_a, mean_b, square_a, square_b, correlation, rotation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Vec<Vector3<f64>> {
        vec![
            Vector3::new(0.0, 0.0, 0.0),
            Vector3::new(1.0, 0.0, 0.2),
            Vector3::new(0.0, 2.0, -0.5),
            Vector3::new(-1.0, 0.5, 3.0),
            Vector3::new(0.3, 0.7, 1.0),
        ]
    }

    fn moved() -> Sim3 {
        let rotation = UnitQuaternion::from_euler_angles(0.4, -1.2, 2.5);
        Sim3 { scale: 3.5, rotation, translation: Vector3::new(10.0, -4.0, 0.5) }
    }

    #[test]
    fn an_exact_similarity_is_found_by_both() {
        for num_points in [3, 5] {
            let pairs: Vec<_> = points()[..num_points].iter().map(|x| (moved().apply(x), *x)).collect();
            for found in [Sim3::umeyama(&pairs).unwrap(), Sim3::horn(&pairs).unwrap()] {
                assert!((found.scale - 3.5).abs() < 1e-9 && found.rotation.angle_to(&moved().rotation) < 1e-9);
                assert!(found.error(&pairs).max < 1e-9);
            }
        }
    }

    #[test]
    fn a_mirrored_set_gets_a_rotation_and_keeps_an_error() {
        let pairs: Vec<_> = points().iter().map(|x| (Vector3::new(-x.x, x.y, x.z), *x)).collect();
        let found = Sim3::umeyama(&pairs).unwrap();
        assert!((found.rotation.to_rotation_matrix().matrix().determinant() - 1.0).abs() < 1e-9);
        assert!(found.error(&pairs).rms > 0.1);
    }

    #[test]
    fn the_error_of_one_point_off_is_as_computed_by_hand() {
        // a square of side 2 whose corners lie at distance sqrt(2); one corner is lifted by h. Umeyama: the best plane
        // keeps residuals +-h/4 off the plane for small h, so rms = h/4
        let square = [[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]].map(|[x, y]| Vector3::new(x, y, 0.0));
        let h = 1e-4;
        let mut pairs = square.map(|x| (x, x));
        pairs[0].0.z += h;
        let error = Sim3::umeyama(&pairs).unwrap().error(&pairs);
        assert!((error.rms - h / 4.0).abs() < 1e-8 && (error.median - h / 4.0).abs() < 1e-8, "{error:?}");
    }

    #[test]
    fn too_few_or_coinciding_points_have_no_alignment() {
        assert_eq!(Sim3::umeyama(&[(Vector3::zeros(), Vector3::zeros()); 2]), None);
        assert_eq!(Sim3::umeyama(&[(Vector3::x(), Vector3::y()); 5]), None);
        let nan = Vector3::repeat(f64::NAN);
        assert_eq!(Sim3::horn(&[(nan, nan); 3]), None);
    }

    #[test]
    fn realigned_cameras_see_the_same() {
        let cam_from_b = Rigid3 {
            rotation: UnitQuaternion::from_euler_angles(0.3, 0.2, 0.1),
            translation: Vector3::new(1.0, 2.0, 3.0),
        };
        let cam_from_a = moved().realign(&cam_from_b);
        let x_in_b = Vector3::new(0.5, -0.5, 4.0);
        let difference = cam_from_a.apply(&moved().apply(&x_in_b)) - 3.5 * cam_from_b.apply(&x_in_b);
        assert!(difference.norm() < 1e-9, "the same direction, distances scaled: {difference}");
    }

    #[test]
    fn medians() {
        assert_eq!((median(vec![]), median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0])), (0.0, 2.0, 2.5));
    }
}
