//! A model as users name it: the output folder of a run, or the folder of a COLMAP model.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scene3d_scene::Reconstruction;

/// Where a run puts its COLMAP model.
const MODEL_IN_RUN: &str = "model";

/// Reads the model of a run's output folder or of a COLMAP model's folder.
pub fn read(folder: &Path) -> Result<Reconstruction> {
    let folder = model_folder(folder);
    scene3d_eval::ground_truth::read_model(&folder)
        .with_context(|| format!("no model could be read from {}", folder.display()))
}

fn model_folder(folder: &Path) -> PathBuf {
    let in_run = folder.join(MODEL_IN_RUN);
    if in_run.is_dir() { in_run } else { folder.to_owned() }
}
