//! Runs of ALIKED and nearest neighbours on a synthetic scene, and what they leave.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use scene3d_scene::synthetic::SyntheticScene;
use serde_json::Value;

use crate::{assert_success, binary, checkout, has_weights, run, write_photos};

/// Photos in a temporary folder, and room for the outputs of runs beside them.
pub struct AlikedRuns {
    folder: tempfile::TempDir,
}

impl AlikedRuns {
    /// Writes the photos; `None`, saying so, without ALIKED's weights.
    ///
    /// # Panics
    /// If the photos can't be written.
    #[must_use]
    pub fn of(scene: &SyntheticScene) -> Option<Self> {
        if !has_weights() {
            return None;
        }
        match tempfile::tempdir() {
            Ok(folder) => {
                write_photos(scene, &folder.path().join("photos"));
                Some(Self { folder })
            }
            Err(error) => unreachable!("no temporary folder: {error}"),
        }
    }

    /// A path below the folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// `scene3d reconstruct photos --json --config aliked+nearest.toml --out OUT` and more arguments.
    #[must_use]
    pub fn command(&self, out: &str, more: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("reconstruct").arg(self.path("photos")).arg("--json");
        command.arg("--config").arg(checkout().join("configs/aliked+nearest.toml"));
        command.arg("--out").arg(self.path(out)).args(more);
        command
    }

    /// Runs [`Self::command`] to its end; the events that it printed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn reconstruct(&self, out: &str, more: &[&str]) -> Vec<Value> {
        let output = run(&mut self.command(out, more));
        assert_success(&output);
        events(&output)
    }

    /// A JSON file of an output folder.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn json(&self, relative: &str) -> Value {
        let path = self.path(relative);
        match serde_json::from_slice(&std::fs::read(&path).unwrap_or_default()) {
            Ok(value) => value,
            Err(error) => unreachable!("{}: {error}", path.display()),
        }
    }

    /// What was made of the model, byte for byte.
    ///
    /// # Panics
    /// If a file is not there.
    #[must_use]
    pub fn model(&self, out: &str) -> BTreeMap<&'static str, Vec<u8>> {
        let files =
            ["model/cameras.bin", "model/images.bin", "model/points3D.bin", "points.ply", "scene.glb", "scene.tiles"];
        let read = |file| match std::fs::read(self.path(out).join(file)) {
            Ok(bytes) => (file, bytes),
            Err(error) => unreachable!("{out}/{file}: {error}"),
        };
        files.into_iter().map(read).collect()
    }
}

/// What a run with `--json` printed.
///
/// # Panics
/// If a line is no JSON.
#[must_use]
pub fn events(output: &Output) -> Vec<Value> {
    let event = |line: &[u8]| match serde_json::from_slice(line) {
        Ok(event) => event,
        Err(error) => unreachable!("{error}: {}", String::from_utf8_lossy(line)),
    };
    output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(event).collect()
}

/// Items of a stage, and how many of them were taken from an earlier run.
///
/// # Panics
/// If the stage did not finish.
#[must_use]
pub fn items_and_reused(events: &[Value], stage: &str) -> [u64; 2] {
    let finished = events.iter().find(|event| event["event"] == "stage_finished" && event["stage"] == stage);
    match finished.map(|event| [&event["items"], &event["reused"]].map(Value::as_u64)) {
        Some([Some(items), Some(reused)]) => [items, reused],
        _ => unreachable!("stage `{stage}` did not finish: {events:?}"),
    }
}
