//! The JSON chunk of a GLB, which also says where in the binary chunk everything lies.

use std::collections::BTreeMap;

use nalgebra::Quaternion;
use scene3d_scene::{Camera, CameraId, Reconstruction, RegisteredImage};
use serde_json::{Value, json};

use super::frustum::{Frustums, LINE_INDICES};
use crate::upright_from_world;

const U16: u32 = 5123;
const F32: u32 = 5126;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const MODE_POINTS: u32 = 0;
const MODE_LINES: u32 = 1;
/// Linear RGBA: an orange that shows on dark and on light.
const FRUSTUM_COLOR: [f64; 4] = [0.9, 0.25, 0.02, 1.0];

/// The JSON chunk, unpadded, and the length of the binary chunk it describes.
pub(super) fn document(model: &Reconstruction, frustums: &Frustums) -> (Vec<u8>, usize) {
    let mut buffer = Buffer::default();
    let mut meshes = Vec::new();
    let mut nodes = vec![Value::Null];
    if !model.points3d.is_empty() {
        nodes.push(json!({"name": "points", "mesh": meshes.len()}));
        meshes.push(points_mesh(model, &mut buffer));
    }
    let mesh_by_camera = frustum_meshes(frustums, &mut buffer, &mut meshes);
    let camera_index = |id: &CameraId| frustums.vertices_in_gl_cam.range(..id).count();
    nodes.extend(
        model.images.values().map(|image| {
            image_node(image, mesh_by_camera.get(&image.camera_id).copied(), camera_index(&image.camera_id))
        }),
    );
    nodes[0] = json!({
        "name": "gltf_from_world",
        "rotation": unit_quaternion(upright_from_world(model).into_inner()),
        "children": (1..nodes.len()).collect::<Vec<_>>(),
    });
    let mut root = json!({
        "asset": {"version": "2.0", "generator": concat!("scene3d ", env!("CARGO_PKG_VERSION"))},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": nodes,
        "meshes": meshes,
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": buffer.num_bytes}],
    });
    if !mesh_by_camera.is_empty() {
        let cameras = model.cameras.values().filter(|camera| mesh_by_camera.contains_key(&camera.camera_id));
        root["cameras"] = cameras.map(|camera| perspective(camera, frustums.depth)).collect();
        root["extensionsUsed"] = json!(["KHR_materials_unlit"]);
        root["materials"] = json!([{
            "name": "frustum",
            "pbrMetallicRoughness": {"baseColorFactor": FRUSTUM_COLOR, "metallicFactor": 0.0},
            "extensions": {"KHR_materials_unlit": {}},
        }]);
    }
    (root.to_string().into_bytes(), buffer.num_bytes)
}

/// Buffer views in the order in which the binary chunk is written, one accessor each.
#[derive(Default)]
struct Buffer {
    num_bytes: usize,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Buffer {
    fn push(&mut self, num_bytes: usize, target: u32, mut accessor: Value) -> usize {
        self.views.push(json!({"buffer": 0, "byteOffset": self.num_bytes, "byteLength": num_bytes, "target": target}));
        self.num_bytes += num_bytes;
        accessor["bufferView"] = self.accessors.len().into();
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    /// Positions need their bounds, of the values as stored.
    fn push_positions<'a>(&mut self, positions: impl Iterator<Item = &'a [f64]>) -> usize {
        let (mut min, mut max, mut count) = ([f32::MAX; 3], [f32::MIN; 3], 0);
        for position in positions {
            for (axis, value) in position.iter().enumerate() {
                min[axis] = min[axis].min(*value as f32);
                max[axis] = max[axis].max(*value as f32);
            }
            count += 1;
        }
        let accessor = json!({"componentType": F32, "count": count, "type": "VEC3", "min": min, "max": max});
        self.push(12 * count, ARRAY_BUFFER, accessor)
    }
}

fn points_mesh(model: &Reconstruction, buffer: &mut Buffer) -> Value {
    let num_points = model.points3d.len();
    let positions = buffer.push_positions(model.points3d.values().map(|point| point.x_in_world.as_slice()));
    let colors = json!({"componentType": U16, "normalized": true, "count": num_points, "type": "VEC4"});
    let colors = buffer.push(8 * num_points, ARRAY_BUFFER, colors);
    json!({"name": "points", "primitives": [{
        "mode": MODE_POINTS, "attributes": {"POSITION": positions, "COLOR_0": colors},
    }]})
}

/// Index of the mesh of each camera; all share one index buffer, which comes first.
fn frustum_meshes(frustums: &Frustums, buffer: &mut Buffer, meshes: &mut Vec<Value>) -> BTreeMap<CameraId, usize> {
    if frustums.vertices_in_gl_cam.is_empty() {
        return BTreeMap::new();
    }
    let num_indices = 2 * LINE_INDICES.len();
    let indices = json!({"componentType": U16, "count": num_indices, "type": "SCALAR"});
    let indices = buffer.push(2 * num_indices, ELEMENT_ARRAY_BUFFER, indices);
    let mut mesh_by_camera = BTreeMap::new();
    for (camera_id, vertices) in &frustums.vertices_in_gl_cam {
        let positions = buffer.push_positions(vertices.iter().map(|vertex| vertex.as_slice()));
        mesh_by_camera.insert(*camera_id, meshes.len());
        meshes.push(json!({"name": format!("camera {camera_id}"), "primitives": [{
            "mode": MODE_LINES, "attributes": {"POSITION": positions}, "indices": indices, "material": 0,
        }]}));
    }
    mesh_by_camera
}

fn image_node(image: &RegisteredImage, mesh: Option<usize>, camera: usize) -> Value {
    let world_from_cam = image.cam_from_world.inverse();
    // half a turn about x: from COLMAP's camera axes (y down, looks along +z) to glTF's (y up, looks along -z)
    let cam_from_gl_cam = Quaternion::new(0.0, 1.0, 0.0, 0.0);
    let translation: [f64; 3] = world_from_cam.translation.into();
    json!({
        "name": image.name,
        "translation": translation,
        "rotation": unit_quaternion(world_from_cam.rotation.into_inner() * cam_from_gl_cam),
        "mesh": mesh,
        "camera": camera,
    })
}

/// `[x, y, z, w]`, renormalised: the specification wants unit length.
fn unit_quaternion(rotation: Quaternion<f64>) -> [f64; 4] {
    let q = rotation.normalize().coords;
    [q.x, q.y, q.z, q.w]
}

fn perspective(camera: &Camera, frustum_depth: f64) -> Value {
    let ([fx, fy], [w, h]) = (camera.focal(), camera.image_size.map(f64::from));
    json!({
        "name": format!("camera {}", camera.camera_id),
        "type": "perspective",
        "perspective": {
            "aspectRatio": (w / fx) / (h / fy),
            "yfov": 2.0 * (h / (2.0 * fy)).atan(),
            // nearer than the own frustum, so that a viewer at the camera does not lose the scene
            "znear": 0.1 * frustum_depth,
        },
    })
}
