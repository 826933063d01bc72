//! One job from the moment a worker takes it to its end: attempts, what they tell, and what becomes of their endings.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use scene3d_monitor::drift::KeypointStatistics;
use scene3d_monitor::metrics::{Metrics, StageRun};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dispatcher::Parts;
use super::executor::{Ending, Executor, ExecutorEvent, JobRequest};
use super::failure::{JobFailure, PANICKED, WORKER_LOST};
use super::notes;
use super::ray::WORK;
use crate::blobs::Blobs;
use crate::clock::{millis, now_ms};
use crate::drift::DriftCheck;
use crate::error::{Result, ServiceError};
use crate::store::Store;
use crate::store::events::JobEvent;
use crate::store::jobs::{Job, JobImage};
use crate::store::leases::Lease;
use crate::tracking::{JobTracking, TrackedJob};

/// The stage that finds keypoints.
const EXTRACT: &str = "extract";

/// The report among a job's artifacts.
const REPORT: &str = "report.json";

/// Events on their way into the database; a worker that is faster waits.
const MAX_EVENTS_AHEAD: usize = 256;

/// Pause before a stage is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// Pauses between attempts to write to a database that does not answer.
const WRITE_PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// What work on jobs needs.
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) lease: Lease,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) max_concurrent_jobs: usize,
    /// The server stops: what is cancelled now waits again.
    pub(super) stopping: CancellationToken,
    metrics: Arc<Metrics>,
    drift: Option<Arc<DriftCheck>>,
    tracking: JobTracking,
    work_dir: PathBuf,
    objects_url: String,
    blobs: Blobs,
    max_pixels: u64,
    max_worker_deaths: i64,
    num_stage_retries: i64,
    max_job: Duration,
}

impl Work {
    pub(super) fn new(parts: &Parts<'_>, lease: Lease, executor: Arc<dyn Executor>) -> Self {
        let config = parts.config;
        Self {
            store: parts.store.clone(),
            drift: parts.drift.map(Arc::clone),
            tracking: parts.tracking.clone(),
            metrics: Arc::clone(parts.metrics),
            lease,
            executor,
            max_concurrent_jobs: config.jobs.max_concurrent_jobs.max(1),
            stopping: CancellationToken::new(),
            work_dir: config.storage.work_dir(),
            objects_url: config.storage.objects_url(),
            blobs: parts.blobs.clone(),
            max_pixels: config.uploads.max_megapixels.saturating_mul(1_000_000),
            max_worker_deaths: config.jobs.max_worker_deaths,
            num_stage_retries: config.jobs.num_stage_retries,
            max_job: Duration::from_secs(config.jobs.max_job_secs),
        }
    }

    /// Works on a job that was taken until it ended or waits again.
    pub(super) async fn finish(&self, job: Job, cancel: CancellationToken) -> Result<()> {
        if job.attempts == 1 {
            self.metrics.jobs.waited((now_ms() - job.created_at) as f64 / 1000.0);
        }
        let deadline = job.started_at.unwrap_or_else(now_ms).saturating_add(millis(self.max_job));
        let tracked = Arc::new(self.tracking.begin(&job));
        let mut retried: Vec<Option<String>> = Vec::new();
        loop {
            let ending = self.attempt(&job, deadline, &tracked, &cancel).await?;
            let Ending::Failed(failure) = &ending else { return self.end(&job.id, ending, tracked).await };
            let num_retries = retried.iter().filter(|stage| **stage == failure.stage).count() as i64;
            if !failure.transient || num_retries >= self.num_stage_retries || cancel.is_cancelled() {
                return self.end(&job.id, ending, tracked).await;
            }
            retried.push(failure.stage.clone());
            let failure = failure.clone();
            self.change(&job.id, move |job: &mut Job| {
                job.tracker.interrupt();
                Ok(vec![JobEvent::new("stage_retried", json!({ "stage": failure.stage, "failure": failure }))])
            })
            .await?;
            cancel.run_until_cancelled(tokio::time::sleep(RETRY_PAUSE)).await;
        }
    }

    async fn attempt(
        &self,
        job: &Job,
        deadline_ms: i64,
        tracked: &TrackedJob,
        cancel: &CancellationToken,
    ) -> Result<Ending> {
        let request = self.request(job).await?;
        let images = request.images.clone();
        let (events, told) = mpsc::channel(MAX_EVENTS_AHEAD);
        let stop = cancel.child_token();
        let left = Duration::from_millis(u64::try_from(deadline_ms - now_ms()).unwrap_or_default());
        let run = async {
            let mut run = self.executor.run(request, events, stop.clone());
            match tokio::time::timeout(left, &mut run).await {
                Ok(ending) => ending,
                Err(_) => {
                    stop.cancel();
                    run.await;
                    Ending::Failed(too_long(self.max_job))
                }
            }
        };
        let (ending, noted) = tokio::join!(run, self.note_all((&job.id, &images), told, tracked, &stop));
        noted.map(|()| ending)
    }

    async fn request(&self, job: &Job) -> Result<JobRequest> {
        Ok(JobRequest {
            job_id: job.id.clone(),
            attempt: job.attempts,
            images: self.written(|| self.store.job_images(&job.id)).await?,
            config_name: job.config_name.clone(),
            config_toml: job.config_toml.clone(),
            work_folder: self.work_dir.join(&job.id),
            inherit_from: job.retry_of.as_ref().map(|id| self.work_dir.join(id)),
            objects_url: self.objects_url.clone(),
            max_pixels: self.max_pixels,
        })
    }

    /// Whatever can't be written ends the attempt: nothing is shown that is not written.
    async fn note_all(
        &self,
        (job_id, images): (&str, &[JobImage]),
        mut told: mpsc::Receiver<ExecutorEvent>,
        tracked: &TrackedJob,
        stop: &CancellationToken,
    ) -> Result<()> {
        let mut outcome = Ok(());
        let mut keypoints = HashMap::new();
        while let Some(event) = told.recv().await {
            let has_extracted = matches!(&event, ExecutorEvent::StageFinished { stage, .. } if stage == EXTRACT);
            if let ExecutorEvent::Extracted { image, num_keypoints, mean_score, .. } = &event {
                let found = KeypointStatistics { count: *num_keypoints, mean_score: *mean_score };
                // another model of the same plugin tells later
                keypoints.entry(image.clone()).or_insert(found);
            }
            tracked.note(&event);
            if outcome.is_ok() {
                outcome = self.note(job_id, event).await.inspect_err(|_| stop.cancel());
            }
            if outcome.is_ok() && has_extracted {
                outcome = self.check_drift(job_id, images, &keypoints, tracked).await.inspect_err(|_| stop.cancel());
            }
        }
        outcome
    }

    /// What was found in the images completes the verdict that their pixels had when the job was made.
    async fn check_drift(
        &self,
        job_id: &str,
        images: &[JobImage],
        keypoints: &HashMap<String, KeypointStatistics>,
        tracked: &TrackedJob,
    ) -> Result<()> {
        let Some(drift) = &self.drift else { return Ok(()) };
        let verdict = self.written(|| drift.check(images, keypoints)).await?;
        let verdict = serde_json::to_value(verdict)
            .map_err(|error| ServiceError::Internal(format!("a drift verdict can't be written: {error}")))?;
        tracked.drift(&verdict);
        let edit = move |job: &mut Job| {
            job.drift = Some(verdict.clone());
            Ok(vec![JobEvent::new("drift", verdict.clone())])
        };
        self.change(job_id, edit).await.map(drop)
    }

    async fn note(&self, job_id: &str, event: ExecutorEvent) -> Result<()> {
        notes::count(&self.metrics, &event);
        if let ExecutorEvent::Artifact(artifact) = &event {
            self.written(|| self.store.put_artifact(job_id, artifact)).await?;
        }
        if let ExecutorEvent::StageFinished { items, reused, plugins, .. } = &event
            && items > reused
        {
            for plugin in plugins {
                self.written(|| self.store.forget_plugin_failures(plugin)).await?;
            }
        }
        match event {
            ExecutorEvent::Extracted { .. } | ExecutorEvent::Resident { .. } | ExecutorEvent::Transferred { .. } => {
                Ok(())
            }
            event => self.change(job_id, move |job: &mut Job| job.note(&event)).await.map(drop),
        }
    }

    async fn end(&self, job_id: &str, ending: Ending, tracked: Arc<TrackedJob>) -> Result<()> {
        let stored_bytes = self.stored_bytes(job_id).await?;
        let (max_worker_deaths, is_stopping) = (self.max_worker_deaths, self.stopping.is_cancelled());
        let ended = ending.clone();
        let job = self
            .change(job_id, move |job: &mut Job| {
                job.stored_bytes = stored_bytes;
                match ended.clone() {
                    Ending::Finished { statistics, images } => {
                        job.succeed(json!({ "statistics": statistics, "images": images }))
                    }
                    Ending::Failed(failure) => job.fail(failure),
                    Ending::Cancelled if is_stopping => job.requeue("the server stops"),
                    Ending::Cancelled => job.cancel(),
                    Ending::WorkerLost { reason, last_words } if last_words.is_empty() => {
                        job.lose_worker(&reason, max_worker_deaths)
                    }
                    Ending::WorkerLost { reason, last_words } => {
                        job.lose_worker(&format!("{reason}; it said last: {last_words}"), max_worker_deaths)
                    }
                }
            })
            .await?;
        self.count_end(&job);
        let noted = self.note_plugin_failures(&job, &ending).await;
        let report = self.report(job_id).await.unwrap_or_else(|error| {
            tracing::warn!(job = job_id, %error, "its record has no report");
            Vec::new()
        });
        // a large report takes time
        tokio::task::spawn_blocking(move || tracked.end(&job, &report)).await.ok();
        noted
    }

    /// `report.json` of a job; empty where it has none.
    async fn report(&self, job_id: &str) -> Result<Vec<u8>> {
        let artifacts = self.store.artifacts(job_id).await?;
        match artifacts.iter().find(|artifact| artifact.name == REPORT) {
            Some(report) => self.blobs.get_bytes(&report.object_key).await,
            None => Ok(Vec::new()),
        }
    }

    /// What a plugin said last, and the text of a panic, may name files: they are for the job's owner and the log.
    async fn note_plugin_failures(&self, job: &Job, ending: &Ending) -> Result<()> {
        let (code, stage, plugins, how) = match ending {
            Ending::WorkerLost { reason, .. } => {
                let stage = job.stage.as_deref().unwrap_or_default();
                (WORKER_LOST, stage, job.tracker.plugins(stage), reason.as_str())
            }
            Ending::Failed(failure) if failure.code == PANICKED => {
                let stage = failure.stage.as_deref().unwrap_or_default();
                (PANICKED, stage, failure.plugin.as_slice(), "it panicked")
            }
            _ => return Ok(()),
        };
        let reason = format!("{how} in the stage {stage}");
        for plugin in plugins {
            self.written(|| self.store.note_plugin_failure(plugin, code, &reason)).await?;
        }
        Ok(())
    }

    fn count_end(&self, job: &Job) {
        if !job.state.has_ended() {
            return;
        }
        let code = job.failure.as_ref().map_or("", |failure| failure.code.as_str());
        self.metrics.jobs.finished(job.state.name(), code);
        if let Some(failure) = &job.failure {
            let (plugin, stage) = (failure.plugin.as_deref(), failure.stage.as_deref());
            if let Some(plugin) = plugin {
                self.metrics.work.plugin_error(plugin, &failure.code);
            }
            if let Some(stage) = stage {
                let began =
                    job.tracker.stages.iter().find(|known| known.stage == stage).and_then(|known| known.began_at);
                let secs = began.map_or(0.0, |began| (now_ms() - began) as f64 / 1000.0);
                let plugin = plugin.unwrap_or_default();
                self.metrics.work.stage(&StageRun { stage, plugin, outcome: "failed", secs });
            }
        }
        let figure = |name: &str| job.outcome.as_ref()?.get("statistics")?.get(name);
        if let Some(registered) = figure("num_registered").and_then(Value::as_u64) {
            let error_px = figure("mean_reprojection_error_px").and_then(Value::as_f64);
            self.metrics.work.model(registered, u64::try_from(job.num_images).unwrap_or_default(), error_px);
        }
    }

    /// Artifacts in the object store, and the work, in a folder or kept there too.
    async fn stored_bytes(&self, job_id: &str) -> Result<i64> {
        let folder = self.work_dir.join(job_id);
        let of_folder = tokio::task::spawn_blocking(move || super::folder_bytes(&folder)).await.unwrap_or_default();
        // a store that does not answer now is not what the job ends with
        let kept = self.blobs.list(&format!("{WORK}/{job_id}")).await.unwrap_or_default();
        let of_work = kept.iter().map(|(_, bytes)| bytes).sum::<u64>() + of_folder;
        let artifacts = self.written(|| self.store.artifacts(job_id)).await?;
        Ok(artifacts.iter().map(|artifact| artifact.bytes).sum::<i64>() + i64::try_from(of_work).unwrap_or(i64::MAX))
    }

    async fn change(
        &self,
        job_id: &str,
        edit: impl Fn(&mut Job) -> Result<Vec<JobEvent>> + Send + Sync,
    ) -> Result<Job> {
        self.written(|| self.store.change_job(Some(&self.lease), job_id, &edit)).await
    }

    /// A database that does not answer is asked again for as long as this process may run jobs: what was done is not
    /// lost because nobody could write it down at once.
    async fn written<T, F: Future<Output = Result<T>>>(&self, write: impl Fn() -> F) -> Result<T> {
        let mut pauses = WRITE_PAUSES.iter();
        let mut pause = WRITE_PAUSES[0];
        loop {
            match write().await {
                Err(error @ ServiceError::Database { .. }) if !self.stopping.is_cancelled() => {
                    tracing::warn!(%error, "the database is asked again");
                    pause = *pauses.next().unwrap_or(&pause);
                    self.stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
                }
                other => return other,
            }
        }
    }
}

fn too_long(max_job: Duration) -> JobFailure {
    JobFailure {
        code: "timeout".to_owned(),
        stage: None,
        plugin: None,
        message: format!("the job took longer than {} s", max_job.as_secs()),
        help: "retry it to go on from what is finished, or choose a faster config".to_owned(),
        transient: false,
    }
}
