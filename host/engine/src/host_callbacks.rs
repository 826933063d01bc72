//! What a run of the host offers to plugins: log, progress, cancellation.

use std::sync::{Arc, PoisonError, RwLock};

use scene3d_tensor::Device;

/// Level of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is off.
    Warn,
    /// Worth a line.
    Info,
    /// For plugin authors.
    Debug,
    /// For plugin authors, in a loop.
    Trace,
}

impl LogLevel {
    /// By the ABI's numbers; unknown ones read as info.
    #[must_use]
    pub fn from_abi(level: scene3d_abi::Level) -> Self {
        match level.0 {
            1 => Self::Error,
            2 => Self::Warn,
            4 => Self::Debug,
            5 => Self::Trace,
            _ => Self::Info,
        }
    }

    /// As events and logs write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Where log and progress of plugins go, and who may stop them. Called from any thread, also from several at once.
pub trait HostCallbacks: Send + Sync {
    /// A log line of a plugin.
    fn log(&self, level: LogLevel, plugin: &str, message: &str);
    /// A plugin's call is done to a share in 0..=1 (may go back); `what` it does.
    fn progress(&self, plugin: &str, share: f64, what: &str);
    /// Whether calls should end soon.
    fn is_cancelled(&self) -> bool;
    /// Inside a plugin's call, or for it, something crossed to a device, or back to the CPU.
    fn transfer(&self, to: Device, what: &str, num_copies: u64, num_bytes: u64) {
        let _ = (to, what, num_copies, num_bytes);
    }
}

/// Callbacks of the run that an instance works for, which may change between its calls.
pub(crate) struct CurrentCallbacks(RwLock<Arc<dyn HostCallbacks>>);

impl CurrentCallbacks {
    pub(crate) fn new(callbacks: Arc<dyn HostCallbacks>) -> Self {
        Self(RwLock::new(callbacks))
    }

    /// The next call is of another run.
    pub(crate) fn replace(&self, callbacks: Arc<dyn HostCallbacks>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = callbacks;
    }

    pub(crate) fn get(&self) -> Arc<dyn HostCallbacks> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for CurrentCallbacks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CurrentCallbacks").finish_non_exhaustive()
    }
}

/// Callbacks that say nothing and never cancel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl HostCallbacks for Silent {
    fn log(&self, _: LogLevel, _: &str, _: &str) {}
    fn progress(&self, _: &str, _: f64, _: &str) {}
    fn is_cancelled(&self) -> bool {
        false
    }
}
