//! Work that is begun on a thread of its own before its result is needed.

use std::thread::{self, JoinHandle};

use crate::PipelineError;

/// A result on its way.
pub(crate) struct Ahead<T> {
    name: &'static str,
    thread: std::io::Result<JoinHandle<Result<T, PipelineError>>>,
}

impl<T: Send + 'static> Ahead<T> {
    /// Begins.
    pub(crate) fn start(name: &'static str, work: impl FnOnce() -> Result<T, PipelineError> + Send + 'static) -> Self {
        Self { name, thread: thread::Builder::new().name(name.to_owned()).spawn(work) }
    }

    /// Waits until it is there.
    pub(crate) fn wait(self) -> Result<T, PipelineError> {
        let Self { name, thread } = self;
        let thread = thread.map_err(|error| PipelineError::internal(format!("no thread for {name}: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(PipelineError::internal(format!("the thread {name} panicked"))))
    }
}
