//! Jobs as tracked runs: a run a job, with its config, its stages over time, the drift of its images, its figures and its
//! report. No name of a user or of a photo is recorded.

use std::sync::Arc;

use scene3d_export::Report;
use scene3d_monitor::drift::DriftVerdict;
use scene3d_monitor::tracking::{
    ModelFigures, Run, RunId, RunStart, RunStatus, StageSeries, Tracker, TrackingConfig, flatten,
};
use serde_json::Value;

use crate::config::ServiceConfig;
use crate::error::{Result, ServiceError};
use crate::jobs::executor::ExecutorEvent;
use crate::jobs::state::JobState;
use crate::store::jobs::Job;

/// Records jobs; does nothing where `tracking.enabled = false`.
#[derive(Debug, Clone, Default)]
pub struct JobTracking {
    tracker: Option<Arc<Tracker>>,
    experiment: String,
}

/// A job that is recorded, by the process that works on it. When that lets go of it unended, it goes on later.
#[derive(Debug)]
pub struct TrackedJob(Option<StageSeries>);

impl JobTracking {
    /// Opens the folder of the records, and begins to send them where there is a server.
    ///
    /// # Errors
    /// [`ServiceError::Config`] if the section can't hold, or the folder can't be made.
    pub fn open(config: &ServiceConfig) -> Result<Self> {
        let section = &config.tracking;
        if !section.enabled {
            return Ok(Self::default());
        }
        let tracking = TrackingConfig {
            server: section.server.clone(),
            token_file: section.token_file.clone(),
            basic_auth_file: section.password_file.clone(),
            ..TrackingConfig::new(&config.storage.tracking_dir())
        };
        let tracker = Tracker::open(&tracking).map_err(|error| ServiceError::Config(error.to_string()))?;
        Ok(Self { tracker: Some(Arc::new(tracker)), experiment: section.experiment.clone() })
    }

    /// What records, where something does.
    #[must_use]
    pub fn tracker(&self) -> Option<&Arc<Tracker>> {
        self.tracker.as_ref()
    }

    /// Sends what is left, for a bounded time.
    pub fn close(&self) {
        if let Some(tracker) = &self.tracker {
            tracker.close();
        }
    }

    /// A worker takes a job, for the first time or again.
    #[must_use]
    pub fn begin(&self, job: &Job) -> TrackedJob {
        let run = self.tracker.as_ref().zip(RunId::of(&job.id)).map(|(tracker, id)| {
            let run = tracker.start_run_as(id, self.start_of(job));
            run.tag("scene3d.attempts", &job.attempts.to_string());
            if let Some(verdict) = &job.drift {
                note_drift(&run, verdict, 0);
            }
            run
        });
        TrackedJob(run.map(StageSeries::new))
    }

    /// A job is removed; its records too, unless the server still lacks some.
    pub fn forget(&self, job_id: &str) {
        if let Some((tracker, run)) = self.tracker.as_ref().zip(RunId::of(job_id)) {
            tracker.forget(&run);
        }
    }

    fn start_of(&self, job: &Job) -> RunStart {
        let text = |text: &str| text.to_owned();
        let config: Value = toml::from_str(&job.config_toml).unwrap_or_default();
        let mut tags = vec![
            (text("scene3d.job_id"), job.id.clone()),
            (text("scene3d.config"), job.config_name.clone()),
            (text("scene3d.version"), text(env!("CARGO_PKG_VERSION"))),
        ];
        tags.extend(job.retry_of.iter().map(|id| (text("scene3d.retry_of"), id.clone())));
        let mut params = flatten(&config);
        params.push((text("num_images"), job.num_images.to_string()));
        RunStart { experiment: self.experiment.clone(), name: job.id.clone(), parent: None, params, tags }
    }
}

impl TrackedJob {
    /// Something happened.
    pub fn note(&self, event: &ExecutorEvent) {
        let Some(series) = &self.0 else { return };
        match event {
            ExecutorEvent::Progress { stage, done, .. } => series.progressed(stage, *done),
            ExecutorEvent::StageFinished { stage, items, reused, secs, .. } => {
                series.finished(stage, *items, *reused, *secs);
            }
            ExecutorEvent::Extracted { num_keypoints, .. } => series.extracted(*num_keypoints),
            _ => {}
        }
    }

    /// What was found in the images completed the verdict on their drift.
    pub fn drift(&self, verdict: &Value) {
        if let Some(series) = &self.0 {
            note_drift(series.run(), verdict, 1);
        }
    }

    /// It ended, or waits again; `report` is its `report.json`, where there is one.
    pub fn end(&self, job: &Job, report: &[u8]) {
        let Some(series) = &self.0 else { return };
        let run = series.run();
        let status = match job.state {
            JobState::Succeeded => RunStatus::Finished,
            JobState::Failed => RunStatus::Failed,
            JobState::Cancelled => RunStatus::Killed,
            JobState::Queued | JobState::Checking | JobState::Running => return run.detach(),
        };
        if let Some(figures) = figures(job) {
            series.model(&figures);
        }
        let secs = |from: Option<i64>, to: Option<i64>| Some((to? - from?) as f64 / 1000.0);
        let times = [
            ("queue_secs", secs(Some(job.created_at), job.started_at)),
            ("total_secs", secs(job.started_at, job.ended_at)),
        ];
        run.metrics(times.into_iter().filter_map(|(key, secs)| Some((key, secs?))), 0);
        if let Some(failure) = &job.failure {
            run.tag("scene3d.failure", &failure.code);
            run.tag("scene3d.failed_stage", failure.stage.as_deref().unwrap_or_default());
            run.tag("scene3d.failed_plugin", failure.plugin.as_deref().unwrap_or_default());
        }
        if let Some(report) = nameless_report(report) {
            run.artifact_bytes("report/report.json", &report);
        }
        run.end(status);
    }
}

impl Drop for TrackedJob {
    fn drop(&mut self) {
        if let Some(series) = &self.0 {
            series.run().detach();
        }
    }
}

fn note_drift(run: &Run, verdict: &Value, step: i64) {
    let Ok(verdict) = serde_json::from_value::<DriftVerdict>(verdict.clone()) else { return };
    run.tag("scene3d.drift", verdict.status.name());
    for found in &verdict.features {
        let names =
            ["wasserstein", "p_adjusted", "drifted"].map(|name| format!("drift.{}.{name}", found.feature.name()));
        let figures = [found.wasserstein, found.p_adjusted, f64::from(u8::from(found.drifted))];
        run.metrics(names.iter().map(String::as_str).zip(figures), step);
    }
}

fn figures(job: &Job) -> Option<ModelFigures> {
    let statistics = job.outcome.as_ref()?.get("statistics")?;
    let count = |name: &str| statistics.get(name)?.as_u64().and_then(|count| usize::try_from(count).ok());
    let figure = |name: &str| statistics.get(name)?.as_f64();
    Some(ModelFigures {
        num_images: usize::try_from(job.num_images).unwrap_or_default(),
        num_registered: count("num_registered")?,
        num_points3d: count("num_points3d")?,
        num_observations: count("num_observations")?,
        mean_track_length: figure("mean_track_length")?,
        mean_reprojection_error_px: figure("mean_reprojection_error_px")?,
    })
}

/// The report without what names files of the user: images by their numbers, and without texts that may quote a name.
fn nameless_report(report: &[u8]) -> Option<Vec<u8>> {
    let mut report: Report = serde_json::from_slice(report).ok()?;
    let number = |report: &Report, name: &String| {
        let image = report.images.iter().find(|image| image.name == *name);
        image.map_or_else(String::new, |image| image.image_id.to_string())
    };
    let others =
        report.other_models.iter().map(|model| model.images.iter().map(|name| number(&report, name)).collect());
    let others: Vec<Vec<String>> = others.collect();
    for (model, images) in report.other_models.iter_mut().zip(others) {
        model.images = images;
    }
    for image in &mut report.images {
        image.name = image.image_id.to_string();
        image.reason.clear();
        image.next_step.clear();
    }
    report.warnings.clear();
    report.run.photos.clear();
    report.run.config.command.clear();
    serde_json::to_vec_pretty(&report).ok()
}
