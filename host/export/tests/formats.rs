//! Written files read back by readers that share no code with the writers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use scene3d_export::{write_atomic, write_glb, write_ply};
use scene3d_scene::Reconstruction;
use scene3d_scene::colmap::read_binary;

/// COLMAP's own model: 2 OPENCV cameras, 4 images, 12 points.
fn model() -> Reconstruction {
    let folder = workspace().join("core/scene/tests/fixtures/colmap");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    read_binary(&read("cameras.bin"), &read("images.bin"), &read("points3D.bin")).unwrap()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Property name and value of each vertex, by the header alone.
fn read_ply(bytes: &[u8]) -> Vec<Vec<(String, f64)>> {
    let end = bytes.windows(11).position(|window| window == b"end_header\n").unwrap() + 11;
    let header = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = header.lines();
    assert_eq!((lines.next(), lines.next()), (Some("ply"), Some("format binary_little_endian 1.0")));
    let words = |prefix: &str| -> Vec<Vec<&str>> {
        header.lines().filter(|line| line.starts_with(prefix)).map(|line| line.split(' ').collect()).collect()
    };
    let num_vertices: usize = words("element vertex")[0][2].parse().unwrap();
    let properties = words("property");
    let mut body = &bytes[end..];
    let mut take = |kind: &str| {
        let size = if kind == "uchar" { 1 } else { 4 };
        let (value, rest) = body.split_at(size);
        body = rest;
        match kind {
            "uchar" => f64::from(value[0]),
            "uint" => f64::from(u32::from_le_bytes(value.try_into().unwrap())),
            "float" => f64::from(f32::from_le_bytes(value.try_into().unwrap())),
            other => panic!("unknown type {other}"),
        }
    };
    let vertices = (0..num_vertices).map(|_| properties.iter().map(|p| (p[2].to_owned(), take(p[1]))).collect());
    let vertices = vertices.collect();
    assert!(body.is_empty(), "{} bytes after the last vertex", body.len());
    vertices
}

#[test]
fn a_ply_reads_back_by_its_header() {
    let model = model();
    let mut bytes = Vec::new();
    write_ply(&model, &mut bytes).unwrap();
    let vertices = read_ply(&bytes);
    assert_eq!(vertices.len(), 12);
    for (vertex, point) in vertices.iter().zip(model.points3d.values()) {
        let [x, y, z] = point.x_in_world.map(|c| f64::from(c as f32)).into();
        let [red, green, blue] = point.color.map(f64::from);
        let error = f64::from(point.error_px as f32);
        let expected = [
            ("x", x),
            ("y", y),
            ("z", z),
            ("red", red),
            ("green", green),
            ("blue", blue),
            ("reprojection_error", error),
            ("track_length", point.track.len() as f64),
        ];
        assert_eq!(*vertex, expected.map(|(name, value)| (name.to_owned(), value)));
    }
}

/// The validator's report, or why it cannot run.
fn validate(glb: &Path) -> Result<serde_json::Value, String> {
    let modules = workspace().join(".deps/node/node_modules");
    if !modules.join("gltf-validator").is_dir() {
        return Err("gltf-validator is not under .deps/node, `cargo xtask test` installs it".to_owned());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate_glb.mjs");
    let output = Command::new("node").arg(script).arg(modules).arg(glb).output().map_err(|e| format!("node: {e}"))?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_khronos_validator_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut without_points = model();
    without_points.points3d.clear();
    let mut without_images = model();
    without_images.images.clear();
    for (name, model) in [("whole", model()), ("no points", without_points), ("no images", without_images)] {
        let path = folder.path().join(format!("{name}.glb"));
        write_atomic(&path, |sink| write_glb(&model, sink)).unwrap();
        let report = match validate(&path) {
            Ok(report) => report,
            Err(reason) => return eprintln!("skipped: {reason}"),
        };
        let issues = &report["issues"];
        for kind in ["numErrors", "numWarnings", "numInfos", "numHints"] {
            assert_eq!(issues[kind], 0, "{name}: {issues:#}");
        }
    }
}
