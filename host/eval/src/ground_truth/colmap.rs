//! A COLMAP model folder, binary or text.

use std::path::Path;

use scene3d_scene::Reconstruction;
use scene3d_scene::colmap::{read_binary, read_text};

use super::read_bytes;
use crate::EvalError;

/// Whether a folder holds a COLMAP model, binary or text.
#[must_use]
pub fn is_model(folder: &Path) -> bool {
    folder.join("images.bin").is_file() || folder.join("images.txt").is_file()
}

/// Reads the COLMAP model in `folder`; the binary form where both are there.
///
/// # Errors
/// [`EvalError::Read`] or [`EvalError::Model`].
pub fn read_model(folder: &Path) -> Result<Reconstruction, EvalError> {
    let is_binary = folder.join("images.bin").is_file();
    let file = |stem: &str| read_bytes(&folder.join(stem).with_extension(if is_binary { "bin" } else { "txt" }));
    let (cameras, images, points3d) = (file("cameras")?, file("images")?, file("points3D")?);
    let read = if is_binary { read_binary } else { read_text };
    read(&cameras, &images, &points3d).map_err(|source| EvalError::Model { source, path: folder.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::ground_truth::{ImageSizes, read};

    #[test]
    fn both_forms_of_colmap_s_model_give_the_same_truth() {
        let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../core/scene/tests/fixtures/colmap");
        let text_only = tempfile::tempdir().unwrap();
        for name in ["cameras.txt", "images.txt", "points3D.txt"] {
            std::fs::copy(fixture.join(name), text_only.path().join(name)).unwrap();
        }
        let binary = read(&fixture, &ImageSizes::new()).unwrap();
        assert_eq!(read(text_only.path(), &ImageSizes::new()).unwrap(), binary);
        assert_eq!(binary.images.len(), 4);
        assert!(binary.images.values().all(|image| image.camera.is_some()));
    }

    #[test]
    fn a_truncated_or_missing_model_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path(), &ImageSizes::new()).unwrap_err().to_string();
        assert!(error.contains(".camera"), "{error}");
        std::fs::write(folder.path().join("images.bin"), [1, 2]).unwrap();
        assert!(matches!(read(folder.path(), &ImageSizes::new()), Err(EvalError::Read { .. })));
        for name in ["cameras.bin", "points3D.bin"] {
            std::fs::write(folder.path().join(name), 0_u64.to_le_bytes()).unwrap();
        }
        let error = read(folder.path(), &ImageSizes::new()).unwrap_err().to_string();
        assert!(error.contains("images.bin"), "{error}");
    }
}
