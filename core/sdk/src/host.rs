//! What a stage may ask of its host during a call: device, threads, log, progress, cancellation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scene3d_abi::{CallContext, Level};
use scene3d_tensor::Device;

use crate::export::count_transfer;
use crate::{Result, SdkError};

/// Level of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum LogLevel {
    /// Something failed.
    Error = 1,
    /// Something is off.
    Warn = 2,
    /// Worth a line.
    Info = 3,
    /// For plugin authors.
    Debug = 4,
    /// For plugin authors, in a loop.
    Trace = 5,
}

/// The host, for the length of a call.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    context: &'a CallContext,
    target: &'a str,
}

impl<'a> Host<'a> {
    pub(crate) fn new(context: &'a CallContext, target: &'a str) -> Self {
        Self { context, target }
    }

    /// Where tensors live and work is done.
    ///
    /// # Errors
    /// `UNSUPPORTED` for a device that this SDK does not know.
    pub fn device(&self) -> Result<Device> {
        let device = self.context.device;
        Device::from_numbers(device.kind, device.index).map_err(|error| SdkError::unsupported(error.to_string()))
    }

    /// CPU threads that this call may keep busy, at least 1.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.context.threads.max(1) as usize
    }

    /// `cudaStream_t` on which this call's work is ordered; 0 on CPU.
    #[must_use]
    pub fn cuda_stream(&self) -> u64 {
        self.context.cuda_stream
    }

    /// Tells the host that `num_bytes` of `what` crossed to a device, or back to the CPU, in `num_copies` copies; it keeps
    /// account of them. Nothing crosses for a stage on the CPU.
    pub fn count_transfer(&self, to: Device, what: &str, num_copies: u64, num_bytes: u64) {
        count_transfer(self.context, to, what, num_copies, num_bytes);
    }

    /// Writes a line to the host's log under the plugin's id.
    pub fn log(&self, level: LogLevel, message: &str) {
        self.context.host.log()(self.context.host_data, Level(level as u32), self.target.into(), message.into());
    }

    /// Says how far the call is, in 0..1, and what it does.
    pub fn progress(&self, share: f64, what: &str) {
        self.context.host.progress()(self.context.host_data, share, what.into());
    }

    /// Whether the call should end soon.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.context.host.is_cancelled()(self.context.host_data)
    }

    /// For `?` between items of a batch.
    ///
    /// # Errors
    /// `CANCELLED` if the host asked to stop.
    pub fn check_cancelled(&self) -> Result<()> {
        if self.is_cancelled() { Err(SdkError::cancelled()) } else { Ok(()) }
    }
}

/// What a stage is created with, besides its config.
pub struct CreateContext<'a> {
    /// The host during `create`.
    pub host: Host<'a>,
    /// Seed of whatever is random.
    pub seed: u64,
    pub(crate) weights: BTreeMap<String, PathBuf>,
}

impl CreateContext<'_> {
    /// File of a weight the descriptor lists; its sha256 was checked by the host.
    ///
    /// # Errors
    /// `NOT_FOUND` if the host did not provide it.
    pub fn weight(&self, name: &str) -> Result<&Path> {
        let missing = || SdkError::not_found(format!("the host provided no weights `{name}`"));
        self.weights.get(name).map(PathBuf::as_path).ok_or_else(missing)
    }
}
