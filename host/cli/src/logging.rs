//! Log lines of scene3d and its plugins, on stderr.

use std::io::stderr;

use tracing_subscriber::EnvFilter;

/// Starts logging: warnings and up, `-v` info and debug, `-vv` everything; `RUST_LOG` overrides.
pub fn init(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).without_time().with_target(false).init();
}
