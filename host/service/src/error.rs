//! The one error type of the service.

use std::io;
use std::path::PathBuf;

use crate::uploads::refusal::{Refusal, RefusalCode};

/// Result of the service's calls.
pub type Result<T, E = ServiceError> = std::result::Result<T, E>;

/// Why the service could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The database does not answer, or not as expected.
    #[error("the database could not {action}: {source}")]
    Database {
        /// What was asked of it.
        action: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// The store's tables could not be made or are of another version.
    #[error("the database's tables can't be brought up to date: {0}; was it written by a newer scene3d?")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row is not as it was written.
    #[error("the database holds a {what} that can't be read: {reason}; this is a bug, please report it")]
    BadRow {
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
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
    /// Another process runs the jobs of this store.
    #[error(
        "the jobs of this store are run by {holder} already; this one takes requests only, and the jobs over when that one \
         is gone: stop that one to have it so, or set jobs.run_jobs = false here"
    )]
    WorkerHeld {
        /// Who.
        holder: String,
    },
    /// This process ran the jobs of this store, and another took over.
    #[error("the jobs of this store are run by another process now; this one lost its lease")]
    LeaseLost,
    /// A job is in a state from which this is not possible.
    #[error("the job is {state}, expected {expected}")]
    WrongState {
        /// State of the job.
        state: String,
        /// What it would have to be.
        expected: &'static str,
    },
    /// An upload is in a state in which this is not possible.
    #[error("the upload is {state}, expected {expected}")]
    WrongUploadState {
        /// State of the upload, or `gone`.
        state: &'static str,
        /// What it would have to be.
        expected: &'static str,
    },
    /// What somebody sent is not taken.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// A bug.
    #[error("{0}; this is a bug, please report it with the log")]
    Internal(String),
}

impl ServiceError {
    /// Whether it is for want of room on the server's disk, be it for a file or for the database (`SQLITE_FULL`;
    /// `disk_full` of PostgreSQL).
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Database { source: sqlx::Error::Database(said), .. } => {
                matches!(said.code().as_deref(), Some("13" | "53100"))
            }
            Self::Refused(refusal) => refusal.code == RefusalCode::DiskFull,
            _ => false,
        }
    }

    /// For `map_err` of statements.
    pub(crate) fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }

    /// For `map_err` of objects.
    pub(crate) fn objects(action: &'static str) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Objects { action, source }
    }

    /// For `map_err` of files.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    /// For `map_err` of what is read from a row.
    pub(crate) fn bad_row<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::BadRow { what, reason: error.to_string() }
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}
