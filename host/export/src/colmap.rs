//! COLMAP model folders, binary and text.

use std::path::Path;

use scene3d_scene::Reconstruction;
use scene3d_scene::colmap::{ModelFiles, write_binary, write_text};

use crate::{ExportError, write_atomic};

/// Writes `cameras.bin`, `images.bin` and `points3D.bin` into `folder`, each whole or not at all.
///
/// # Errors
/// [`ExportError::Scene`] if the model contradicts itself, otherwise as [`write_atomic`].
pub fn write_colmap_binary(model: &Reconstruction, folder: &Path) -> Result<(), ExportError> {
    model.check()?;
    write_files(&write_binary(model), folder, "bin")
}

/// Writes `cameras.txt`, `images.txt` and `points3D.txt` into `folder`, each whole or not at all.
///
/// # Errors
/// [`ExportError::Scene`] if the model contradicts itself or a name has a line break, otherwise as [`write_atomic`].
pub fn write_colmap_text(model: &Reconstruction, folder: &Path) -> Result<(), ExportError> {
    model.check()?;
    write_files(&write_text(model)?, folder, "txt")
}

fn write_files(files: &ModelFiles, folder: &Path, extension: &str) -> Result<(), ExportError> {
    for (stem, bytes) in [("cameras", &files.cameras), ("images", &files.images), ("points3D", &files.points3d)] {
        let path = folder.join(format!("{stem}.{extension}"));
        write_atomic(&path, |sink| sink.write_all(bytes).map_err(ExportError::write("COLMAP model")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_scene;
    use scene3d_scene::colmap::{read_binary, read_text};
    use std::fs;

    #[test]
    fn both_forms_read_back_as_the_same_model() {
        let folder = tempfile::tempdir().unwrap();
        let model = test_scene::ring(4);
        write_colmap_binary(&model, folder.path()).unwrap();
        write_colmap_text(&model, folder.path()).unwrap();
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        let binary = read_binary(&read("cameras.bin"), &read("images.bin"), &read("points3D.bin")).unwrap();
        let text = read_text(&read("cameras.txt"), &read("images.txt"), &read("points3D.txt")).unwrap();
        assert_eq!(binary, model);
        assert_eq!(text, model);
    }

    #[test]
    fn a_model_that_contradicts_itself_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut model = test_scene::ring(2);
        model.cameras.clear();
        assert!(matches!(write_colmap_binary(&model, folder.path()), Err(ExportError::Scene(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
