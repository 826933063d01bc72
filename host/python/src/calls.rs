//! The calls under way of an object, so that another thread can cancel them; and that none is made in a forked process.

use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use scene3d_engine::ErrorCode;
use scene3d_pipeline::Cancel;

use crate::failure::Failure;

/// Calls under way.
#[derive(Debug)]
pub(crate) struct Calls {
    process: u32,
    under_way: Mutex<Vec<Cancel>>,
}

/// A call under way.
pub(crate) struct Call<'a> {
    calls: &'a Calls,
    pub cancel: Cancel,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self { process: process::id(), under_way: Mutex::default() }
    }

    /// # Errors
    /// In a process that was forked from the object's: threads and locks of plugins do not survive that.
    pub(crate) fn begin(&self) -> Result<Call<'_>, Failure> {
        if process::id() != self.process {
            let message =
                format!("made in process {}, used in {}, which was forked from it", self.process, process::id());
            let help = "make it in the process that uses it: threads of plugins do not survive a fork";
            return Err(Failure::new(ErrorCode::UNSUPPORTED, message, help));
        }
        let cancel = Cancel::default();
        self.lock().push(cancel.clone());
        Ok(Call { calls: self, cancel })
    }

    /// Cancels all of them.
    pub(crate) fn cancel(&self) {
        self.lock().iter().for_each(Cancel::cancel);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Cancel>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.lock().retain(|cancel| !cancel.is_same(&self.cancel));
    }
}
