//! The executor of one machine: workers in child processes, kept from job to job. A job that ends its worker harms nobody
//! else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use scene3d_monitor::metrics::Metrics;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::executor::{Ending, Executor, ExecutorEvent, JobRequest};
use super::failure::JobFailure;
use super::worker::protocol::{FromWorker, ToWorker, Told};
use super::worker_process::{WorkerCommand, WorkerProcess};

/// A job that is cancelled has so long to stop before its worker is killed: cancelling takes 5 s at most.
const MAX_WAIT_FOR_STOP: Duration = Duration::from_secs(4);
/// A worker without a job ends within this time, or is killed.
const MAX_WAIT_FOR_END: Duration = Duration::from_secs(3);

/// Workers on this machine: one for each job that runs, so that a job that ends its worker ends no other.
#[derive(Debug)]
pub struct LocalExecutor {
    command: WorkerCommand,
    metrics: Arc<Metrics>,
    /// `None` once it was stopped.
    idle: Mutex<Option<Vec<WorkerProcess>>>,
}

/// How a job ended in a worker.
enum Supervised {
    /// It had the last word.
    Ended { ending: Ending, retires: bool },
    /// It is gone, and said nothing of the job before.
    GoneSilent,
    /// It is gone.
    Gone,
    /// It did not stop when it was asked to.
    Deaf,
}

impl LocalExecutor {
    /// Starts workers by this command, when there are jobs.
    #[must_use]
    pub fn new(command: WorkerCommand, metrics: Arc<Metrics>) -> Self {
        Self { command, metrics, idle: Mutex::new(Some(Vec::new())) }
    }

    /// A worker without a job, or a new one, and whether it is new; `None` once it was stopped.
    fn take(&self) -> Option<std::io::Result<(WorkerProcess, bool)>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = idle.as_mut()?;
        while let Some(mut worker) = idle.pop() {
            if worker.is_alive() {
                return Some(Ok((worker, false)));
            }
        }
        Some(WorkerProcess::start(&self.command).map(|worker| (worker, true)))
    }

    async fn give_back(&self, worker: WorkerProcess) {
        let surplus = match self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(idle) => {
                idle.push(worker);
                None
            }
            None => Some(worker),
        };
        if let Some(worker) = surplus {
            worker.end(MAX_WAIT_FOR_END).await;
        }
    }

    async fn work(
        &self,
        request: JobRequest,
        events: mpsc::Sender<ExecutorEvent>,
        cancel: CancellationToken,
    ) -> Ending {
        loop {
            let (mut worker, is_new) = match self.take() {
                None => return Ending::Cancelled,
                Some(Err(error)) => return Ending::Failed(not_started(&error)),
                Some(Ok(worker)) => worker,
            };
            self.metrics.worker.started();
            match supervise(&mut worker, request.clone(), &events, &cancel).await {
                // it ended while it had no job, which is no fault of this one
                Supervised::GoneSilent if !is_new && !cancel.is_cancelled() => self.metrics.worker.restarted(),
                supervised => return self.ending(supervised, worker, &cancel).await,
            }
        }
    }

    async fn ending(&self, supervised: Supervised, mut worker: WorkerProcess, cancel: &CancellationToken) -> Ending {
        match supervised {
            Supervised::Ended { ending, retires: false } => {
                self.give_back(worker).await;
                ending
            }
            Supervised::Ended { ending, retires: true } => {
                worker.end(MAX_WAIT_FOR_END).await;
                ending
            }
            Supervised::Deaf => {
                worker.kill().await;
                Ending::Cancelled
            }
            Supervised::Gone | Supervised::GoneSilent if cancel.is_cancelled() => Ending::Cancelled,
            Supervised::Gone | Supervised::GoneSilent => {
                self.metrics.worker.restarted();
                worker.how_it_ended().await
            }
        }
    }
}

impl Executor for LocalExecutor {
    fn run(
        &self,
        request: JobRequest,
        events: mpsc::Sender<ExecutorEvent>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Ending> {
        Box::pin(self.work(request, events, cancel))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
            let ends = idle.into_iter().flatten().map(|worker| worker.end(MAX_WAIT_FOR_END));
            futures::future::join_all(ends).await;
            self.metrics.worker.stopped();
        })
    }
}

/// Gives a worker its job and passes on what it says. An event that nobody takes yet holds up the next ones, but not the
/// order to stop.
async fn supervise(
    worker: &mut WorkerProcess,
    request: JobRequest,
    events: &mpsc::Sender<ExecutorEvent>,
    cancel: &CancellationToken,
) -> Supervised {
    let job_id = request.job_id.clone();
    if worker.send(&ToWorker::Run(Box::new(request))).await.is_err() {
        return Supervised::GoneSilent;
    }
    let mut is_silent = true;
    let mut waiting: Option<ExecutorEvent> = None;
    let mut deadline: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if deadline.is_none() => {
                deadline = Some(Instant::now() + MAX_WAIT_FOR_STOP);
                // one that is gone is noticed below
                worker.send(&ToWorker::Cancel(job_id.clone())).await.ok();
            }
            () = until(deadline), if deadline.is_some() => return Supervised::Deaf,
            permit = events.reserve(), if waiting.is_some() => {
                // whoever does not listen any more still wants to know how it ends
                if let (Ok(permit), Some(event)) = (permit, waiting.take()) {
                    permit.send(event);
                }
            }
            told = worker.next(), if waiting.is_none() => match told {
                None if is_silent => return Supervised::GoneSilent,
                None => return Supervised::Gone,
                Some(FromWorker { job, .. }) if job != job_id => {}
                Some(FromWorker { told: Told::Event(event), .. }) => (is_silent, waiting) = (false, Some(event)),
                // no worker of this machine delegates
                Some(FromWorker { told: Told::Parts(_), .. }) => {}
                Some(FromWorker { told: Told::Ended { ending, retires }, .. }) => {
                    return Supervised::Ended { ending, retires };
                }
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn not_started(error: &std::io::Error) -> JobFailure {
    JobFailure {
        code: "unavailable".to_owned(),
        stage: None,
        plugin: None,
        message: format!("the worker can't be started: {error}"),
        help: "see that the program `scene3d` is where it was when the server was started".to_owned(),
        transient: true,
    }
}
