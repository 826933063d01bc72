//! Jobs as clients see them.

use scene3d_monitor::drift::DriftVerdict;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::rfc3339;
use crate::http::API;
use crate::jobs::failure::JobFailure;
use crate::jobs::state::JobState;
use crate::jobs::tracker::StageProgress;
use crate::store::jobs::Job;

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobSummary {
    /// `job_...`; later ones sort behind earlier ones.
    id: String,
    /// Where it is in its life.
    state: JobState,
    /// The stage that runs, or was the last to run.
    stage: Option<String>,
    /// Name of its config.
    config: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// When a worker first took it.
    started_at: Option<String>,
    /// When it ended.
    ended_at: Option<String>,
    /// Images that it was given.
    num_images: i64,
    /// The job that it tries again.
    retry_of: Option<String>,
    /// Where to go from here.
    links: JobLinks,
}

/// Paths of a job's parts.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobLinks {
    /// The job.
    #[serde(rename = "self")]
    this: String,
    /// Its events as they happen.
    events: String,
    /// Its log.
    logs: String,
    /// Its results.
    artifacts: String,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    #[serde(flatten)]
    summary: JobSummary,
    /// How many jobs run before it; none unless it is queued.
    queue_position: Option<i64>,
    /// How often a worker took it.
    attempts: i64,
    /// Whether its owner asked to cancel it.
    cancel_requested: bool,
    /// Number of its last event.
    last_event: i64,
    /// Progress of its stages, in order.
    stages: Vec<StageProgress>,
    /// Verdict of the drift check; none where there is no baseline.
    #[schema(value_type = Option<DriftVerdict>)]
    drift: Option<Value>,
    /// Figures of the model, as in `report.json`; none unless it succeeded.
    #[schema(value_type = Option<Object>)]
    statistics: Option<Value>,
    /// Verdict of each image, as in `report.json`; none unless it succeeded.
    #[schema(value_type = Option<Vec<Object>>)]
    images: Option<Value>,
    /// Why it failed; none unless it did.
    failure: Option<JobFailure>,
    /// The config as TOML.
    config_toml: String,
    /// Bytes of its images.
    num_bytes: i64,
    /// Whom its end is told.
    webhook_url: Option<String>,
}

impl From<&Job> for JobSummary {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id.clone(),
            state: job.state,
            stage: job.stage.clone(),
            config: job.config_name.clone(),
            created_at: rfc3339(job.created_at),
            started_at: job.started_at.map(rfc3339),
            ended_at: job.ended_at.map(rfc3339),
            num_images: job.num_images,
            retry_of: job.retry_of.clone(),
            links: JobLinks::of(&job.id),
        }
    }
}

impl JobLinks {
    fn of(id: &str) -> Self {
        let this = path_of(id);
        Self {
            events: format!("{this}/events"),
            logs: format!("{this}/logs"),
            artifacts: format!("{this}/artifacts"),
            this,
        }
    }
}

/// Path of a job.
#[must_use]
pub fn path_of(id: &str) -> String {
    format!("{API}/jobs/{id}")
}

impl JobView {
    /// A job with its place in the queue.
    #[must_use]
    pub fn new(job: Job, num_before: i64) -> Self {
        let outcome = |name: &str| job.outcome.as_ref().and_then(|outcome| outcome.get(name)).cloned();
        Self {
            summary: JobSummary::from(&job),
            queue_position: (job.state == JobState::Queued).then_some(num_before),
            attempts: job.attempts,
            cancel_requested: job.cancel_requested,
            last_event: job.last_seq,
            statistics: outcome("statistics"),
            images: outcome("images"),
            stages: job.tracker.stages,
            drift: job.drift,
            failure: job.failure,
            config_toml: job.config_toml,
            num_bytes: job.num_bytes,
            webhook_url: job.webhook_url,
        }
    }
}
