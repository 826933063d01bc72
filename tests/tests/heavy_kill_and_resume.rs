//! `kill -9` at ten points of a run, then `--resume`: finished work is not done again and the model is the same.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use scene3d_tests::aliked_run::{AlikedRuns, items_and_reused};
use scene3d_tests::small_scene;

const NUM_POINTS: usize = 10;

/// Finished artifacts with the time they were written.
fn artifacts(out: &Path) -> BTreeMap<String, SystemTime> {
    let mut found = BTreeMap::new();
    for stage in ["features", "mapping"] {
        let Ok(entries) = std::fs::read_dir(out.join("artifacts").join(stage)) else { continue };
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

#[test]
fn killed_at_ten_points_and_resumed() {
    let Some(runs) = AlikedRuns::of(small_scene()) else { return };
    let num_events = runs.reconstruct("whole", &[]).len();
    let expected = runs.model("whole");
    for point in 0..NUM_POINTS {
        let out = format!("killed-{point}");
        kill_after_events(&mut runs.command(&out, &[]), 1 + point * (num_events - 1) / NUM_POINTS);
        let before = artifacts(&runs.path(&out));
        let resumed = runs.reconstruct(&out, &["--resume"]);
        let num_features = before.keys().filter(|name| name.starts_with("features/")).count() as u64;
        assert_eq!(items_and_reused(&resumed, "extract")[1], num_features, "point {point}");
        let after = artifacts(&runs.path(&out));
        for (name, written) in &before {
            assert_eq!(after.get(name), Some(written), "point {point}: {name} was computed again");
        }
        assert_eq!(runs.model(&out), expected, "point {point}: another model");
    }
}
