//! `scene.glb`: points and camera frustums as binary glTF 2.0.
//!
//! Format: Khronos glTF 2.0 specification, sections 3 and 4.4. Buffers hold the model's own world coordinates; the root
//! node `gltf_from_world` carries the one rotation to glTF's y-up frame ([`crate::upright_from_world`]). Each registered
//! image is a node of its name that holds `world_from_cam` with glTF camera axes (x right, y up, looks along `-z`), a
//! perspective camera and its frustum. glTF cameras have neither a principal point nor distortion: both are left out.
//! `COLOR_0` is linear by specification; 16 bits keep the dark tones that 8 would merge.

mod frustum;
mod json;

use std::io::Write;

use nalgebra::Vector3;
use scene3d_scene::Reconstruction;

use crate::ExportError;
use frustum::Frustums;
pub(crate) use frustum::frustum_depth;

const FORMAT: &str = "GLB";
const MAGIC: u32 = 0x4654_6C67;
const VERSION: u32 = 2;
const CHUNK_JSON: u32 = 0x4E4F_534A;
const CHUNK_BIN: u32 = 0x004E_4942;
/// File header, and the headers of both chunks.
const HEADERS_BYTES: usize = 12 + 8 + 8;

/// Writes all points and all registered images.
///
/// # Errors
/// [`ExportError::Scene`] if an image's camera is missing, [`ExportError::Unsupported`] for a coordinate that is not
/// finite or more than 4 GiB, [`ExportError::Write`] if the sink fails.
pub fn write_glb(model: &Reconstruction, sink: impl Write) -> Result<(), ExportError> {
    model.check()?;
    check_finite(model)?;
    let frustums = Frustums::of(model);
    if model.points3d.is_empty() && model.images.is_empty() {
        return Err(unsupported("it has neither points nor registered images"));
    }
    let (mut json, bin_bytes) = json::document(model, &frustums);
    json.resize(json.len().next_multiple_of(4), b' ');
    let total = u32::try_from(HEADERS_BYTES + json.len() + bin_bytes).map_err(|_| unsupported("it exceeds 4 GiB"))?;
    write_chunks(model, &frustums, &json, total, sink).map_err(ExportError::write(FORMAT))
}

fn check_finite(model: &Reconstruction) -> Result<(), ExportError> {
    let is_finite = |x: &Vector3<f64>| x.iter().all(|c| (*c as f32).is_finite());
    if let Some((id, _)) = model.points3d.iter().find(|(_, point)| !is_finite(&point.x_in_world)) {
        return Err(unsupported(&format!("point {id} has a coordinate that is not finite")));
    }
    match model.images.values().find(|image| !is_finite(&image.cam_from_world.origin_in_b())) {
        Some(image) => Err(unsupported(&format!("image `{}` has a pose that is not finite", image.name))),
        None => Ok(()),
    }
}

fn unsupported(reason: &str) -> ExportError {
    ExportError::Unsupported { format: FORMAT, reason: reason.to_owned() }
}

fn write_chunks(
    model: &Reconstruction,
    frustums: &Frustums,
    json: &[u8],
    total_bytes: u32,
    mut sink: impl Write,
) -> std::io::Result<()> {
    let bin_bytes = total_bytes - HEADERS_BYTES as u32 - json.len() as u32;
    for word in [MAGIC, VERSION, total_bytes, json.len() as u32, CHUNK_JSON] {
        sink.write_all(&word.to_le_bytes())?;
    }
    sink.write_all(json)?;
    for word in [bin_bytes, CHUNK_BIN] {
        sink.write_all(&word.to_le_bytes())?;
    }
    // in the order in which `json::document` placed them
    for point in model.points3d.values() {
        write_f32s(point.x_in_world.as_slice(), &mut sink)?;
    }
    for point in model.points3d.values() {
        for channel in [linear(point.color[0]), linear(point.color[1]), linear(point.color[2]), u16::MAX] {
            sink.write_all(&channel.to_le_bytes())?;
        }
    }
    if !frustums.vertices_in_gl_cam.is_empty() {
        for index in frustum::LINE_INDICES.iter().flatten() {
            sink.write_all(&index.to_le_bytes())?;
        }
    }
    for vertex in frustums.vertices_in_gl_cam.values().flatten() {
        write_f32s(vertex, &mut sink)?;
    }
    sink.flush()
}

fn write_f32s(values: &[f64], sink: &mut impl Write) -> std::io::Result<()> {
    values.iter().try_for_each(|value| sink.write_all(&(*value as f32).to_le_bytes()))
}

/// Linear light of an sRGB byte (IEC 61966-2-1), normalised to u16.
fn linear(srgb: u8) -> u16 {
    let s = f64::from(srgb) / 255.0;
    let light = if s <= 0.040_45 { s / 12.92 } else { ((s + 0.055) / 1.055).powf(2.4) };
    (light * 65535.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_scene;
    use serde_json::Value;

    fn word(glb: &[u8], at: usize) -> usize {
        u32::from_le_bytes(glb[at..at + 4].try_into().unwrap()) as usize
    }

    fn parse(glb: &[u8]) -> (Value, &[u8]) {
        assert_eq!((&glb[..4], word(glb, 4), word(glb, 8)), (&b"glTF"[..], 2, glb.len()));
        let json_bytes = word(glb, 12);
        assert_eq!((json_bytes % 4, &glb[16..20]), (0, &b"JSON"[..]));
        let bin = &glb[20 + json_bytes..];
        assert_eq!((word(bin, 0), &bin[4..8]), (bin.len() - 8, &b"BIN\0"[..]));
        (serde_json::from_slice(&glb[20..20 + json_bytes]).unwrap(), &bin[8..])
    }

    fn numbers<const N: usize>(value: &Value) -> [f64; N] {
        std::array::from_fn(|i| value[i].as_f64().unwrap())
    }

    #[test]
    fn an_image_node_looks_along_minus_z_at_what_it_sees() {
        let model = test_scene::ring(6);
        let mut glb = Vec::new();
        write_glb(&model, &mut glb).unwrap();
        let (json, bin) = parse(&glb);
        assert_eq!(json["buffers"][0]["byteLength"].as_u64().unwrap() as usize, bin.len());
        let node = json["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "ring/image 3.jpg").unwrap();
        let [x, y, z, w] = numbers(&node["rotation"]);
        let rotation = nalgebra::UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(w, x, y, z));
        let center = Vector3::from(numbers::<3>(&node["translation"]));
        // every camera of the ring looks at the origin
        assert!((rotation * -Vector3::z() + center.normalize()).norm() < 1e-9);
        assert!((rotation * Vector3::y()).dot(&test_scene::UP_IN_WORLD) > 0.9);
        let [x, y, z, w] = numbers(&json["nodes"][0]["rotation"]);
        let upright = nalgebra::UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(w, x, y, z));
        assert!((upright * test_scene::UP_IN_WORLD - Vector3::y()).norm() < 1e-9);
        let first = &model.points3d.values().next().unwrap().x_in_world;
        assert_eq!(f32::from_le_bytes(bin[..4].try_into().unwrap()), first.x as f32);
    }

    #[test]
    fn colours_are_linear() {
        assert_eq!([linear(0), linear(255)], [0, u16::MAX]);
        // sRGB 0.5 is linear 0.2140
        assert!((f64::from(linear(128)) / 65535.0 - 0.2159).abs() < 1e-3);
    }

    #[test]
    fn what_gltf_cannot_hold_is_refused() {
        let mut model = test_scene::ring(2);
        model.points3d.values_mut().next().unwrap().x_in_world.x = 1e300;
        let error = write_glb(&model, std::io::sink()).unwrap_err().to_string();
        assert_eq!(error, "GLB cannot hold this scene: point 1 has a coordinate that is not finite");
        assert!(write_glb(&Reconstruction::default(), std::io::sink()).is_err());
    }
}
