//! CUDA graphs: work of fixed shapes captured once, and replayed by one launch.
#![allow(unsafe_code)] // calls into the C++ shim

use std::ffi::c_void;

use super::shim::shim;
use super::stream::Stream;
use crate::TensorError;

/// Captured work, with the memory of all that it makes.
///
/// Replaying reads and writes the same tensors as the capture did: inputs are copied into those captured, and results are
/// copied out before the next replay.
#[derive(Debug)]
pub struct CudaGraph(Handle);

#[derive(Debug)]
struct Handle(*mut c_void);

// SAFETY: a graph may be replayed from every thread, one at a time.
unsafe impl Send for CudaGraph {}

impl CudaGraph {
    /// Captures what `work` queues on a stream of its own, and returns what it returns. Nothing runs: run the same work once
    /// before, so that libraries have made their workspaces and tensors their places. `work` must not wait for the device,
    /// nor ask it for a number.
    ///
    /// # Errors
    /// [`TensorError::NoCuda`]; what `work` returns; [`TensorError::Torch`] for work that can't be captured.
    pub fn capture<T, E: From<TensorError>>(
        device: usize,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        let shim = shim()?;
        let stream = Stream::new(device)?;
        // SAFETY: the result is owned.
        let graph = Self(Handle(shim.not_null(unsafe { (shim.graph_new)() })?));
        let entered = stream.enter()?;
        // SAFETY: the graph lives.
        shim.check(unsafe { (shim.graph_begin)(graph.0.0) })?;
        let capturing = Capturing(&graph);
        let result = work();
        let ended = capturing.end();
        drop(entered);
        let result = result?;
        ended?;
        Ok((graph, result))
    }

    /// Queues the captured work on the thread's current stream.
    ///
    /// # Errors
    /// [`TensorError::Torch`] if CUDA refuses.
    pub fn replay(&self) -> Result<(), TensorError> {
        let shim = shim()?;
        // SAFETY: the graph was captured.
        shim.check(unsafe { (shim.graph_replay)(self.0.0) })
    }
}

/// Ends the capture even when the work panics: the stream would refuse everything otherwise.
struct Capturing<'a>(&'a CudaGraph);

impl Capturing<'_> {
    fn end(self) -> Result<(), TensorError> {
        let result = end(self.0);
        std::mem::forget(self);
        result
    }
}

impl Drop for Capturing<'_> {
    fn drop(&mut self) {
        // while unwinding, the panic is what is told
        let _ = end(self.0);
    }
}

fn end(graph: &CudaGraph) -> Result<(), TensorError> {
    let shim = shim()?;
    // SAFETY: the capture of this graph was begun on this thread.
    shim.check(unsafe { (shim.graph_end)(graph.0.0) })
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Ok(shim) = shim() {
            // SAFETY: owned, and used no more.
            unsafe { (shim.graph_free)(self.0) };
        }
    }
}
