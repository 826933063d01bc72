//! Why ground truth or models cannot be used.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file or folder that cannot be read.
    #[error("cannot read: {source}: {}", path.display())]
    Read {
        /// What the system says.
        source: std::io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// A path that holds no known form of ground truth.
    #[error(
        "expected a COLMAP model (cameras, images, points3D as .bin or .txt), a folder of NAME.camera files or a \
         .json file, got neither: {}", path.display()
    )]
    UnknownGroundTruth {
        /// The path.
        path: PathBuf,
    },
    /// A COLMAP model that cannot be read.
    #[error("cannot read the model: {source}: {}", path.display())]
    Model {
        /// What is wrong with it.
        source: scene3d_scene::SceneError,
        /// Its folder.
        path: PathBuf,
    },
    /// A ground-truth file whose content is not of its format.
    #[error("{problem}: {}", path.display())]
    Malformed {
        /// What is wrong with it.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// Models that cannot be aligned.
    #[error("expected at least 3 common images with distinct projection centres, got {num_common} common images")]
    TooFewCommonImages {
        /// Images in both models.
        num_common: usize,
    },
}
