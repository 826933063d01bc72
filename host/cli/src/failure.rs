//! Errors as users see them: what failed, what to try, and an exit code by kind of failure.

use std::process::ExitCode;

use scene3d_engine::{EngineError, code_row};
use scene3d_pipeline::PipelineError;

/// As shells report a process ended by SIGINT.
const EXIT_CANCELLED: u8 = 130;

/// Prints an error and its help on stderr; the exit code is the one of its kind, 1 where it has none.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    match error.downcast_ref::<PipelineError>() {
        Some(PipelineError::Cancelled) => return ExitCode::from(EXIT_CANCELLED),
        Some(PipelineError::Engine(error)) => return report_help(error),
        _ => {}
    }
    match error.downcast_ref::<EngineError>() {
        Some(error) => report_help(error),
        None => ExitCode::FAILURE,
    }
}

fn report_help(error: &EngineError) -> ExitCode {
    if !error.help().is_empty() {
        eprintln!("help: {}", error.help());
    }
    ExitCode::from(code_row(error.code()).exit_code)
}
