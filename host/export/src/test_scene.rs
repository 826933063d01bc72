//! A small scene for tests: a ring of level, pitched cameras around a ball of points, with exact observations.

use nalgebra::{Matrix3, Vector3};
use scene3d_scene::{
    Camera, CameraId, CameraModel, ImageId, Observation, Point3d, Point3dId, Reconstruction, RegisteredImage, Rigid3,
};

/// Up of the ring, before anyone tilts it.
pub(crate) const UP_IN_WORLD: Vector3<f64> = Vector3::new(0.0, -1.0, 0.0);
const NUM_POINTS: u64 = 200;

/// `num_images` cameras, the odd ones with distortion.
pub(crate) fn ring(num_images: u32) -> Reconstruction {
    let mut model = Reconstruction { cameras: cameras(), ..Reconstruction::default() };
    for id in 0..num_images {
        let angle = f64::from(id) / f64::from(num_images) * std::f64::consts::TAU;
        let center = Vector3::new(4.0 * angle.sin(), -1.5, -4.0 * angle.cos());
        let image = RegisteredImage {
            name: format!("ring/image {id}.jpg"),
            camera_id: CameraId(1 + id % 2),
            cam_from_world: look_at_origin(center),
            keypoints: Vec::new(),
            point3d_ids: Vec::new(),
        };
        model.images.insert(ImageId(id + 1), image);
    }
    for id in 1..=NUM_POINTS {
        add_point(&mut model, id);
    }
    model
}

fn cameras() -> std::collections::BTreeMap<CameraId, Camera> {
    let camera = |id, model, params: &[f64]| Camera::new(CameraId(id), model, [640, 480], params.to_vec()).unwrap();
    let opencv = [500.0, 510.0, 322.0, 238.0, 0.1, -0.05, 0.001, -0.002];
    [camera(1, CameraModel::SimplePinhole, &[500.0, 320.0, 240.0]), camera(2, CameraModel::OpenCv, &opencv)]
        .map(|camera| (camera.camera_id, camera))
        .into()
}

fn look_at_origin(center: Vector3<f64>) -> Rigid3 {
    let z = -center.normalize();
    let x = z.cross(&UP_IN_WORLD).normalize();
    let world_from_cam = Matrix3::from_columns(&[x, z.cross(&x), z]);
    Rigid3::from_matrix(&world_from_cam, center).inverse()
}

fn add_point(model: &mut Reconstruction, id: u64) {
    // golden-angle spiral on a ball
    let y = 1.0 - 2.0 * (id as f64 - 0.5) / NUM_POINTS as f64;
    let (angle, radius) = (2.399_963 * id as f64, (1.0 - y * y).sqrt());
    let x_in_world = Vector3::new(radius * angle.cos(), y, radius * angle.sin());
    let mut track = Vec::new();
    for (image_id, image) in &mut model.images {
        let camera = &model.cameras[&image.camera_id];
        let Some(px) = camera.project(&image.cam_from_world.apply(&x_in_world)) else { continue };
        track.push(Observation { image_id: *image_id, keypoint_idx: image.keypoints.len() as u32 });
        image.keypoints.push([px.x, px.y]);
        image.point3d_ids.push(Some(Point3dId(id)));
    }
    track.truncate(2 + id as usize % 5);
    for (image_id, image) in &mut model.images {
        if !track.iter().any(|observation| observation.image_id == *image_id) {
            image.point3d_ids.last_mut().map(Option::take);
        }
    }
    let color = [(id % 256) as u8, 128, 255 - (id % 256) as u8];
    model.points3d.insert(Point3dId(id), Point3d { x_in_world, color, error_px: 0.5, track });
}
