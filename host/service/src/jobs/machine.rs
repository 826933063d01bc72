//! What may happen to a job: each function changes it and returns the events that tell of it, or refuses.

use serde_json::{Value, json};

use super::failure::{JobFailure, WORKER_LOST};
use super::state::JobState;
use super::tracker::Tracker;
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};
use crate::ids::new_id;
use crate::store::events::JobEvent;
use crate::store::jobs::Job;

impl Job {
    /// A new one with a config, of nobody yet.
    #[must_use]
    pub fn queued(config_name: &str, config_toml: &str) -> Self {
        Self {
            id: new_id("job"),
            user_id: String::new(),
            state: JobState::Queued,
            stage: None,
            config_name: config_name.to_owned(),
            config_toml: config_toml.to_owned(),
            webhook_url: None,
            retry_of: None,
            created_at: now_ms(),
            started_at: None,
            ended_at: None,
            attempts: 0,
            worker_deaths: 0,
            cancel_requested: false,
            last_seq: 0,
            tracker: Tracker::new(),
            drift: None,
            outcome: None,
            failure: None,
            num_images: 0,
            num_bytes: 0,
            stored_bytes: 0,
        }
    }

    /// A worker takes it.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] unless it is queued.
    pub fn take(&mut self) -> Result<Vec<JobEvent>> {
        self.become_state(JobState::Checking)?;
        self.started_at.get_or_insert_with(now_ms);
        self.attempts += 1;
        Ok(vec![JobEvent::state(self)])
    }

    /// Its first stage begins.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] unless a worker has it.
    pub fn run(&mut self) -> Result<Vec<JobEvent>> {
        if self.state == JobState::Running {
            return Ok(Vec::new());
        }
        self.become_state(JobState::Running)?;
        Ok(vec![JobEvent::state(self)])
    }

    /// There is a model.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] unless a worker has it.
    pub fn succeed(&mut self, outcome: Value) -> Result<Vec<JobEvent>> {
        self.become_state(JobState::Succeeded)?;
        self.outcome = Some(outcome);
        Ok(vec![JobEvent::state(self)])
    }

    /// There is none.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] if it has ended.
    pub fn fail(&mut self, failure: JobFailure) -> Result<Vec<JobEvent>> {
        self.become_state(JobState::Failed)?;
        self.tracker.fail();
        self.failure = Some(failure);
        Ok(vec![JobEvent::state(self)])
    }

    /// Its owner asks to cancel it: one that waits is cancelled at once, one that runs as soon as its worker stopped.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] if it has ended otherwise.
    pub fn request_cancel(&mut self) -> Result<Vec<JobEvent>> {
        match self.state {
            JobState::Queued => self.cancel(),
            JobState::Cancelled => Ok(Vec::new()),
            JobState::Checking | JobState::Running if self.cancel_requested => Ok(Vec::new()),
            JobState::Checking | JobState::Running => {
                self.cancel_requested = true;
                Ok(vec![JobEvent::new("cancel_requested", json!({}))])
            }
            JobState::Succeeded | JobState::Failed => {
                Err(ServiceError::WrongState { state: self.state.to_string(), expected: "one that has not ended" })
            }
        }
    }

    /// It is cancelled.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] if it has ended.
    pub fn cancel(&mut self) -> Result<Vec<JobEvent>> {
        self.become_state(JobState::Cancelled)?;
        self.tracker.interrupt();
        Ok(vec![JobEvent::state(self)])
    }

    /// Its worker stopped for a reason that is not the job's: it waits again, unless its owner asked to cancel it.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] unless a worker has it.
    pub fn requeue(&mut self, why: &str) -> Result<Vec<JobEvent>> {
        if self.cancel_requested {
            return self.cancel();
        }
        self.become_state(JobState::Queued)?;
        self.tracker.interrupt();
        Ok(vec![JobEvent::new("interrupted", json!({ "reason": why })), JobEvent::state(self)])
    }

    /// Its worker died: it waits again, until it killed as many workers as it may.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] unless a worker has it.
    pub fn lose_worker(&mut self, why: &str, max_worker_deaths: i64) -> Result<Vec<JobEvent>> {
        self.worker_deaths += 1;
        if self.worker_deaths < max_worker_deaths || self.cancel_requested {
            return self.requeue(why);
        }
        // of several plugins of a stage nobody knows which it was
        let plugin = match self.stage.as_deref().map(|stage| self.tracker.plugins(stage)) {
            Some([plugin]) => Some(plugin.clone()),
            _ => None,
        };
        let failure = JobFailure {
            code: WORKER_LOST.to_owned(),
            stage: self.stage.clone(),
            plugin,
            message: format!(
                "{} workers ended while they worked on this job, the last one so: {why}",
                self.worker_deaths
            ),
            help: "try it with fewer or smaller images or another config; the logs tell how far it came".to_owned(),
            transient: false,
        };
        self.fail(failure)
    }

    fn become_state(&mut self, next: JobState) -> Result<()> {
        if !self.state.may_become(next) {
            let expected = if next == JobState::Checking { "queued" } else { "one that has not ended" };
            return Err(ServiceError::WrongState { state: self.state.to_string(), expected });
        }
        self.state = next;
        if next.has_ended() {
            self.ended_at = Some(now_ms());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job::queued("a+b", "")
    }

    #[test]
    fn a_job_that_kills_its_worker_twice_fails() {
        let mut job = job();
        for expected in [JobState::Queued, JobState::Failed] {
            job.take().unwrap();
            job.run().unwrap();
            job.lose_worker("signal 6", 2).unwrap();
            assert_eq!(job.state, expected);
        }
        assert_eq!(job.failure.unwrap().code, "worker_lost");
        assert_eq!((job.attempts, job.worker_deaths), (2, 2));
    }

    #[test]
    fn what_has_ended_stays_as_it_is() {
        for end in [|job: &mut Job| job.succeed(json!({})), |job: &mut Job| job.cancel()] {
            let mut job = job();
            job.take().unwrap();
            end(&mut job).unwrap();
            let ended = job.clone();
            assert!(job.take().is_err() && job.run().is_err() && job.cancel().is_err() && job.requeue("").is_err());
            assert_eq!(job, ended);
        }
    }

    #[test]
    fn a_cancelled_job_does_not_wait_again() {
        let mut job = job();
        job.take().unwrap();
        job.request_cancel().unwrap();
        assert!(job.request_cancel().unwrap().is_empty());
        job.requeue("shutting down").unwrap();
        assert_eq!(job.state, JobState::Cancelled);
    }
}
