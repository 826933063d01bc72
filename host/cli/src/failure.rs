//! Errors as users see them: what failed, what to try, and an exit code by kind of failure.

use scene3d_engine::{EngineError, code_row};
use scene3d_experiments::ExperimentError;
use scene3d_pipeline::PipelineError;

use crate::exit::{EXIT_CANCELLED, EXIT_FAILURE};

/// Prints an error and its help on stderr; the exit code is the one of its kind, 1 where it has none.
pub fn report(error: &anyhow::Error) -> u8 {
    eprintln!("error: {error:#}");
    let experiment = error.downcast_ref::<ExperimentError>();
    let pipeline = match experiment {
        Some(ExperimentError::Pipeline(error)) => Some(error),
        _ => error.downcast_ref::<PipelineError>(),
    };
    match pipeline {
        Some(PipelineError::Cancelled) => return EXIT_CANCELLED,
        Some(PipelineError::Engine(error)) => {
            let code = report_help(error);
            eprintln!("what was finished is kept; add --resume to go on");
            return code;
        }
        _ => {}
    }
    let engine = match experiment {
        Some(ExperimentError::Engine(error)) => Some(error),
        _ => error.downcast_ref::<EngineError>(),
    };
    match engine {
        Some(error) => report_help(error),
        None => EXIT_FAILURE,
    }
}

fn report_help(error: &EngineError) -> u8 {
    if !error.help().is_empty() {
        eprintln!("help: {}", error.help());
    }
    code_row(error.code()).exit_code
}
