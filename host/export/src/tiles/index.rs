//! The JSON in front: what a viewer needs before the first point, and where each node's bytes are.

use nalgebra::UnitQuaternion;
use scene3d_scene::{Camera, CameraId, Reconstruction};
use serde::Serialize;

use super::FORMAT;
use super::node::{self, ERROR_STEPS_PER_PX, NO_ERROR};
use super::octree::{GRID, Octree};
use super::scene_core::Core;
use super::tracks::{self, ImageIndices};
use crate::ExportError;
use crate::glb::frustum_depth;
use crate::upright_from_world;

#[derive(Serialize)]
struct Index<'a> {
    num_points: usize,
    num_observations: usize,
    upright_from_world: [f64; 4],
    cube: Cube,
    core: Core,
    grid: u32,
    error_px: Spread,
    track_length: Spread,
    frustum_depth: f64,
    cameras: Vec<CameraEntry<'a>>,
    images: Vec<ImageEntry<'a>>,
    nodes: Vec<NodeEntry<'a>>,
}

#[derive(Serialize)]
struct Cube {
    min: [f64; 3],
    size: f64,
}

/// What colours are scaled by.
#[derive(Serialize)]
struct Spread {
    min: f64,
    median: f64,
    p95: f64,
    max: f64,
}

#[derive(Serialize)]
struct CameraEntry<'a> {
    id: u32,
    model: &'static str,
    image_size: [u32; 2],
    focal: [f64; 2],
    principal_point: [f64; 2],
    params: &'a [f64],
}

#[derive(Serialize)]
struct ImageEntry<'a> {
    id: u32,
    name: &'a str,
    camera: usize,
    rotation: [f64; 4],
    center: [f64; 3],
    num_points: usize,
}

#[derive(Serialize)]
struct NodeEntry<'a> {
    path: &'a str,
    num_points: usize,
    at: usize,
    bytes: usize,
    tracks_at: usize,
    tracks_bytes: usize,
}

/// The index as it is written.
pub(super) fn json(model: &Reconstruction, octree: &Octree<'_>, images: &ImageIndices) -> Result<Vec<u8>, ExportError> {
    let (nodes, num_observations) = nodes(model, octree, images);
    let errors = model.points3d.values().map(|point| node::quantised_error(point.error_px));
    let lengths = model.points3d.values().map(|point| node::saturated(point.track.len()));
    let root = octree.nodes.first().map(|root| Cube { min: root.min, size: root.size });
    let index = Index {
        num_points: model.points3d.len(),
        num_observations,
        upright_from_world: wxyz(&upright_from_world(model)),
        cube: root.unwrap_or(Cube { min: [0.0; 3], size: 1.0 }),
        core: octree.core,
        grid: GRID,
        error_px: Spread::of(errors.filter(|error| *error != NO_ERROR), 1.0 / ERROR_STEPS_PER_PX),
        track_length: Spread::of(lengths, 1.0),
        frustum_depth: frustum_depth(model),
        cameras: cameras(model),
        images: image_entries(model),
        nodes,
    };
    serde_json::to_vec(&index).map_err(ExportError::json(FORMAT))
}

impl Spread {
    /// Of whole numbers that each stand for so much; zeros if there are none.
    fn of(values: impl Iterator<Item = u16>, unit: f64) -> Self {
        let mut counts = vec![0_u64; usize::from(u16::MAX) + 1];
        values.for_each(|value| counts[usize::from(value)] += 1);
        let total: u64 = counts.iter().sum();
        // the lowest value that at least this share of all does not exceed
        let quantile = |share: f64| {
            let mut seen = 0;
            let wanted = ((total as f64 * share).ceil() as u64).max(1);
            let reached = counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            reached.unwrap_or_default() as f64 * unit
        };
        Self { min: quantile(0.0), median: quantile(0.5), p95: quantile(0.95), max: quantile(1.0) }
    }
}

fn cameras<'a>(model: &'a Reconstruction) -> Vec<CameraEntry<'a>> {
    let entry = |camera: &'a Camera| CameraEntry {
        id: camera.camera_id.0,
        model: camera.model.name(),
        image_size: camera.image_size,
        focal: camera.focal(),
        principal_point: camera.principal_point(),
        params: &camera.params,
    };
    model.cameras.values().map(entry).collect()
}

fn image_entries(model: &Reconstruction) -> Vec<ImageEntry<'_>> {
    let place = |id: CameraId| model.cameras.keys().position(|camera_id| *camera_id == id).unwrap_or_default();
    let entries = model.images.iter().map(|(id, image)| {
        let world_from_cam = image.cam_from_world.inverse();
        ImageEntry {
            id: id.0,
            name: &image.name,
            camera: place(image.camera_id),
            rotation: wxyz(&world_from_cam.rotation),
            center: world_from_cam.translation.into(),
            num_points: image.point3d_ids.iter().flatten().count(),
        }
    });
    entries.collect()
}

/// Payloads lie in the order of the nodes, first what is drawn, then the tracks.
fn nodes<'a>(model: &Reconstruction, octree: &'a Octree<'_>, images: &ImageIndices) -> (Vec<NodeEntry<'a>>, usize) {
    let mut num_observations = 0;
    let mut at = 0;
    let mut entries: Vec<NodeEntry<'a>> = Vec::with_capacity(octree.nodes.len());
    for node in &octree.nodes {
        let bytes = node::num_bytes(node.len());
        entries.push(NodeEntry { path: &node.path, num_points: node.len(), at, bytes, tracks_at: 0, tracks_bytes: 0 });
        at += bytes;
    }
    for (entry, node) in entries.iter_mut().zip(&octree.nodes) {
        let (bytes, of_node) = tracks::num_bytes(model, images, octree.points_of(node));
        (entry.tracks_at, entry.tracks_bytes) = (at, bytes);
        at += bytes;
        num_observations += of_node;
    }
    (entries, num_observations)
}

fn wxyz(rotation: &UnitQuaternion<f64>) -> [f64; 4] {
    [rotation.w, rotation.i, rotation.j, rotation.k]
}
