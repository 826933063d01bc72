//! Why a stage of an experiment did not come to its end.

use std::io;
use std::path::{Path, PathBuf};

use scene3d_engine::EngineError;
use scene3d_eval::EvalError;
use scene3d_export::ExportError;
use scene3d_monitor::MonitorError;
use scene3d_pipeline::{PipelineError, Rejected};

use crate::problem::Problem;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// A file or folder that can't be used.
    #[error("can't {action}: {source}: {}", path.display())]
    Io {
        /// What was tried, e.g. `read`.
        action: &'static str,
        /// What the system says.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// Parameters that make no experiment.
    #[error("{problem}: {}", path.display())]
    Params {
        /// All that is wrong with them.
        problem: String,
        /// The file.
        path: PathBuf,
    },
    /// Data that is not as the layout says; every problem with what to do.
    #[error("{} problems with the data:{}", .0.len(), listed(.0))]
    Data(Vec<Problem>),
    /// What an earlier stage writes is not there or not readable.
    #[error("{reason}; run stage `{stage}` first: {}", path.display())]
    MissingInput {
        /// What is wrong with it.
        reason: String,
        /// Which stage writes it.
        stage: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Runs that ended with an error; the others are finished and kept.
    #[error("{} runs failed; what was finished is kept, the next try goes on from there:{}", .0.len(), listed(.0))]
    Runs(Vec<Problem>),
    /// Stages that DVC ran and that failed; they have said why themselves.
    #[error("a stage failed ({status}); what it said stands above")]
    Stages {
        /// How DVC ended.
        status: std::process::ExitStatus,
    },
    /// A config that no parameter names.
    #[error("no config is named `{name}`; params.yaml names {known}")]
    UnknownConfig {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A collection that was not prepared.
    #[error("no collection is named `{name}`; stage `prepare` made {known}")]
    UnknownCollection {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A Ray cluster that does not do what it is asked for.
    #[error("the cluster does not take the jobs ({reason}); is its dashboard at {dashboard}?")]
    Cluster {
        /// Where its dashboard was looked for.
        dashboard: String,
        /// What it says, or why it can't be asked.
        reason: String,
    },
    /// A photo that can't be processed.
    #[error("{}: {}; {}", .0.name, .0.reason, .0.next_step)]
    Photo(Rejected),
    /// A photo that can't be written.
    #[error("can't write a photo: {source}: {}", path.display())]
    Encode {
        /// Why.
        source: image::ImageError,
        /// The photo.
        path: PathBuf,
    },
    /// JSON that can't be written.
    #[error("can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Ground truth or models.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A run.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A config or a plugin.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A model file.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Drift.
    #[error(transparent)]
    Monitor(#[from] MonitorError),
}

impl ExperimentError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source, path: path.to_owned() }
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
