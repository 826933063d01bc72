//! The one error type of the engine.

use std::io;
use std::path::{Path, PathBuf};

use scene3d_abi::{AbiError, ErrorCode};

use crate::error_code::code_row;
use crate::problem::{Problem, Problems};

/// Result of engine calls.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// Why the engine could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A plugin could not be loaded or a call into it failed.
    #[error("{0}")]
    Plugin(Box<PluginError>),
    /// The config, or what it names, is wrong.
    #[error("{0}")]
    Problems(Problems),
    /// A file could not be read or written.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What went wrong in or with a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin `{plugin}` could not {call}: {message}")]
pub struct PluginError {
    /// Id of the plugin.
    pub plugin: String,
    /// What was asked of it: `load`, `create`, `run`, `prepare`.
    pub call: &'static str,
    /// Kind of failure.
    pub code: ErrorCode,
    /// What failed, expected and got.
    pub message: String,
    /// What to try; may be empty.
    pub help: String,
    /// Named values: port, expected, got.
    pub details: Vec<(String, String)>,
}

impl PluginError {
    pub(crate) fn new(plugin: &str, call: &'static str, code: ErrorCode, message: impl Into<String>) -> Self {
        let (plugin, message) = (plugin.to_owned(), message.into());
        Self { plugin, call, code, message, help: String::new(), details: Vec::new() }
    }

    pub(crate) fn from_abi(plugin: &str, call: &'static str, error: AbiError) -> Self {
        let details = error
            .details
            .into_iter()
            .map(|pair| (shortened(pair.0.into_string()), shortened(pair.1.into_string())))
            .collect();
        let help = shortened(error.help.into_string());
        Self {
            help,
            details,
            ..Self::new(plugin, call, code_row(error.code).code, shortened(error.message.into_string()))
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    pub(crate) fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.push((name.to_owned(), value.into()));
        self
    }
}

/// Longest text of a plugin that is kept; what is longer is no message but an accident.
const MAX_TEXT_BYTES: usize = 4096;

fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push_str(" ...");
    }
    text
}

impl EngineError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Kind of failure, for exit codes, HTTP statuses and metric labels (see [`crate::code_row`]).
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Plugin(error) => error.code,
            Self::Problems(problems) => problems.code(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorCode::NOT_FOUND,
            Self::Io { .. } => ErrorCode::UNAVAILABLE,
        }
    }

    /// What to try; empty where the message says it already.
    #[must_use]
    pub fn help(&self) -> &str {
        match self {
            Self::Plugin(error) => &error.help,
            Self::Problems(_) | Self::Io { .. } => "",
        }
    }
}

impl From<PluginError> for EngineError {
    fn from(error: PluginError) -> Self {
        Self::Plugin(Box::new(error))
    }
}

impl From<Problems> for EngineError {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<Problem> for EngineError {
    fn from(problem: Problem) -> Self {
        Self::Problems(problem.into())
    }
}
