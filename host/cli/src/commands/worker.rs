//! `scene3d worker`: reconstructs the jobs that a server hands over.

use anyhow::{Context, Result};
use scene3d_engine::{EngineError, RawConfig, SearchPaths};
use scene3d_service::jobs::worker::{WorkerOptions, serve};

use crate::args::WorkerArgs;
use crate::exit::EXIT_SUCCESS;

/// Takes jobs from stdin until it is closed.
pub fn run(args: WorkerArgs) -> Result<u8> {
    // what a user's config says of folders is not asked
    let nothing = RawConfig::parse("", "worker").map_err(EngineError::from)?;
    let options = WorkerOptions {
        paths: SearchPaths::new(&nothing).after(&args.plugin_dir, &[]),
        cache_dir: args.cache_dir,
        max_cache_bytes: args.max_cache_mib << 20,
        max_warm_stages: args.keep_stages,
        set: args.set,
        delegation: None,
    };
    // Ctrl-C and a service manager's SIGTERM reach the server too, which closes stdin when its jobs are put away
    ctrlc::set_handler(|| ()).context("signals can't be handled")?;
    serve(&options, std::io::stdin().lock(), own_stdout().context("stdout can't be taken")?)?;
    Ok(EXIT_SUCCESS)
}

/// Stdout for the answers alone: what a plugin prints there goes to stderr.
#[cfg(unix)]
fn own_stdout() -> std::io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    // a duplicate that children do not inherit: they would hold it open when this process is gone
    let answers = std::io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(std::io::stderr().as_fd())?;
    Ok(answers.into())
}

/// Stdout for the answers.
#[cfg(not(unix))]
fn own_stdout() -> std::io::Result<std::io::Stdout> {
    Ok(std::io::stdout())
}
