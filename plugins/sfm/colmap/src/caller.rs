//! What a mapping asks of whoever called it.

use scene3d_sdk::{Host, LogLevel};

/// What a mapping asks of whoever called it: the host, or a test or bench that links this crate.
pub trait Caller {
    /// CPU threads that may be kept busy, at least 1.
    fn threads(&self) -> usize;
    /// Whether to end soon.
    fn is_cancelled(&self) -> bool;
    /// How far the mapping is, in 0..1, and what it does.
    fn progress(&self, share: f64, what: &str);
    /// A line for the log.
    fn log(&self, level: LogLevel, message: &str);
}

impl Caller for Host<'_> {
    fn threads(&self) -> usize {
        Host::threads(self)
    }

    fn is_cancelled(&self) -> bool {
        Host::is_cancelled(self)
    }

    fn progress(&self, share: f64, what: &str) {
        Host::progress(self, share, what);
    }

    fn log(&self, level: LogLevel, message: &str) {
        Host::log(self, level, message);
    }
}
