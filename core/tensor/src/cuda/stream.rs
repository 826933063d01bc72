//! Streams of torch's pool, and events between them.
#![allow(unsafe_code)] // calls into the C++ shim

use std::ffi::c_void;
use std::time::Duration;

use super::shim::shim;
use crate::TensorError;

/// A queue of work on a device, beside torch's default one.
#[derive(Debug)]
pub struct Stream(*mut c_void);

/// A point in a stream that others can wait for.
#[derive(Debug)]
pub struct Event(*mut c_void);

// SAFETY: streams and events may be used from every thread; torch's current stream is the thread's own.
unsafe impl Send for Stream {}
// SAFETY: as above.
unsafe impl Send for Event {}

impl Stream {
    /// One of torch's pool, which hands them out in turn.
    ///
    /// # Errors
    /// [`TensorError::NoCuda`]; [`TensorError::Torch`] for a device that is not there.
    pub fn new(device: usize) -> Result<Self, TensorError> {
        let shim = shim()?;
        // SAFETY: takes a number; the result is owned.
        Ok(Self(shim.not_null(unsafe { (shim.stream_new)(device as i32) })?))
    }

    /// Runs `work` with this as the thread's current stream: what torch queues goes here.
    ///
    /// # Errors
    /// [`TensorError::Torch`] if the stream can't be entered.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> Result<T, TensorError> {
        let _before = self.enter()?;
        Ok(work())
    }

    /// Makes this the thread's current stream until the result is dropped.
    pub(super) fn enter(&self) -> Result<Entered, TensorError> {
        let shim = shim()?;
        // SAFETY: the stream lives; the result is owned.
        let before = shim.not_null(unsafe { (shim.stream_enter)(self.0) })?;
        Ok(Entered { before: Self(before) })
    }

    /// Waits on the host for all that was queued here.
    ///
    /// # Errors
    /// [`TensorError::Torch`] for work that failed.
    pub fn synchronize(&self) -> Result<(), TensorError> {
        let shim = shim()?;
        // SAFETY: the stream lives.
        shim.check(unsafe { (shim.stream_synchronize)(self.0) })
    }

    /// Keeps the memory of a tensor of another stream, once freed, from being reused before this stream is done with it.
    ///
    /// # Errors
    /// [`TensorError::Torch`] for a tensor that is not on a CUDA device.
    pub fn keep(&self, tensor: &tch::Tensor) -> Result<(), TensorError> {
        if !tensor.device().is_cuda() {
            return Err(TensorError::Torch(format!("a stream keeps tensors of its device, got {:?}", tensor.device())));
        }
        let shim = shim()?;
        // SAFETY: both live; the shim only reads the tensor's storage.
        shim.check(unsafe { (shim.record_stream)(tensor.as_ptr().cast::<c_void>(), self.0) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(shim) = shim() {
            // SAFETY: owned, and used no more; torch's pool keeps the stream itself.
            unsafe { (shim.stream_free)(self.0) };
        }
    }
}

/// Goes back to the stream before.
pub(super) struct Entered {
    before: Stream,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // the stream was current before: it can be again
        if let Ok(shim) = shim() {
            // SAFETY: both streams live, the one that is left is freed.
            unsafe { (shim.stream_free)((shim.stream_enter)(self.before.0)) };
        }
    }
}

impl Event {
    /// For order alone.
    ///
    /// # Errors
    /// [`TensorError::NoCuda`]; [`TensorError::Torch`] for a device that is not there.
    pub fn new(device: usize) -> Result<Self, TensorError> {
        Self::with_time(device, false)
    }

    /// That knows when it was reached, which costs a little.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn timed(device: usize) -> Result<Self, TensorError> {
        Self::with_time(device, true)
    }

    fn with_time(device: usize, is_timed: bool) -> Result<Self, TensorError> {
        let shim = shim()?;
        // SAFETY: takes numbers; the result is owned.
        Ok(Self(shim.not_null(unsafe { (shim.event_new)(device as i32, i32::from(is_timed)) })?))
    }

    /// Marks the end of what the thread's current stream has queued so far.
    ///
    /// # Errors
    /// [`TensorError::Torch`] if CUDA refuses.
    pub fn record(&self) -> Result<(), TensorError> {
        let shim = shim()?;
        // SAFETY: the event lives.
        shim.check(unsafe { (shim.event_record)(self.0) })
    }

    /// What the thread's current stream queues next waits for the event; the host does not.
    ///
    /// # Errors
    /// [`TensorError::Torch`] if CUDA refuses.
    pub fn wait(&self) -> Result<(), TensorError> {
        let shim = shim()?;
        // SAFETY: the event lives.
        shim.check(unsafe { (shim.event_wait)(self.0) })
    }

    /// Waits on the host.
    ///
    /// # Errors
    /// [`TensorError::Torch`] for work before it that failed.
    pub fn synchronize(&self) -> Result<(), TensorError> {
        let shim = shim()?;
        // SAFETY: the event lives.
        shim.check(unsafe { (shim.event_synchronize)(self.0) })
    }

    /// Time on the device since an earlier event; both are [`Self::timed`] and were reached.
    ///
    /// # Errors
    /// [`TensorError::Torch`] if they are not.
    pub fn since(&self, earlier: &Self) -> Result<Duration, TensorError> {
        let shim = shim()?;
        let mut milliseconds = 0.0_f32;
        // SAFETY: both events live; the shim writes one float.
        shim.check(unsafe { (shim.event_elapsed)(earlier.0, self.0, &mut milliseconds) })?;
        Ok(Duration::from_secs_f64(f64::from(milliseconds.max(0.0)) / 1e3))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if let Ok(shim) = shim() {
            // SAFETY: owned, and used no more.
            unsafe { (shim.event_free)(self.0) };
        }
    }
}
