//! What can go wrong when a model is written.

use std::io;
use std::path::{Path, PathBuf};

use scene3d_scene::SceneError;

/// Errors of the exporters.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The disk filled up; what was there before is untouched.
    #[error(
        "the disk is full: {written_bytes} bytes were written when it refused more; free some space and run again, \
         nothing was replaced: {path}",
        path = path.display()
    )]
    DiskFull {
        /// The file that was to be written.
        path: PathBuf,
        /// Bytes that were accepted before the disk was full.
        written_bytes: u64,
    },
    /// Any other failure of the file system.
    #[error("{action} failed: {source}: {path}", path = path.display())]
    Io {
        /// What was tried, e.g. `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The sink of a streamed writer failed.
    #[error("writing {format} failed: {source}")]
    Write {
        /// Name of the format.
        format: &'static str,
        /// What the sink said.
        source: io::Error,
    },
    /// A scene that contradicts itself.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// A scene that the format cannot hold.
    #[error("{format} cannot hold this scene: {reason}")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// Pixels that are no picture.
    #[error("thumbnail of {name} failed: {reason}")]
    Thumbnail {
        /// Name of the image.
        name: String,
        /// Why.
        reason: String,
    },
    /// A value that JSON cannot hold.
    #[error("writing {format} failed: {source}")]
    Json {
        /// Name of the format.
        format: &'static str,
        /// What serde said.
        source: serde_json::Error,
    },
}

impl ExportError {
    /// For `map_err` on a streamed writer.
    pub(crate) fn write(format: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Write { format, source }
    }

    /// For `map_err` on a file operation.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// For `map_err` on serde; a sink's failure keeps its [`io::ErrorKind`].
    pub(crate) fn json(format: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |source| match source.io_error_kind() {
            Some(kind) => Self::Write { format, source: io::Error::new(kind, source) },
            None => Self::Json { format, source },
        }
    }
}
