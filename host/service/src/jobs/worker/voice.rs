//! How a worker tells of its jobs: lines of its protocol, in order, whichever thread they come from.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::protocol::{FromWorker, Told};
use crate::jobs::executor::ExecutorEvent;

/// Where answers go.
#[derive(Clone)]
pub struct Voice(Arc<Mutex<dyn FnMut(String) + Send>>);

impl Voice {
    /// To whoever is given each line, without its end.
    pub fn new(hear: impl FnMut(String) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(hear)))
    }

    /// To a stream of lines, each sent at once.
    pub(super) fn of_lines(mut answers: impl Write + Send + 'static) -> Self {
        Self::new(move |mut line| {
            line.push('\n');
            // nobody listens any more only when stdin is closed too, and that ends the worker
            answers.write_all(line.as_bytes()).and_then(|()| answers.flush()).ok();
        })
    }

    pub(super) fn event(&self, job_id: &str, event: ExecutorEvent) {
        self.tell(job_id, Told::Event(event));
    }

    pub(super) fn tell(&self, job_id: &str, told: Told) {
        let told = FromWorker { job: job_id.to_owned(), told };
        let Ok(line) = serde_json::to_string(&told) else { return tracing::error!("an answer can't be written") };
        let mut hear = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hear(line);
    }
}
