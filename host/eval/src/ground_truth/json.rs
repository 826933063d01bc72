//! Our own ground-truth format, one JSON object:
//!
//! ```json
//! {
//!   "format": "scene3d-ground-truth/1",
//!   "cameras": [{"camera_id": 1, "model": "PINHOLE", "image_size": [640, 480], "params": [544.0, 544.0, 320.0, 240.0]}],
//!   "images": [{"name": "a.jpg", "camera_id": 1, "rotation": [0.0, 0.0, 0.0, 1.0], "translation": [0.0, 0.0, 0.0]}],
//!   "outliers": ["holiday.jpg"],
//!   "imc_thresholds": [0.01, 0.02]
//! }
//! ```
//!
//! `rotation` is the quaternion `[qx, qy, qz, qw]` and `translation` the vector of `cam_from_world`; cameras have
//! COLMAP's names and parameter orders. `cameras` (with the images' `camera_id`), `outliers` and `imc_thresholds` may be
//! left out; unknown keys are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nalgebra::{Quaternion, UnitQuaternion, Vector3};
use scene3d_scene::{Camera, CameraId, Rigid3};
use serde::{Deserialize, Serialize};

use super::{GroundTruth, TrueImage, read_bytes};
use crate::EvalError;

const FORMAT: &str = "scene3d-ground-truth/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cameras: Vec<Camera>,
    images: Vec<Image>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    outliers: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    imc_thresholds: Option<Vec<f64>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    camera_id: Option<CameraId>,
    rotation: [f64; 4],
    translation: [f64; 3],
}

/// The ground truth as text of this format, sorted by name.
#[must_use]
pub fn to_json(truth: &GroundTruth) -> String {
    let mut cameras: Vec<Camera> = Vec::new();
    let images = truth.images.iter().map(|(name, image)| {
        let camera_id = image.camera.as_ref().map(|camera| number(&mut cameras, camera));
        let [qx, qy, qz, qw, tx, ty, tz] = image.cam_from_world.to_params();
        Image { name: name.clone(), camera_id, rotation: [qx, qy, qz, qw], translation: [tx, ty, tz] }
    });
    let file = File {
        format: FORMAT.to_owned(),
        images: images.collect(),
        cameras,
        outliers: truth.outliers.clone(),
        imc_thresholds: truth.imc_thresholds.clone(),
    };
    // strings and finite numbers: nothing here can fail to serialise
    serde_json::to_string_pretty(&file).unwrap_or_default()
}

pub(super) fn read(path: &Path) -> Result<GroundTruth, EvalError> {
    let malformed = |problem: String| EvalError::Malformed { problem, path: path.to_owned() };
    let file: File = serde_json::from_slice(&read_bytes(path)?)
        .map_err(|error| malformed(format!("not a ground-truth file: {error}")))?;
    parse(file).map_err(malformed)
}

/// Id of the camera in the file: images with the same intrinsics share one.
fn number(cameras: &mut Vec<Camera>, camera: &Camera) -> CameraId {
    let same = |other: &Camera| Camera { camera_id: camera.camera_id, ..other.clone() } == *camera;
    if let Some(known) = cameras.iter().find(|other| same(other)) {
        return known.camera_id;
    }
    let camera_id = CameraId(cameras.len() as u32 + 1);
    cameras.push(Camera { camera_id, ..camera.clone() });
    camera_id
}

fn parse(file: File) -> Result<GroundTruth, String> {
    if file.format != FORMAT {
        return Err(format!("expected format \"{FORMAT}\", got \"{}\"", file.format));
    }
    let mut cameras = BTreeMap::new();
    for camera in file.cameras {
        let Camera { camera_id, model, image_size, params } = camera;
        let camera = Camera::new(camera_id, model, image_size, params).map_err(|error| error.to_string())?;
        cameras.insert(camera_id, camera);
    }
    let mut images = BTreeMap::new();
    for image in file.images {
        let true_image = TrueImage { cam_from_world: pose(&image)?, camera: camera_of(&image, &cameras)? };
        if images.insert(image.name.clone(), true_image).is_some() {
            return Err(format!("image `{}` occurs twice", image.name));
        }
    }
    Ok(GroundTruth { images, outliers: file.outliers, imc_thresholds: file.imc_thresholds })
}

fn camera_of(image: &Image, cameras: &BTreeMap<CameraId, Camera>) -> Result<Option<Camera>, String> {
    let Some(camera_id) = image.camera_id else { return Ok(None) };
    let camera = cameras.get(&camera_id);
    camera.map(|camera| Some(camera.clone())).ok_or_else(|| format!("image `{}`: no camera {camera_id}", image.name))
}

fn pose(image: &Image) -> Result<Rigid3, String> {
    let [qx, qy, qz, qw] = image.rotation;
    let quaternion = Quaternion::new(qw, qx, qy, qz);
    if (quaternion.norm() - 1.0).abs() > 1e-3 {
        return Err(format!("image `{}`: expected a unit quaternion, got norm {}", image.name, quaternion.norm()));
    }
    let rotation = UnitQuaternion::new_normalize(quaternion);
    Ok(Rigid3 { rotation, translation: Vector3::from(image.translation) })
}

#[cfg(test)]
mod tests {
    use scene3d_scene::CameraModel;

    use super::*;

    fn truth() -> GroundTruth {
        let camera =
            Camera::new(CameraId(1), CameraModel::SimpleRadial, [640, 480], vec![544.0, 320.0, 240.0, 0.1]).unwrap();
        let image = |x: f64, camera: Option<&Camera>| TrueImage {
            cam_from_world: Rigid3 { translation: Vector3::new(x, 0.5, -2.0), ..Rigid3::identity() },
            camera: camera.cloned(),
        };
        let images = [("a.jpg", 1.0, Some(&camera)), ("b c.jpg", 2.0, Some(&camera)), ("d.jpg", 3.0, None)];
        GroundTruth {
            images: images.into_iter().map(|(name, x, camera)| (name.to_owned(), image(x, camera))).collect(),
            outliers: ["cat.jpg".to_owned()].into(),
            imc_thresholds: Some(vec![0.1, 0.2]),
        }
    }

    fn read_text(text: &str) -> Result<GroundTruth, EvalError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("truth.json");
        std::fs::write(&path, text).unwrap();
        super::super::read(&path, &super::super::ImageSizes::new())
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(read_text(&to_json(&truth())).unwrap(), truth());
        let shared = to_json(&truth()).matches("SIMPLE_RADIAL").count();
        assert_eq!(shared, 1, "images with the same intrinsics share a camera");
    }

    #[test]
    fn the_smallest_file_has_names_and_poses() {
        let text = r#"{"format": "scene3d-ground-truth/1", "images":
            [{"name": "a.jpg", "rotation": [0, 0, 0, 1], "translation": [1, 2, 3]}]}"#;
        let truth = read_text(text).unwrap();
        assert_eq!(truth.images["a.jpg"].cam_from_world.translation, Vector3::new(1.0, 2.0, 3.0));
        assert_eq!(truth.images["a.jpg"].camera, None);
    }

    #[test]
    fn mistakes_are_named() {
        let good = to_json(&truth());
        for (from, to, named) in [
            ("truth/1", "truth/9", "truth/9"),
            ("\"outliers\"", "\"outlier\"", "outlier"),
            ("\"b c.jpg\"", "\"a.jpg\"", "twice"),
            ("\"camera_id\": 1,\n      \"rotation\"", "\"camera_id\": 7,\n      \"rotation\"", "no camera 7"),
            ("544.0,", "", "4 parameters"),
        ] {
            assert!(good.contains(from), "{from} is not in {good}");
            let error = read_text(&good.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains("truth.json"), "{error}");
        }
    }
}
