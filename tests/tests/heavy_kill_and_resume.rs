//! `kill -9` at ten points of a run, then `--resume`: finished work is not done again and the model is the same.
#![allow(clippy::unwrap_used)] // helpers of tests may panic as tests do

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use scene3d_tests::{assert_success, binary, checkout, has_weights, run, small_scene, stdout, write_photos};
use serde_json::Value;

const NUM_POINTS: usize = 10;

fn command(folder: &Path, out: &str, more: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("reconstruct").arg(folder.join("photos")).arg("--json");
    command.arg("--config").arg(checkout().join("configs/aliked+nearest.toml"));
    command.arg("--out").arg(folder.join(out)).args(more);
    command
}

fn model(folder: &Path, out: &str) -> BTreeMap<String, Vec<u8>> {
    let files = ["model/cameras.bin", "model/images.bin", "model/points3D.bin", "points.ply", "scene.glb"];
    let read = |file: &str| std::fs::read(folder.join(out).join(file)).unwrap();
    files.into_iter().map(|file| (file.to_owned(), read(file))).collect()
}

/// Finished artifacts with the time they were written.
fn artifacts(folder: &Path, out: &str) -> BTreeMap<String, SystemTime> {
    let mut found = BTreeMap::new();
    for stage in ["features", "mapping"] {
        let Ok(entries) = std::fs::read_dir(folder.join(out).join("artifacts").join(stage)) else { continue };
        for entry in entries.map(Result::unwrap) {
            let name = format!("{stage}/{}", entry.file_name().to_string_lossy());
            if name.ends_with(".safetensors") {
                found.insert(name, entry.metadata().unwrap().modified().unwrap());
            }
        }
    }
    found
}

fn kill_after_events(command: &mut Command, num_events: usize) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.take(num_events).for_each(drop);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn reused(events: &str, stage: &str) -> u64 {
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let finished = |event: &Value| event["event"] == "stage_finished" && event["stage"] == stage;
    events.filter(finished).map(|event| event["reused"].as_u64().unwrap()).next_back().unwrap()
}

#[test]
fn killed_at_ten_points_and_resumed() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_photos(small_scene(), &folder.path().join("photos"));
    let whole = run(&mut command(folder.path(), "whole", &[]));
    assert_success(&whole);
    let num_events = stdout(&whole).lines().count();
    let expected = model(folder.path(), "whole");
    for point in 0..NUM_POINTS {
        let out = format!("killed-{point}");
        kill_after_events(&mut command(folder.path(), &out, &[]), 1 + point * (num_events - 1) / NUM_POINTS);
        let before = artifacts(folder.path(), &out);
        let resumed = run(&mut command(folder.path(), &out, &["--resume"]));
        assert_success(&resumed);
        let num_features = before.keys().filter(|name| name.starts_with("features/")).count() as u64;
        assert_eq!(reused(&stdout(&resumed), "extract"), num_features, "point {point}");
        let after = artifacts(folder.path(), &out);
        for (name, written) in &before {
            assert_eq!(after.get(name), Some(written), "point {point}: {name} was computed again");
        }
        assert_eq!(model(folder.path(), &out), expected, "point {point}: another model");
    }
}
