//! `transforms.json`, the camera file of instant-ngp and nerfstudio.
//!
//! Convention (nerfstudio `docs/quickstart/data_conventions.md`, instant-ngp `docs/nerf_dataset_tips.md`):
//! `transform_matrix` is `world_from_cam`, 4x4, row-major, with OpenGL camera axes: x right, y up, the camera looks along
//! `-z`. The world frame is the model's own, so that `points.ply` fits; only the camera axes differ from COLMAP's.
//! `fl_x, fl_y, cx, cy` are px, the image spans `[0, w] x [0, h]`; `k1, k2, p1, p2` are OpenCV's. Intrinsics stand at the
//! top when all images share a camera, else in each frame.

use std::io::Write;

use nalgebra::{Matrix4, Vector4};
use scene3d_scene::{Camera, CameraModel, Reconstruction, RegisteredImage, Rigid3};
use serde_json::{Map, Value, json};

use crate::ExportError;

const FORMAT: &str = "transforms.json";

/// Where the files that `transforms.json` names lie, relative to its folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransformsPaths<'a> {
    /// Folder of the photos, absolute or relative; empty for the same folder.
    pub photos: &'a str,
    /// The point cloud, for methods that start from points.
    pub ply: Option<&'a str>,
}

/// Writes the poses and intrinsics of all registered images, by id.
///
/// # Errors
/// [`ExportError::Scene`] if an image's camera is missing, [`ExportError::Write`] if the sink fails.
pub fn write_transforms(
    model: &Reconstruction,
    paths: TransformsPaths<'_>,
    mut sink: impl Write,
) -> Result<(), ExportError> {
    model.check()?;
    let mut root = Map::new();
    let shared = shared_camera(model);
    if let Some(camera) = shared {
        root.extend(intrinsics(camera));
    }
    if let Some(ply) = paths.ply {
        root.insert("ply_file_path".to_owned(), ply.into());
    }
    let frames = model.images.values().map(|image| {
        let mut frame = frame(image, paths.photos);
        if let (None, Some(camera)) = (shared, model.cameras.get(&image.camera_id)) {
            frame.extend(intrinsics(camera));
        }
        Value::Object(frame)
    });
    root.insert("frames".to_owned(), frames.collect());
    serde_json::to_writer_pretty(&mut sink, &root).map_err(ExportError::json(FORMAT))?;
    sink.write_all(b"\n").and_then(|()| sink.flush()).map_err(ExportError::write(FORMAT))
}

/// `world_from_cam`, 4x4, with OpenGL camera axes (x right, y up, the camera looks along `-z`).
#[must_use]
pub fn world_from_gl_cam(cam_from_world: &Rigid3) -> Matrix4<f64> {
    let cam_from_gl_cam = Matrix4::from_diagonal(&Vector4::new(1.0, -1.0, -1.0, 1.0));
    let world_from_cam = cam_from_world.inverse();
    let isometry = nalgebra::Isometry3::from_parts(world_from_cam.translation.into(), world_from_cam.rotation);
    isometry.to_homogeneous() * cam_from_gl_cam
}

fn shared_camera(model: &Reconstruction) -> Option<&Camera> {
    let mut ids = model.images.values().map(|image| image.camera_id);
    let first = ids.next()?;
    ids.all(|id| id == first).then(|| model.cameras.get(&first))?
}

fn frame(image: &RegisteredImage, photos: &str) -> Map<String, Value> {
    let folder = photos.trim_end_matches('/');
    let file_path = if folder.is_empty() { image.name.clone() } else { format!("{folder}/{}", image.name) };
    let matrix = world_from_gl_cam(&image.cam_from_world);
    let rows: Vec<Vec<f64>> = matrix.row_iter().map(|row| row.iter().copied().collect()).collect();
    [("file_path".to_owned(), file_path.into()), ("transform_matrix".to_owned(), json!(rows))].into_iter().collect()
}

fn intrinsics(camera: &Camera) -> Map<String, Value> {
    let ([fl_x, fl_y], [cx, cy], [w, h]) = (camera.focal(), camera.principal_point(), camera.image_size);
    let (model, [k1, k2, p1, p2]) = opencv_distortion(camera);
    let angle = |side: u32, focal: f64| 2.0 * (f64::from(side) / (2.0 * focal)).atan();
    let fields = json!({
        "camera_model": model, "w": w, "h": h, "fl_x": fl_x, "fl_y": fl_y, "cx": cx, "cy": cy,
        "k1": k1, "k2": k2, "p1": p1, "p2": p2, "camera_angle_x": angle(w, fl_x), "camera_angle_y": angle(h, fl_y),
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// All our models are special cases of OpenCV's.
fn opencv_distortion(camera: &Camera) -> (&'static str, [f64; 4]) {
    let p = &camera.params;
    match camera.model {
        CameraModel::SimplePinhole | CameraModel::Pinhole => ("PINHOLE", [0.0; 4]),
        CameraModel::SimpleRadial => ("OPENCV", [p[3], 0.0, 0.0, 0.0]),
        CameraModel::Radial => ("OPENCV", [p[3], p[4], 0.0, 0.0]),
        CameraModel::OpenCv => ("OPENCV", [p[4], p[5], p[6], p[7]]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_scene;

    fn written(model: &Reconstruction, paths: TransformsPaths<'_>) -> Value {
        let mut bytes = Vec::new();
        write_transforms(model, paths, &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The pixel of a world point by the file alone, as an OpenGL renderer with OpenCV distortion computes it.
    fn project(frame: &Value, x_in_world: Vector4<f64>) -> [f64; 2] {
        let number = |key: &str| frame[key].as_f64().unwrap();
        let element = |row: usize, column: usize| frame["transform_matrix"][row][column].as_f64().unwrap();
        let x_in_gl = Matrix4::from_fn(element).try_inverse().unwrap() * x_in_world;
        assert!(x_in_gl.z < 0.0, "an OpenGL camera looks along -z");
        let (u, v) = (x_in_gl.x / -x_in_gl.z, x_in_gl.y / x_in_gl.z);
        let r2 = u * u + v * v;
        let radial = 1.0 + number("k1") * r2 + number("k2") * r2 * r2;
        let (p1, p2) = (number("p1"), number("p2"));
        let x = u * radial + 2.0 * p1 * u * v + p2 * (r2 + 2.0 * u * u);
        let y = v * radial + 2.0 * p2 * u * v + p1 * (r2 + 2.0 * v * v);
        [number("fl_x") * x + number("cx"), number("fl_y") * y + number("cy")]
    }

    #[test]
    fn the_opengl_camera_sees_each_point_at_its_keypoint() {
        let model = test_scene::ring(5);
        let json = written(&model, TransformsPaths::default());
        for point in model.points3d.values() {
            for observation in &point.track {
                let index = observation.image_id.0 as usize - 1;
                let px = project(&json["frames"][index], point.x_in_world.push(1.0));
                let expected = model.images[&observation.image_id].keypoints[observation.keypoint_idx as usize];
                assert!((px[0] - expected[0]).hypot(px[1] - expected[1]) < 1e-8, "{px:?} {expected:?}");
            }
        }
    }

    #[test]
    fn a_shared_camera_stands_at_the_top_and_paths_are_joined() {
        let mut model = test_scene::ring(3);
        let json = written(&model, TransformsPaths { photos: "../photos/", ply: Some("points.ply") });
        assert_eq!(json["frames"][0]["file_path"], "../photos/ring/image 0.jpg");
        assert_eq!((&json["fl_x"], &json["ply_file_path"]), (&Value::Null, &Value::from("points.ply")));
        model.images.values_mut().for_each(|image| image.camera_id = scene3d_scene::CameraId(1));
        let json = written(&model, TransformsPaths::default());
        assert_eq!((&json["camera_model"], &json["fl_x"], &json["w"]), (&"PINHOLE".into(), &500.0.into(), &640.into()));
        assert_eq!(json["frames"][0]["fl_x"], Value::Null);
        assert_eq!(json["frames"][0]["file_path"], "ring/image 0.jpg");
    }
}
