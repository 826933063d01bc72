//! Small networks under the names of official weights, which stand in for them in tests: one folder each, which stays.

use std::io::{Result, Write};
use std::path::{Path, PathBuf};

use crate::{shared, target_folder};

/// Folder with SuperPoint's weights; if there are none, a printed reason.
///
/// # Panics
/// If the folder can't be written.
#[must_use]
pub fn superpoint() -> Option<PathBuf> {
    folder_with("superpoint_v6_from_tf.pth", "weights/superpoint_scene3d.safetensors")
}

/// Folder with MASt3R's weights, of a network whose matches mean nothing; if there are none, a printed reason.
///
/// # Panics
/// If the folder can't be written.
#[must_use]
pub fn mast3r() -> Option<PathBuf> {
    folder_with("MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric.pth", "goldens/mast3r_tiny_official_layout.pth")
}

/// With nothing else in it.
fn folder_with(official: &str, small: &str) -> Option<PathBuf> {
    let small = shared(small)?;
    let folder = target_folder().join("stand-in-weights").join(Path::new(official).with_extension(""));
    let laid_out = lay_out(&small, &folder, official);
    assert!(laid_out.is_ok(), "{}: {laid_out:?}", folder.display());
    Some(folder)
}

fn lay_out(small: &Path, folder: &Path, official: &str) -> Result<()> {
    let (weights, path) = (std::fs::read(small)?, folder.join(official));
    if std::fs::read(&path).is_ok_and(|there| there == weights) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    // tests of other processes find it whole, or not at all
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&weights)?;
    file.persist(path)?;
    Ok(())
}
