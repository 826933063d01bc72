//! Parts of a job that are done elsewhere: whoever gave the job is told of them and answers.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scene3d_pipeline::{Cancel, Delegate, Part, PipelineError, RunFailure};
use serde_json::Value;
use tokio::runtime::Handle;

use super::Delegation;
use super::images::storage_failure;
use super::keeper::KeptWork;
use super::protocol::{Answer, PartJob, Told};
use crate::jobs::executor::JobRequest;
use crate::jobs::failure::{JobFailure, WORKER_LOST};
use crate::store::jobs::JobImage;

/// How often cancellation is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Where the answers to a job come from.
pub(super) type Answers = Arc<Mutex<Receiver<Answer>>>;

/// Has parts of a job done by whoever gave it.
pub(super) struct Delegating {
    pub(super) delegation: Delegation,
    /// The job as it was given.
    pub(super) job: JobRequest,
    pub(super) kept: KeptWork,
    pub(super) runtime: Handle,
    /// Behind what was finished before, which the parts need.
    pub(super) told: Sender<Option<Told>>,
    pub(super) answers: Answers,
}

impl Delegating {
    fn job_of(&self, images: &HashMap<&str, &JobImage>, part: Part) -> PartJob {
        let images = part.photos.iter().filter_map(|name| images.get(name.as_str()).map(|image| (*image).clone()));
        let job = JobRequest { images: images.collect(), inherit_from: None, ..self.job.clone() };
        PartJob { job, task: part.task }
    }

    fn wait(&self, progress: &dyn Fn(usize), cancel: &Cancel) -> Result<(), PipelineError> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if cancel.is_cancelled() {
                return Err(PipelineError::Cancelled);
            }
            match answers.recv_timeout(POLL) {
                Ok(Answer::Progress(done)) => progress(done),
                Ok(Answer::Done) => return Ok(()),
                Ok(Answer::Failed(failure)) => return Err(elsewhere(failure)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(elsewhere(nobody_answers())),
            }
        }
    }
}

impl Delegate for Delegating {
    fn images_per_shard(&self) -> usize {
        self.delegation.images_per_shard
    }

    fn images_per_block(&self) -> usize {
        self.delegation.images_per_block
    }

    fn work(&self, parts: Vec<Part>, progress: &dyn Fn(usize), cancel: &Cancel) -> Result<(), PipelineError> {
        let images: HashMap<&str, &JobImage> =
            self.job.images.iter().map(|image| (image.name.as_str(), image)).collect();
        let parts = parts.into_iter().map(|part| self.job_of(&images, part)).collect();
        // a keeper that failed has cancelled the run
        self.told.send(Some(Told::Parts(parts))).ok();
        self.wait(progress, cancel)?;
        let found = self.runtime.block_on(self.kept.put_back());
        found.map_err(|error| elsewhere(*storage_failure(&error)))
    }
}

fn elsewhere(failure: JobFailure) -> PipelineError {
    let stage = failure.stage.and_then(|stage| serde_json::from_value(Value::String(stage)).ok());
    PipelineError::Elsewhere(Box::new(RunFailure {
        code: failure.code,
        stage,
        plugin: failure.plugin,
        message: failure.message,
        help: failure.help,
        is_transient: failure.transient,
    }))
}

fn nobody_answers() -> JobFailure {
    JobFailure {
        code: WORKER_LOST.to_owned(),
        stage: None,
        plugin: None,
        message: "nobody works on the parts of the job any more".to_owned(),
        help: "retry the job: what was finished is kept".to_owned(),
        transient: true,
    }
}
