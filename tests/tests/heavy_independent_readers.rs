//! What a run writes is read by programs that share no code with it: pycolmap, trimesh, the Khronos glTF validator.

use std::path::Path;
use std::process::Command;

use scene3d_tests::aliked_run::AlikedRuns;
use scene3d_tests::{assert_success, checkout, run, small_scene};
use serde_json::Value;

/// What pycolmap and trimesh see; `None`, saying so, where they are not installed.
fn python_readers(out: &Path) -> Option<Value> {
    let python = checkout().join(".deps/venv/bin/python");
    let imported =
        python.is_file() && run(Command::new(&python).args(["-c", "import pycolmap, trimesh"])).status.success();
    if !imported {
        eprintln!("skipped: no pycolmap and trimesh in .deps/venv; run `cargo xtask setup`");
        return None;
    }
    let script = checkout().join("tests/scripts/independent_readers.py");
    let output = run(Command::new(python).arg(script).arg(out));
    assert_success(&output);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn check_model(facts: &Value, report: &Value) {
    let statistics = &report["statistics"];
    for name in ["num_registered", "num_points3d", "num_observations"] {
        assert_eq!(facts[name], statistics[name], "{name}: {facts:#}");
    }
    assert_eq!(facts["num_cameras"], 1, "photos of one device share a camera");
    let names: Vec<&Value> = report["images"].as_array().unwrap().iter().map(|image| &image["name"]).collect();
    assert_eq!(facts["images"].as_array().unwrap().iter().collect::<Vec<_>>(), names);
    let error_px = |of: &Value| of["mean_reprojection_error_px"].as_f64().unwrap();
    // both are double precision over the same numbers; text has 17 digits
    assert!((error_px(facts) - error_px(statistics)).abs() < 1e-9, "{facts:#} {statistics:#}");
}

fn check_points(ply: &Value, report: &Value) {
    assert_eq!(ply["num_vertices"], report["statistics"]["num_points3d"]);
    for property in ["is_finite", "has_positions", "has_colors"] {
        assert_eq!(ply[property], true, "{property}: {ply:#}");
    }
    assert!(ply["num_colors"].as_u64().unwrap() > 100, "{ply:#}");
}

fn check_glb(glb: &Path) {
    let modules = checkout().join(".deps/node/node_modules");
    if !modules.join("gltf-validator").is_dir() {
        return eprintln!("skipped: no gltf-validator in .deps/node; run `cargo xtask setup`");
    }
    let script = checkout().join("host/export/tests/validate_glb.mjs");
    let output = run(Command::new("node").arg(script).arg(modules).arg(glb));
    assert_success(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for kind in ["numErrors", "numWarnings"] {
        assert_eq!(report["issues"][kind], 0, "{:#}", report["issues"]);
    }
    assert!(report["info"]["totalVertexCount"].as_u64().unwrap() > 1000, "{:#}", report["info"]);
}

#[test]
fn model_points_and_glb_of_a_run() {
    let Some(runs) = AlikedRuns::of(small_scene()) else { return };
    let events = runs.reconstruct("out", &[]);
    assert!(!events.is_empty());
    let report = runs.json("out/report.json");
    assert_eq!(report["statistics"]["num_registered"], 6);
    check_glb(&runs.path("out/scene.glb"));
    let Some(read) = python_readers(&runs.path("out")) else { return };
    check_model(&read["binary"], &report);
    check_model(&read["text"], &report);
    for axis in 0..3 {
        let [binary, text] = ["binary", "text"].map(|format| read[format]["center"][axis].as_f64().unwrap());
        assert!((binary - text).abs() < 1e-9, "mean camera centre {binary} in binary, {text} in text");
    }
    check_points(&read["ply"], &report);
}
