//! Camera intrinsics: COLMAP's models and parameter orders.
//!
//! Source: colmap `src/colmap/sensor/models.h`. Distortion acts on normalised coordinates `(u, v) = (x/z, y/z)`.

use nalgebra::{Vector2, Vector3};
use serde::{Deserialize, Serialize};

use crate::{CameraId, SceneError};

/// The camera models that scene3d reads, writes and projects with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CameraModel {
    /// `f, cx, cy`
    SimplePinhole,
    /// `fx, fy, cx, cy`
    Pinhole,
    /// `f, cx, cy, k`
    SimpleRadial,
    /// `f, cx, cy, k1, k2`
    Radial,
    /// `fx, fy, cx, cy, k1, k2, p1, p2`
    #[serde(rename = "OPENCV")]
    OpenCv,
}

impl CameraModel {
    /// Names as COLMAP writes them.
    pub const NAMES: [&'static str; 5] = ["SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV"];
    const ALL: [Self; 5] = [Self::SimplePinhole, Self::Pinhole, Self::SimpleRadial, Self::Radial, Self::OpenCv];

    /// Name as COLMAP writes it; its position in [`Self::NAMES`] is also COLMAP's numeric model id.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self.colmap_id() as usize]
    }

    /// COLMAP's numeric model id.
    #[must_use]
    pub fn colmap_id(self) -> i32 {
        self as i32
    }

    /// The model of COLMAP's numeric id.
    #[must_use]
    pub fn from_colmap_id(id: i32) -> Option<Self> {
        usize::try_from(id).ok().and_then(|index| Self::ALL.get(index).copied())
    }

    /// Number of parameters.
    #[must_use]
    pub fn num_params(self) -> usize {
        match self {
            Self::SimplePinhole => 3,
            Self::Pinhole | Self::SimpleRadial => 4,
            Self::Radial => 5,
            Self::OpenCv => 8,
        }
    }

    fn has_two_focals(self) -> bool {
        matches!(self, Self::Pinhole | Self::OpenCv)
    }
}

impl std::str::FromStr for CameraModel {
    type Err = SceneError;

    fn from_str(name: &str) -> Result<Self, SceneError> {
        let index = Self::NAMES.iter().position(|known| *known == name);
        index.map(|index| Self::ALL[index]).ok_or_else(|| SceneError::UnknownCameraModel(name.to_owned()))
    }
}

/// One set of intrinsics, shared by any number of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Id within the reconstruction.
    pub camera_id: CameraId,
    /// Which parameters there are.
    pub model: CameraModel,
    /// `[width, height]` in px.
    pub image_size: [u32; 2],
    /// Parameters in the model's order; focal lengths and principal point in px.
    pub params: Vec<f64>,
}

impl Camera {
    /// Checks the number of parameters.
    ///
    /// # Errors
    /// [`SceneError::CameraParams`] if it is not the model's.
    pub fn new(
        camera_id: CameraId,
        model: CameraModel,
        image_size: [u32; 2],
        params: Vec<f64>,
    ) -> Result<Self, SceneError> {
        if params.len() != model.num_params() {
            let (model, expected) = (model.name(), model.num_params());
            return Err(SceneError::CameraParams { model, expected, got: params.len() });
        }
        Ok(Self { camera_id, model, image_size, params })
    }

    /// `[fx, fy]` in px.
    #[must_use]
    pub fn focal(&self) -> [f64; 2] {
        [self.params[0], self.params[usize::from(self.model.has_two_focals())]]
    }

    /// `[cx, cy]` in px.
    #[must_use]
    pub fn principal_point(&self) -> [f64; 2] {
        let first = 1 + usize::from(self.model.has_two_focals());
        [self.params[first], self.params[first + 1]]
    }

    /// The camera of the same image resized to `[width, height]` px. A model with one focal length keeps one, in between
    /// where the sides' scales differ by rounding.
    #[must_use]
    pub fn resized(&self, image_size: [u32; 2]) -> Self {
        let [sx, sy] = [0, 1].map(|axis| f64::from(image_size[axis]) / f64::from(self.image_size[axis].max(1)));
        let first_center = 1 + usize::from(self.model.has_two_focals());
        let scale = |index: usize| match index {
            0 if !self.model.has_two_focals() => f64::midpoint(sx, sy),
            0 => sx,
            1 if self.model.has_two_focals() => sy,
            index if index == first_center => sx,
            index if index == first_center + 1 => sy,
            // distortion acts on normalised coordinates
            _ => 1.0,
        };
        let params = self.params.iter().enumerate().map(|(index, param)| param * scale(index)).collect();
        Self { image_size, params, ..self.clone() }
    }

    /// Whether straight lines stay straight in its images.
    #[must_use]
    pub fn is_undistorted(&self) -> bool {
        let num_linear = 3 + usize::from(self.model.has_two_focals());
        self.params.iter().skip(num_linear).all(|param| *param == 0.0)
    }

    /// The pinhole camera with the same focal lengths and principal point.
    #[must_use]
    pub fn without_distortion(&self) -> Self {
        let params = [self.focal(), self.principal_point()].concat();
        Self { model: CameraModel::Pinhole, params, ..self.clone() }
    }

    /// Pixel of a point in the camera frame; `None` behind the camera.
    #[must_use]
    pub fn project(&self, x_in_cam: &Vector3<f64>) -> Option<Vector2<f64>> {
        if x_in_cam.z <= f64::EPSILON {
            return None;
        }
        let distorted = self.distort(Vector2::new(x_in_cam.x / x_in_cam.z, x_in_cam.y / x_in_cam.z));
        let ([fx, fy], [cx, cy]) = (self.focal(), self.principal_point());
        Some(Vector2::new(fx * distorted.x + cx, fy * distorted.y + cy))
    }

    fn distort(&self, uv: Vector2<f64>) -> Vector2<f64> {
        let r2 = uv.norm_squared();
        match self.model {
            CameraModel::SimplePinhole | CameraModel::Pinhole => uv,
            CameraModel::SimpleRadial => uv * (1.0 + self.params[3] * r2),
            CameraModel::Radial => uv * (1.0 + self.params[3] * r2 + self.params[4] * r2 * r2),
            CameraModel::OpenCv => {
                let [k1, k2, p1, p2] = [self.params[4], self.params[5], self.params[6], self.params[7]];
                let radial = 1.0 + k1 * r2 + k2 * r2 * r2;
                Vector2::new(
                    uv.x * radial + 2.0 * p1 * uv.x * uv.y + p2 * (r2 + 2.0 * uv.x * uv.x),
                    uv.y * radial + 2.0 * p2 * uv.x * uv.y + p1 * (r2 + 2.0 * uv.y * uv.y),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_colmap_names_and_ids() {
        for (id, name) in CameraModel::NAMES.iter().enumerate() {
            let model: CameraModel = name.parse().unwrap();
            assert_eq!(model.name(), *name);
            assert_eq!(CameraModel::from_colmap_id(id as i32), Some(model));
            assert_eq!(serde_name(model), format!("\"{name}\""));
        }
        assert_eq!(CameraModel::from_colmap_id(99), None);
    }

    fn serde_name(model: CameraModel) -> String {
        serde_json::to_string(&model).unwrap()
    }

    #[test]
    fn projections_match_colmap() {
        // pycolmap 4.2.1: Camera(model, 640, 480, params).img_from_cam((0.3, -0.2, 1.5))
        let cases: [(CameraModel, &[f64], [f64; 2]); 5] = [
            (CameraModel::SimplePinhole, &[500.0, 320.0, 240.0], [420.0, 173.333_333_333_333_31]),
            (CameraModel::Pinhole, &[500.0, 510.0, 320.0, 240.0], [420.0, 172.0]),
            (CameraModel::SimpleRadial, &[500.0, 320.0, 240.0, 0.1], [420.577_777_777_777_8, 172.948_148_148_148_16]),
            (CameraModel::Radial, &[500.0, 320.0, 240.0, 0.1, -0.05], [420.561_086_419_753_05, 172.959_275_720_164_6]),
            (
                CameraModel::OpenCv,
                &[500.0, 510.0, 320.0, 240.0, 0.1, -0.05, 0.001, -0.002],
                [420.396_641_975_308_6, 171.720_461_234_567_9],
            ),
        ];
        for (model, params, [x, y]) in cases {
            let camera = Camera::new(CameraId(1), model, [640, 480], params.to_vec()).unwrap();
            let px = camera.project(&Vector3::new(0.3, -0.2, 1.5)).unwrap();
            assert!((px - Vector2::new(x, y)).norm() < 1e-9, "{model:?}: {px}");
            assert_eq!(camera.project(&Vector3::new(0.0, 0.0, -1.0)), None);
        }
    }

    #[test]
    fn a_resized_camera_projects_to_the_same_place_of_its_image() {
        for (model, params) in [
            (CameraModel::SimplePinhole, vec![500.0, 320.0, 240.0]),
            (CameraModel::Pinhole, vec![500.0, 510.0, 320.0, 240.0]),
            (CameraModel::SimpleRadial, vec![500.0, 320.0, 240.0, 0.1]),
            (CameraModel::OpenCv, vec![500.0, 510.0, 320.0, 240.0, 0.1, -0.05, 0.001, -0.002]),
        ] {
            let camera = Camera::new(CameraId(1), model, [640, 480], params).unwrap();
            let half = camera.resized([320, 240]);
            let point = Vector3::new(0.3, -0.2, 1.5);
            assert!((half.project(&point).unwrap() * 2.0 - camera.project(&point).unwrap()).norm() < 1e-9, "{model:?}");
            assert_eq!(half.image_size, [320, 240]);
        }
    }

    #[test]
    fn without_distortion_a_camera_is_a_pinhole() {
        let radial =
            Camera::new(CameraId(1), CameraModel::SimpleRadial, [640, 480], vec![500.0, 320.0, 240.0, 0.1]).unwrap();
        let pinhole = radial.without_distortion();
        assert!(!radial.is_undistorted() && pinhole.is_undistorted());
        assert_eq!((pinhole.model, pinhole.params), (CameraModel::Pinhole, vec![500.0, 500.0, 320.0, 240.0]));
        let zero = Camera::new(CameraId(1), CameraModel::Radial, [4, 4], vec![5.0, 2.0, 2.0, 0.0, 0.0]).unwrap();
        assert!(zero.is_undistorted());
    }

    #[test]
    fn a_wrong_number_of_parameters_is_refused() {
        let error = Camera::new(CameraId(1), CameraModel::Pinhole, [4, 4], vec![1.0]).unwrap_err();
        assert_eq!(error.to_string(), "camera model PINHOLE takes 4 parameters, got 1");
    }
}
