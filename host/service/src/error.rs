//! The one error type of the service.

use std::io;
use std::path::PathBuf;

/// Result of the service's calls.
pub type Result<T, E = ServiceError> = std::result::Result<T, E>;

/// Why the service could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The object store does not answer, or not as expected.
    #[error("the object store could not {action}: {source}")]
    Objects {
        /// What was asked of it.
        action: &'static str,
        /// What it said.
        source: object_store::Error,
    },
    /// A file could not be read or written.
    #[error("could not {action} {path}: {source}", path = path.display())]
    Io {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration of the service is wrong.
    #[error("{0}")]
    Config(String),
}

impl ServiceError {
    /// For `map_err` of files.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// For `map_err` of objects.
    pub(crate) fn objects(action: &'static str) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Objects { action, source }
    }
}
