//! Two models of the same images against each other.

use nalgebra::Vector3;
use scene3d_scene::{Reconstruction, RegisteredImage, Statistics};
use serde::Serialize;

use crate::EvalError;
use crate::metrics::sim3::{CenterError, Sim3, median};
use crate::table::Table;

/// How far two models differ, the second laid on the first by a similarity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Images registered in both.
    pub num_common: usize,
    /// Images that only the first has.
    pub only_in_first: Vec<String>,
    /// Images that only the second has.
    pub only_in_second: Vec<String>,
    /// Distance of projection centres, in units of the first model.
    pub center_difference: CenterError,
    /// The RMS of it over the RMS distance of the first model's centres from their mean, percent: free of units.
    pub center_difference_percent: f64,
    /// Median angle between the orientations of an image in both, deg.
    pub median_rotation_difference_deg: f64,
    /// Largest angle, deg.
    pub max_rotation_difference_deg: f64,
    /// Figures of the first model.
    pub first: Statistics,
    /// Figures of the second model.
    pub second: Statistics,
}

/// Compares two models; images are matched by name.
///
/// # Errors
/// [`EvalError::TooFewCommonImages`] if they cannot be aligned.
pub fn compare(first: &Reconstruction, second: &Reconstruction) -> Result<Comparison, EvalError> {
    let common: Vec<(&RegisteredImage, &RegisteredImage)> =
        first.images.values().filter_map(|image| Some((image, second.image_by_name(&image.name)?.1))).collect();
    let centers: Vec<(Vector3<f64>, Vector3<f64>)> =
        common.iter().map(|(a, b)| (a.cam_from_world.origin_in_b(), b.cam_from_world.origin_in_b())).collect();
    let too_few = EvalError::TooFewCommonImages { num_common: common.len() };
    let first_from_second = Sim3::umeyama(&centers).ok_or(too_few)?;
    let rotations_deg: Vec<f64> = common
        .iter()
        .map(|(a, b)| first_from_second.realign(&b.cam_from_world).rotation.angle_to(&a.cam_from_world.rotation))
        .map(f64::to_degrees)
        .collect();
    let center_difference = first_from_second.error(&centers);
    Ok(Comparison {
        num_common: common.len(),
        only_in_first: only_in(first, second),
        only_in_second: only_in(second, first),
        center_difference,
        center_difference_percent: 100.0 * center_difference.rms / spread(&centers),
        max_rotation_difference_deg: rotations_deg.iter().copied().fold(0.0, f64::max),
        median_rotation_difference_deg: median(rotations_deg),
        first: first.statistics(),
        second: second.statistics(),
    })
}

impl Comparison {
    /// The differences as an aligned table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::default();
        table.row("images in both", self.num_common.to_string());
        for (label, names) in [("only in first", &self.only_in_first), ("only in second", &self.only_in_second)] {
            table.optional(label, (!names.is_empty()).then(|| names.join(", ")));
        }
        let centers = self.center_difference;
        let spread = format!("{:.4} % of the spread", self.center_difference_percent);
        table.row(
            "centre difference rms / median / max",
            format!("{:.5} / {:.5} / {:.5} (units of first; {spread})", centers.rms, centers.median, centers.max),
        );
        let rotations = [self.median_rotation_difference_deg, self.max_rotation_difference_deg];
        let [median, max] = rotations.map(|deg| format!("{deg:.4}"));
        table.row("rotation difference median / max", format!("{median} / {max} deg"));
        let (a, b) = (self.first, self.second);
        table.row("points first / second", format!("{} / {}", a.num_points3d, b.num_points3d));
        table.row("observations first / second", format!("{} / {}", a.num_observations, b.num_observations));
        let lengths = format!("{:.2} / {:.2}", a.mean_track_length, b.mean_track_length);
        table.row("mean track length first / second", lengths);
        let errors = format!("{:.3} / {:.3} px", a.mean_reprojection_error_px, b.mean_reprojection_error_px);
        table.row("mean reprojection error first / second", errors);
        table.to_string()
    }
}

fn only_in(one: &Reconstruction, other: &Reconstruction) -> Vec<String> {
    let names = one.images.values().map(|image| image.name.clone());
    let mut names: Vec<String> = names.filter(|name| other.image_by_name(name).is_none()).collect();
    names.sort();
    names
}

/// RMS distance of the first model's centres from their mean.
fn spread(centers: &[(Vector3<f64>, Vector3<f64>)]) -> f64 {
    let mean = centers.iter().map(|(first, _)| first).sum::<Vector3<f64>>() / centers.len() as f64;
    let square = centers.iter().map(|(first, _)| (first - mean).norm_squared()).sum::<f64>();
    (square / centers.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use nalgebra::UnitQuaternion;
    use scene3d_scene::{Camera, CameraId, CameraModel, ImageId, Rigid3};

    use super::*;

    /// Cameras on the corners of a square of side 2, all looking along `+z`.
    fn square() -> Reconstruction {
        let mut model = Reconstruction::default();
        let camera = Camera::new(CameraId(1), CameraModel::SimplePinhole, [4, 4], vec![4.0, 2.0, 2.0]).unwrap();
        model.cameras.insert(CameraId(1), camera);
        for (id, [x, y]) in (1..).zip([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]]) {
            let cam_from_world = Rigid3 { translation: Vector3::new(-x, -y, 0.0), ..Rigid3::identity() };
            let (keypoints, point3d_ids) = (Vec::new(), Vec::new());
            let name = format!("{id}.jpg");
            let image = RegisteredImage { name, camera_id: CameraId(1), cam_from_world, keypoints, point3d_ids };
            model.images.insert(ImageId(id), image);
        }
        model
    }

    /// The same model in another world frame, under other image ids.
    fn moved(model: &Reconstruction) -> Reconstruction {
        let world_from_other = Rigid3 {
            rotation: UnitQuaternion::from_euler_angles(0.5, 1.0, -0.3),
            translation: Vector3::new(4.0, 5.0, 6.0),
        };
        let images = model.images.iter().map(|(id, image)| {
            let mut image = image.clone();
            image.cam_from_world = image.cam_from_world.compose(&world_from_other);
            image.cam_from_world.translation *= 0.25;
            (ImageId(100 - id.0), image)
        });
        Reconstruction { images: images.collect(), ..model.clone() }
    }

    #[test]
    fn the_same_model_in_another_frame_does_not_differ() {
        let comparison = compare(&square(), &moved(&square())).unwrap();
        assert_eq!(comparison.num_common, 4);
        assert!(comparison.center_difference.max < 1e-9 && comparison.max_rotation_difference_deg < 1e-5);
    }

    #[test]
    fn a_turned_and_a_missing_camera_show() {
        let mut other = square();
        other.images.remove(&ImageId(4));
        let turn = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), 2.0_f64.to_radians());
        let pose = &mut other.images.get_mut(&ImageId(2)).unwrap().cam_from_world;
        *pose = Rigid3 { rotation: turn, translation: Vector3::zeros() }.compose(pose);
        let comparison = compare(&square(), &moved(&other)).unwrap();
        assert_eq!(comparison.only_in_first, ["4.jpg"]);
        assert!((comparison.max_rotation_difference_deg - 2.0).abs() < 1e-6);
        assert!(comparison.median_rotation_difference_deg < 1e-5 && comparison.center_difference.max < 1e-9);
    }

    #[test]
    fn a_lifted_corner_shows_in_units_and_in_percent() {
        // a corner lifted by h leaves h/4 at each corner (see the test of Sim3); the corners lie sqrt(2) from their mean
        let (mut other, h) = (square(), 1e-4);
        other.images.get_mut(&ImageId(1)).unwrap().cam_from_world.translation.z -= h;
        let comparison = compare(&square(), &other).unwrap();
        assert!((comparison.center_difference.rms - h / 4.0).abs() < 1e-8);
        assert!((comparison.center_difference_percent - 100.0 * h / 4.0 / 2.0_f64.sqrt()).abs() < 1e-6);
        assert!(comparison.table().contains("images in both"));
    }

    #[test]
    fn models_without_enough_in_common_are_refused() {
        let mut other = square();
        other.images.retain(|id, _| id.0 <= 2);
        assert!(matches!(compare(&square(), &other), Err(EvalError::TooFewCommonImages { num_common: 2 })));
    }
}
