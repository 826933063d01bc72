//! The one error type of fetching.

use std::io;
use std::path::{Path, PathBuf};

/// Result of fetching.
pub type Result<T, E = FetchError> = std::result::Result<T, E>;

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file of this machine could not be read or written.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// curl is not there, or could not be talked to.
    #[error("could not run curl: {0}; is it installed and on PATH?")]
    NoCurl(io::Error),
    /// The server did not give the file.
    #[error("{url}: {reason}")]
    Refused {
        /// Where it was looked for, without user and password.
        url: String,
        /// What curl said.
        reason: String,
        /// curl's exit code.
        code: Option<i32>,
    },
    /// The server gave another file.
    #[error("{file} has sha256 {got}, expected {expected}: dropped; run again, or check the source {url}")]
    WrongHash {
        /// Its name.
        file: String,
        /// Of the bytes received.
        got: String,
        /// Of the publisher's file.
        expected: String,
        /// Where it came from, without user and password.
        url: String,
    },
    /// A Python package index has not what was looked for.
    #[error("the package index has no {what}: {reason}")]
    Index {
        /// Package and version.
        what: String,
        /// What was found instead.
        reason: String,
    },
    /// An archive can't be read or lacks a file.
    #[error("{}: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A source is written in a way that is not known.
    #[error("source `{source_name}`: {reason}")]
    Source {
        /// As written.
        source_name: String,
        /// What was expected.
        reason: String,
    },
    /// No source gave the file.
    #[error("{what} could not be fetched from any of {} sources{}", failures.len(), listed(failures))]
    AllFailed {
        /// For people.
        what: String,
        /// Every source with what went wrong, in the order tried.
        failures: Vec<(String, String)>,
    },
}

impl FetchError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn archive(path: &Path, reason: impl Into<String>) -> Self {
        Self::Archive { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn source(source_name: &str, reason: &str) -> Self {
        Self::Source { source_name: source_name.to_owned(), reason: reason.to_owned() }
    }
}

fn listed(failures: &[(String, String)]) -> String {
    failures.iter().map(|(source, reason)| format!("\n  {source}: {reason}")).collect()
}
