//! Hands waiting jobs to the executor, oldest first, while this process holds the right to run them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use scene3d_monitor::metrics::Metrics;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::attempt::Work;
use super::executor::Executor;
use super::state::JobState;
use crate::blobs::Blobs;
use crate::config::ServiceConfig;
use crate::drift::DriftCheck;
use crate::error::{Result, ServiceError};
use crate::store::Store;
use crate::store::jobs::Job;
use crate::store::leases::{Lease, RENEW_EVERY_MS};
use crate::tracking::JobTracking;

/// How often the queue is looked at when nothing is heard of it: another process may have added a job.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Hands waiting jobs to the executor.
pub struct Dispatcher {
    work: Arc<Work>,
    running: HashMap<String, CancellationToken>,
    tasks: JoinSet<String>,
    jobs_of_tasks: HashMap<Id, String>,
}

/// What of a service the dispatcher needs.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The state.
    pub store: &'a Store,
    /// Limits and folders.
    pub config: &'a ServiceConfig,
    /// Images and artifacts.
    pub blobs: &'a Blobs,
    /// What is counted.
    pub metrics: &'a Arc<Metrics>,
    /// What images are compared with, where there is a baseline.
    pub drift: Option<&'a Arc<DriftCheck>>,
    /// Jobs as runs of an experiment.
    pub tracking: &'a JobTracking,
}

impl Dispatcher {
    /// Takes the right to run the jobs of a store, and puts those back that the process before left behind.
    ///
    /// # Errors
    /// [`ServiceError::WorkerHeld`] if another process has it.
    pub async fn start(parts: Parts<'_>, executor: Arc<dyn Executor>) -> Result<Self> {
        let lease = parts.store.take_worker_lease().await?;
        let work = Arc::new(Work::new(&parts, lease, executor));
        let dispatcher = Self { work, running: HashMap::new(), tasks: JoinSet::new(), jobs_of_tasks: HashMap::new() };
        dispatcher.put_back_left_behind().await?;
        Ok(dispatcher)
    }

    /// That a server ended is no fault of the jobs it ran.
    async fn put_back_left_behind(&self) -> Result<()> {
        for state in [JobState::Checking, JobState::Running] {
            for job in self.work.store.jobs_in(state).await? {
                tracing::info!(job = job.id, "goes on with a job that was interrupted");
                let requeue = |job: &mut Job| job.requeue("the server that ran it ended");
                self.work.store.change_job(Some(&self.work.lease), &job.id, requeue).await?;
            }
        }
        Ok(())
    }

    /// Runs jobs until it is asked to stop; those under way are stopped and wait again, with what they finished kept.
    ///
    /// # Errors
    /// [`ServiceError::LeaseLost`] if another process took over.
    pub async fn run(mut self, stop: CancellationToken) -> Result<()> {
        let keeping = CancellationToken::new();
        let keeper = tokio::spawn(keep_lease(self.work.store.clone(), self.work.lease.clone(), keeping.clone()));
        let lost = keeping.child_token();
        let ran = self.dispatch(&stop, &lost).await;
        self.work.stopping.cancel();
        self.running.values().for_each(CancellationToken::cancel);
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.forget(ended);
        }
        self.work.executor.stop().await;
        keeping.cancel();
        let kept = keeper.await.unwrap_or(Err(ServiceError::LeaseLost));
        if kept.is_ok() {
            self.work.store.release_lease(&self.work.lease).await?;
        }
        ran.and(kept)
    }

    async fn dispatch(&mut self, stop: &CancellationToken, lost: &CancellationToken) -> Result<()> {
        let mut changed = self.work.store.listen();
        loop {
            self.look().await;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = lost.cancelled() => return Err(ServiceError::LeaseLost),
                () = tokio::time::sleep(LOOK_EVERY) => {}
                Some(ended) = self.tasks.join_next_with_id() => self.forget(ended),
                heard = changed.recv() => if heard == Err(RecvError::Closed) { return Ok(()) },
            }
        }
    }

    /// A database that does not answer is asked again with the next look.
    async fn look(&mut self) {
        if let Err(error) = self.try_look().await {
            tracing::warn!(%error, "the queue can't be looked at");
        }
    }

    async fn try_look(&mut self) -> Result<()> {
        for (id, cancel) in &self.running {
            if !cancel.is_cancelled() && self.work.store.is_cancel_requested(id).await? {
                cancel.cancel();
            }
        }
        while self.running.len() < self.work.max_concurrent_jobs {
            let Some(job) = self.work.store.next_queued().await? else { return Ok(()) };
            let job = self.work.store.change_job(Some(&self.work.lease), &job.id, Job::take).await;
            match job {
                Ok(job) => self.spawn(job),
                // cancelled in between
                Err(ServiceError::WrongState { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn spawn(&mut self, job: Job) {
        let cancel = CancellationToken::new();
        self.running.insert(job.id.clone(), cancel.clone());
        let (work, id) = (Arc::clone(&self.work), job.id.clone());
        let task = self.tasks.spawn(async move {
            let id = job.id.clone();
            if let Err(error) = work.finish(job, cancel).await {
                tracing::error!(job = id, %error, "what became of a job can't be written");
            }
            id
        });
        self.jobs_of_tasks.insert(task.id(), id);
    }

    fn forget(&mut self, ended: Result<(Id, String), JoinError>) {
        let task = match ended {
            Ok((task, _)) => task,
            Err(error) => {
                tracing::error!(%error, "the task of a job ended unexpectedly");
                error.id()
            }
        };
        if let Some(job) = self.jobs_of_tasks.remove(&task) {
            self.running.remove(&job);
        }
    }
}

/// Renews a lease until asked to stop; cancels `keeping` when it is lost. While the database is silent another process may
/// take over: what this one writes afterwards is refused, as every change of a job is made under the lease.
async fn keep_lease(store: Store, lease: Lease, keeping: CancellationToken) -> Result<()> {
    let pause = Duration::from_millis(RENEW_EVERY_MS);
    while keeping.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        match store.renew_lease(&lease).await {
            Ok(()) => {}
            Err(ServiceError::LeaseLost) => {
                keeping.cancel();
                return Err(ServiceError::LeaseLost);
            }
            Err(error) => tracing::warn!(%error, "the lease can't be renewed"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
