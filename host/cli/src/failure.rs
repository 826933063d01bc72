//! Errors as users see them: what failed, what to try, and an exit code by kind of failure.

use scene3d_engine::{EngineError, code_row};
use scene3d_pipeline::PipelineError;

use crate::exit::{EXIT_CANCELLED, EXIT_FAILURE};

/// Prints an error and its help on stderr; the exit code is the one of its kind, 1 where it has none.
pub fn report(error: &anyhow::Error) -> u8 {
    eprintln!("error: {error:#}");
    match error.downcast_ref::<PipelineError>() {
        Some(PipelineError::Cancelled) => return EXIT_CANCELLED,
        Some(PipelineError::Engine(error)) => {
            let code = report_help(error);
            eprintln!("what was finished is kept; add --resume to go on");
            return code;
        }
        _ => {}
    }
    match error.downcast_ref::<EngineError>() {
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
