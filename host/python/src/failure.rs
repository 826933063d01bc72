//! Failures of the engine as Python's exceptions, `scene3d.Error` and `scene3d.Cancelled`.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use scene3d_engine::{EngineError, ErrorCode, code_row};
use scene3d_pipeline::{PipelineError, Rejected, StageName};
use scene3d_tensor::TensorError;

/// Why a call failed, as the attributes of `scene3d.Error`.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// Label of the engine's table, e.g. `invalid_config`.
    pub code: &'static str,
    pub message: String,
    /// May be empty.
    pub help: String,
    pub stage: Option<&'static str>,
    pub plugin: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>, help: impl Into<String>) -> Self {
        let code = code_row(code).label;
        Self { code, message: message.into(), help: help.into(), stage: None, plugin: None }
    }

    /// What the caller gave is wrong.
    pub(crate) fn of_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_INPUT, message, "")
    }

    pub(crate) fn cancelled() -> Self {
        Self::of_pipeline(&PipelineError::Cancelled, None)
    }

    /// Of a run that failed in or behind this stage.
    pub(crate) fn of_pipeline(error: &PipelineError, stage: Option<StageName>) -> Self {
        let failure = error.failure(stage);
        Self {
            code: code_row(error.code()).label,
            message: failure.message,
            help: failure.help,
            stage: failure.stage.map(StageName::name),
            plugin: failure.plugin,
        }
    }

    pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
        let help = "this is a bug of scene3d: please report it with what was printed";
        Self::new(ErrorCode::PANICKED, format!("scene3d panicked: {text}"), help)
    }

    fn exception<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let is_cancelled = self.code == code_row(ErrorCode::CANCELLED).label;
        let class = py.import("scene3d")?.getattr(if is_cancelled { "Cancelled" } else { "Error" })?;
        let attributes = PyDict::new(py);
        attributes.set_item("code", self.code)?;
        attributes.set_item("help", &self.help)?;
        attributes.set_item("stage", self.stage)?;
        attributes.set_item("plugin", self.plugin.as_deref())?;
        class.call((self.message.as_str(),), Some(&attributes))
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| failure.exception(py).map_or_else(|error| error, Self::from_value))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::of_pipeline(&error.into(), None)
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        Self::of_pipeline(&error, None)
    }
}

impl From<TensorError> for Failure {
    fn from(error: TensorError) -> Self {
        Self::of_input(error.to_string())
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        let message = format!("photo `{}` can't be used: {}", rejected.name.escape_debug(), rejected.reason);
        Self::new(ErrorCode::INVALID_INPUT, message, rejected.next_step)
    }
}
