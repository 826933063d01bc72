//! Why a run failed, for programs and for people who were not there.

use std::io;

use scene3d_engine::{CODE_TABLE, EngineError, ErrorCode, code_row};
use scene3d_export::ExportError;
use serde::{Deserialize, Serialize};

use crate::{PipelineError, StageName};

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFailure {
    /// Label of the kind of failure, e.g. `invalid_input` (see [`code_row`]).
    pub code: String,
    /// The stage that was begun last.
    pub stage: Option<StageName>,
    /// Id of the plugin that failed, if one did.
    pub plugin: Option<String>,
    /// What failed, expected and got.
    pub message: String,
    /// What to try; may be empty.
    pub help: String,
    /// Whether the same run may well succeed when it is begun again.
    pub is_transient: bool,
}

impl PipelineError {
    /// What is told of a run that failed in or behind this stage.
    #[must_use]
    pub fn failure(&self, stage: Option<StageName>) -> RunFailure {
        if let Self::Elsewhere(failure) = self {
            return (**failure).clone();
        }
        RunFailure {
            code: code_row(self.code()).label.to_owned(),
            stage,
            plugin: self.plugin().map(str::to_owned),
            message: self.to_string(),
            help: self.help().to_owned(),
            is_transient: self.is_transient(),
        }
    }

    /// Kind of failure, for exit codes, HTTP statuses and metric labels (see [`code_row`]).
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Engine(error) => error.code(),
            Self::Elsewhere(failure) => code_of_label(&failure.code),
            Self::ReadFolder { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorCode::NOT_FOUND,
            Self::ReadFolder { .. } | Self::ReadFile { .. } | Self::WriteFile { .. } | Self::OutputBusy(_) => {
                ErrorCode::UNAVAILABLE
            }
            Self::Export(error) if export_io(error).is_some() => ErrorCode::UNAVAILABLE,
            Self::TooFewPhotos { .. }
            | Self::RepeatedName(_)
            | Self::ForeignOutput(_)
            | Self::OutputExists(_)
            | Self::NoModel { .. }
            | Self::PhotoChanged { .. } => ErrorCode::INVALID_INPUT,
            Self::Cancelled => ErrorCode::CANCELLED,
            Self::Damaged { .. } | Self::Export(_) | Self::Tensor(_) | Self::Wire(_) | Self::Internal(_) => {
                ErrorCode::INTERNAL
            }
        }
    }

    /// Id of the plugin that failed, if one did.
    #[must_use]
    pub fn plugin(&self) -> Option<&str> {
        match self {
            Self::Engine(EngineError::Plugin(error)) => Some(&error.plugin),
            Self::Elsewhere(failure) => failure.plugin.as_deref(),
            _ => None,
        }
    }

    /// What to try; empty where nothing needs to be done.
    #[must_use]
    pub fn help(&self) -> &str {
        match self {
            Self::Engine(error) => error.help(),
            Self::Elsewhere(failure) => &failure.help,
            Self::ReadFolder { .. } | Self::ReadFile { .. } => "check that the disk is there and may be read",
            Self::WriteFile { source, .. } => help_to_write(source.kind()),
            Self::Export(error) => export_io(error).map_or(REPORT_IT, help_to_write),
            Self::TooFewPhotos { .. } => "give at least two photos of the same scene: JPEG, PNG, TIFF, WebP or BMP",
            Self::RepeatedName(_) => "rename one of the two photos",
            Self::Damaged { .. } => "run it again: what is damaged is computed again",
            Self::ForeignOutput(_) | Self::OutputExists(_) => "choose another output folder",
            Self::OutputBusy(_) => "wait until the other process has ended",
            Self::NoModel { .. } => "the verdict of each image says what to try",
            Self::PhotoChanged { .. } => "put the photo back and run it again",
            Self::Tensor(_) | Self::Wire(_) | Self::Internal(_) => REPORT_IT,
            Self::Cancelled => "",
        }
    }

    /// Whether it is for want of room on a disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Engine(EngineError::Plugin(error)) => {
                error.details.iter().any(|(name, value)| name == "cause" && value == "disk_full")
            }
            Self::Engine(EngineError::Io { source, .. })
            | Self::ReadFolder { source, .. }
            | Self::ReadFile { source, .. }
            | Self::WriteFile { source, .. } => is_full(source.kind()),
            Self::Export(error) => export_io(error).is_some_and(is_full),
            _ => false,
        }
    }

    /// Whether the same run may well succeed when it is begun again: something did not answer, or a child was killed. A
    /// full disk is none, nor is a plugin that fails in its own words.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            full if full.is_disk_full() => false,
            Self::Engine(EngineError::Plugin(error)) => {
                matches!(error.code, ErrorCode::UNAVAILABLE | ErrorCode::TIMEOUT)
            }
            Self::Engine(EngineError::Io { source, .. })
            | Self::ReadFolder { source, .. }
            | Self::ReadFile { source, .. }
            | Self::WriteFile { source, .. } => may_pass(source.kind()),
            Self::Export(error) => export_io(error).is_some_and(may_pass),
            Self::Elsewhere(failure) => failure.is_transient,
            Self::Damaged { .. } | Self::OutputBusy(_) => true,
            _ => false,
        }
    }
}

/// A worker has labels of its own beside the engine's, all of something that did not answer.
fn code_of_label(label: &str) -> ErrorCode {
    CODE_TABLE.iter().find(|row| row.label == label).map_or(ErrorCode::UNAVAILABLE, |row| row.code)
}

const REPORT_IT: &str = "this is a bug of scene3d: please report it with the log";

fn export_io(error: &ExportError) -> Option<io::ErrorKind> {
    match error {
        ExportError::DiskFull { .. } => Some(io::ErrorKind::StorageFull),
        ExportError::Io { source, .. } | ExportError::Write { source, .. } => Some(source.kind()),
        _ => None,
    }
}

fn help_to_write(kind: io::ErrorKind) -> &'static str {
    match kind {
        full if is_full(full) => "free some disk space and run it again",
        _ => "check that the disk is there and may be written",
    }
}

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What a person has to change before it can succeed does not pass.
fn may_pass(kind: io::ErrorKind) -> bool {
    !matches!(
        kind,
        io::ErrorKind::FileTooLarge
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &PipelineError, code: &str, is_transient: bool) {
        let failure = error.failure(Some(StageName::Match));
        assert_eq!((failure.code.as_str(), failure.is_transient), (code, is_transient), "{error}");
        assert!(!failure.help.is_empty(), "{error}");
    }

    #[test]
    fn what_may_pass_is_told_from_what_needs_a_person() {
        let write = |kind: io::ErrorKind| PipelineError::WriteFile { path: "a".into(), source: kind.into() };
        check(&write(io::ErrorKind::StorageFull), "unavailable", false);
        check(&write(io::ErrorKind::TimedOut), "unavailable", true);
        assert!(write(io::ErrorKind::StorageFull).is_disk_full() && !write(io::ErrorKind::TimedOut).is_disk_full());
        check(&ExportError::DiskFull { path: "a".into(), written_bytes: 1 }.into(), "unavailable", false);
        check(&PipelineError::OutputBusy("a".into()), "unavailable", true);
        check(&PipelineError::RepeatedName("a".to_owned()), "invalid_input", false);
        check(&PipelineError::Internal("a".to_owned()), "internal", false);
    }
}
