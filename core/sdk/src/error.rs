//! The one error type of plugin authors.

use scene3d_abi::{AbiError, ErrorCode};

/// Result of SDK calls.
pub type Result<T, E = SdkError> = std::result::Result<T, E>;

/// Why a stage failed: a code for machines, a message, what to try, and named values.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct SdkError {
    /// Kind of failure.
    pub code: ErrorCode,
    /// What failed, expected and got; lower case.
    pub message: String,
    /// What to try; may be empty.
    pub help: String,
    /// Named values: port, expected, got.
    pub details: Vec<(String, String)>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $code:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<String>) -> Self {
            Self { code: ErrorCode::$code, message: message.into(), help: String::new(), details: Vec::new() }
        }
    )*};
}

impl SdkError {
    constructors! {
        /// A bug in this plugin.
        internal => INTERNAL,
        /// The configuration is wrong in a way the schema could not tell.
        invalid_config => INVALID_CONFIG,
        /// The input is wrong.
        invalid_input => INVALID_INPUT,
        /// Something named does not exist.
        not_found => NOT_FOUND,
        /// Not offered by this plugin.
        unsupported => UNSUPPORTED,
        /// Versions, families or weights do not fit.
        incompatible => INCOMPATIBLE,
        /// A needed program, file or device is not there.
        unavailable => UNAVAILABLE,
        /// Memory is exhausted.
        out_of_memory => OUT_OF_MEMORY,
        /// A deadline passed.
        timeout => TIMEOUT,
    }

    /// The host asked to stop.
    #[must_use]
    pub fn cancelled() -> Self {
        Self { code: ErrorCode::CANCELLED, message: "cancelled".to_owned(), help: String::new(), details: Vec::new() }
    }

    /// Adds what to try.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Adds a named value.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.push((name.into(), value.into()));
        self
    }
}

impl From<scene3d_wire::WireError> for SdkError {
    fn from(error: scene3d_wire::WireError) -> Self {
        Self::invalid_input(error.to_string())
    }
}

impl From<scene3d_tensor::TensorError> for SdkError {
    fn from(error: scene3d_tensor::TensorError) -> Self {
        Self::invalid_input(error.to_string())
    }
}

impl From<SdkError> for AbiError {
    fn from(error: SdkError) -> Self {
        Self {
            code: error.code,
            message: error.message.into(),
            help: error.help.into(),
            details: error.details.into_iter().map(|(name, value)| (name.into(), value.into()).into()).collect(),
        }
    }
}
