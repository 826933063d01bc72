//! Work that is begun on a thread of its own before its result is needed.

use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use crate::{Cancel, PipelineError};

/// How often cancellation is looked at.
const POLL: Duration = Duration::from_millis(50);

/// A result on its way. Nobody waits for one that is dropped, and its result goes when it is there.
pub(crate) struct Ahead<T> {
    name: &'static str,
    result: std::io::Result<Receiver<Result<T, PipelineError>>>,
}

impl<T: Send + 'static> Ahead<T> {
    /// Begins.
    pub(crate) fn start(name: &'static str, work: impl FnOnce() -> Result<T, PipelineError> + Send + 'static) -> Self {
        let (sender, receiver) = bounded(1);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || drop(sender.send(work())));
        Self { name, result: thread.map(|_| receiver) }
    }

    /// Waits until it is there, or the run is cancelled.
    pub(crate) fn wait(self, cancel: &Cancel) -> Result<T, PipelineError> {
        let Self { name, result } = self;
        let result = result.map_err(|error| PipelineError::internal(format!("no thread for {name}: {error}")))?;
        loop {
            cancel.check()?;
            match result.recv_timeout(POLL) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(PipelineError::internal(format!("the thread {name} panicked")));
                }
            }
        }
    }
}
