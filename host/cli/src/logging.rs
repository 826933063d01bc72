//! Log lines of scene3d and its plugins, on stderr.

use std::io::stderr;

use tracing_subscriber::EnvFilter;

use crate::args::{Command, LogFormat};

/// Starts logging: warnings and up (of a server, what it does too), `-v` info and debug, `-vv` everything; `RUST_LOG`
/// overrides.
pub fn init(verbose: u8, command: &Command) {
    let default = match (verbose, command) {
        (0, Command::Serve(_) | Command::Worker(_)) => "warn,scene3d=info,scene3d_service=info",
        (0, _) => "warn",
        (1, _) => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match command {
        Command::Serve(args) if args.log_format == LogFormat::Json => log.json().flatten_event(true).init(),
        Command::Worker(_) => log.json().flatten_event(true).init(),
        Command::Serve(_) => log.with_target(false).init(),
        _ => log.without_time().with_target(false).init(),
    }
}
