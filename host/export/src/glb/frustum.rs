//! Frustums of cameras as line meshes, sized to the spacing of the cameras.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use scene3d_scene::{Camera, CameraId, Reconstruction};

/// Depth of a frustum as a share of the typical distance between neighbouring cameras.
const DEPTH_SHARE: f64 = 0.35;
/// Vertices of a frustum: the projection centre, four corners, and the tip of the mark that says where up is.
pub(super) const NUM_VERTICES: usize = 6;
/// Edges as vertex indices: centre to corners, the image's border, the mark on its upper edge.
pub(super) const LINE_INDICES: [[u16; 2]; 10] =
    [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4], [4, 1], [1, 5], [5, 2]];

/// One frustum a camera.
#[derive(Debug)]
pub(super) struct Frustums {
    /// Vertices in glTF camera axes, by camera.
    pub(super) vertices_in_gl_cam: BTreeMap<CameraId, [[f64; 3]; NUM_VERTICES]>,
    /// Distance from the projection centre to the image plane, in world units.
    pub(super) depth: f64,
}

impl Frustums {
    /// Frustums of the cameras that registered images use.
    pub(super) fn of(model: &Reconstruction) -> Self {
        let depth = frustum_depth(model);
        let used = model.images.values().filter_map(|image| model.cameras.get(&image.camera_id));
        Self { vertices_in_gl_cam: used.map(|camera| (camera.camera_id, vertices(camera, depth))).collect(), depth }
    }
}

/// Distance from the projection centre to the image plane at which frustums neither vanish nor hide the scene.
pub(crate) fn frustum_depth(model: &Reconstruction) -> f64 {
    DEPTH_SHARE * camera_spacing(model)
}

/// Median distance from a camera to its nearest neighbour; of a lone camera, a tenth of the distance to the points.
fn camera_spacing(model: &Reconstruction) -> f64 {
    let centers: Vec<Vector3<f64>> = model.images.values().map(|image| image.cam_from_world.origin_in_b()).collect();
    let nearest = |center: &Vector3<f64>| {
        centers.iter().map(|other| (other - center).norm()).filter(|d| *d > 1e-9).min_by(f64::total_cmp)
    };
    median(centers.iter().filter_map(nearest).collect()).unwrap_or_else(|| {
        let origin = centers.first().copied().unwrap_or_default();
        let depths = model.points3d.values().map(|point| (point.x_in_world - origin).norm()).collect();
        median(depths).map_or(1.0, |depth| 0.1 * depth.max(1e-6))
    })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Corners from the top left clockwise: x right, y up, the image plane at `-depth`.
fn vertices(camera: &Camera, depth: f64) -> [[f64; 3]; NUM_VERTICES] {
    let ([fx, fy], [cx, cy], [w, h]) = (camera.focal(), camera.principal_point(), camera.image_size.map(f64::from));
    let at = |x_px: f64, y_px: f64| [depth * (x_px - cx) / fx, -depth * (y_px - cy) / fy, -depth];
    [[0.0; 3], at(0.0, 0.0), at(w, 0.0), at(w, h), at(0.0, h), at(0.5 * w, -0.2 * h)]
}
