//! Jobs as they are kept: what was asked for, how far it is, how it ended.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;

use super::{Store, Tx};
use crate::error::{Result, ServiceError};
use crate::jobs::failure::JobFailure;
use crate::jobs::state::JobState;
use crate::jobs::tracker::Tracker;

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// `job_...`
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// Where it is in its life.
    pub state: JobState,
    /// The stage that runs, or that was the last to run.
    pub stage: Option<String>,
    /// Name of its config, e.g. `aliked+lightglue`.
    pub config_name: String,
    /// The config as TOML.
    pub config_toml: String,
    /// Whom to tell when it ended.
    pub webhook_url: Option<String>,
    /// The job that this one tries again.
    pub retry_of: Option<String>,
    /// When it was asked for.
    pub created_at: i64,
    /// When a worker first took it.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How often a worker took it.
    pub attempts: i64,
    /// How many workers ended while they worked on it.
    pub worker_deaths: i64,
    /// Whether its owner asked to cancel it.
    pub cancel_requested: bool,
    /// Number of its last event.
    pub last_seq: i64,
    /// Progress of its stages.
    pub tracker: Tracker,
    /// Verdict of the drift check.
    pub drift: Option<Value>,
    /// Statistics of the model and verdict of each image, once it succeeded.
    pub outcome: Option<Value>,
    /// Why it failed.
    pub failure: Option<JobFailure>,
    /// Images that it was given.
    pub num_images: i64,
    /// Bytes of those images.
    pub num_bytes: i64,
    /// Bytes of its artifacts and its work folder.
    pub stored_bytes: i64,
}

/// An image of a job: the name is a label, the file is found by its sha256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct JobImage {
    /// Relative path as the user knows it.
    pub name: String,
    /// Lower-case hex.
    pub sha256: String,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Of this user, or of all.
    pub user_id: Option<String>,
    /// In this state, or in any.
    pub state: Option<JobState>,
    /// Older than this one.
    pub before_id: Option<String>,
    /// At most so many.
    pub limit: i64,
}

#[derive(FromRow)]
struct Row {
    id: String,
    user_id: String,
    state: String,
    stage: Option<String>,
    config_name: String,
    config_toml: String,
    webhook_url: Option<String>,
    retry_of: Option<String>,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    attempts: i64,
    worker_deaths: i64,
    cancel_requested: i64,
    last_seq: i64,
    tracker: String,
    drift: Option<String>,
    outcome: Option<String>,
    failure: Option<String>,
    num_images: i64,
    num_bytes: i64,
    stored_bytes: i64,
}

impl TryFrom<Row> for Job {
    type Error = ServiceError;

    fn try_from(row: Row) -> Result<Self> {
        let json = |text: Option<String>| text.as_deref().map(serde_json::from_str::<Value>).transpose();
        let bad = || ServiceError::bad_row("job");
        Ok(Self {
            state: row.state.parse().map_err(ServiceError::bad_row::<String>("job"))?,
            tracker: serde_json::from_str(&row.tracker).map_err(bad())?,
            drift: json(row.drift).map_err(bad())?,
            outcome: json(row.outcome).map_err(bad())?,
            failure: row.failure.as_deref().map(serde_json::from_str).transpose().map_err(bad())?,
            cancel_requested: row.cancel_requested != 0,
            id: row.id,
            user_id: row.user_id,
            stage: row.stage,
            config_name: row.config_name,
            config_toml: row.config_toml,
            webhook_url: row.webhook_url,
            retry_of: row.retry_of,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            attempts: row.attempts,
            worker_deaths: row.worker_deaths,
            last_seq: row.last_seq,
            num_images: row.num_images,
            num_bytes: row.num_bytes,
            stored_bytes: row.stored_bytes,
        })
    }
}

impl Store {
    /// A job by its id.
    ///
    /// # Errors
    /// [`ServiceError`] if it can't be read.
    pub async fn job(&self, id: &str) -> Result<Option<Job>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM jobs WHERE id = $1")
            .bind(id)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read a job"))?;
        row.map(Job::try_from).transpose()
    }

    /// Jobs, youngest first.
    ///
    /// # Errors
    /// [`ServiceError`] if they can't be read.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        // empty text stands for "any": both databases then see one statement with typed parameters
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM jobs WHERE ($1 = '' OR user_id = $1) AND ($2 = '' OR state = $2) AND ($3 = '' OR id < $3) \
             ORDER BY id DESC LIMIT $4",
        )
        .bind(filter.user_id.as_deref().unwrap_or_default())
        .bind(filter.state.map_or("", JobState::name))
        .bind(filter.before_id.as_deref().unwrap_or_default())
        .bind(filter.limit)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list jobs"))?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// The images of a job, by position.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn job_images(&self, id: &str) -> Result<Vec<JobImage>> {
        sqlx::query_as("SELECT name, sha256 FROM job_images WHERE job_id = $1 ORDER BY position")
            .bind(id)
            .fetch_all(self.reader())
            .await
            .map_err(ServiceError::database("read a job's images"))
    }

    /// The image of a job by its name, if it has one of that name.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn job_image(&self, id: &str, name: &str) -> Result<Option<JobImage>> {
        sqlx::query_as("SELECT name, sha256 FROM job_images WHERE job_id = $1 AND name = $2")
            .bind(id)
            .bind(name)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read an image of a job"))
    }

    /// The names under which a user uploaded images, by sha256; of several the first in order.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn names_of_images(&self, user_id: &str) -> Result<HashMap<String, String>> {
        let named: Vec<(String, String)> = sqlx::query_as(
            "SELECT upload_images.sha256, MIN(upload_images.name) FROM upload_images \
             JOIN uploads ON uploads.id = upload_images.upload_id WHERE uploads.user_id = $1 \
             GROUP BY upload_images.sha256",
        )
        .bind(user_id)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("read the names of images"))?;
        Ok(named.into_iter().collect())
    }

    /// The jobs in a state, oldest first.
    ///
    /// # Errors
    /// [`ServiceError`] if they can't be read.
    pub async fn jobs_in(&self, state: JobState) -> Result<Vec<Job>> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM jobs WHERE state = $1 ORDER BY created_at, id")
            .bind(state.name())
            .fetch_all(self.reader())
            .await
            .map_err(ServiceError::database("list jobs"))?;
        rows.into_iter().map(Job::try_from).collect()
    }

    /// The job that has waited longest.
    ///
    /// # Errors
    /// [`ServiceError`] if it can't be read.
    pub async fn next_queued(&self) -> Result<Option<Job>> {
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM jobs WHERE state = 'queued' ORDER BY created_at, id LIMIT 1")
                .fetch_optional(self.reader())
                .await
                .map_err(ServiceError::database("look for a job"))?;
        row.map(Job::try_from).transpose()
    }

    /// Whether a job's owner asked to cancel it; so is one that is gone.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn is_cancel_requested(&self, id: &str) -> Result<bool> {
        let requested: Option<i64> = sqlx::query_scalar("SELECT cancel_requested FROM jobs WHERE id = $1")
            .bind(id)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read a job"))?;
        Ok(requested.is_none_or(|requested| requested != 0))
    }

    /// How many jobs wait before this one.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn num_queued_before(&self, job: &Job) -> Result<i64> {
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND (created_at < $1 OR (created_at = $1 AND id < $2))",
        )
        .bind(job.created_at)
        .bind(&job.id)
        .fetch_one(self.reader())
        .await
        .map_err(ServiceError::database("count jobs"))
    }

    /// Ids of jobs that ended before a time, those that ended first in front.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn ended_before(&self, at: i64, limit: i64) -> Result<Vec<String>> {
        sqlx::query_scalar("SELECT id FROM jobs WHERE ended_at < $1 ORDER BY ended_at, id LIMIT $2")
            .bind(at)
            .bind(limit)
            .fetch_all(self.reader())
            .await
            .map_err(ServiceError::database("list jobs that ended"))
    }

    /// Bytes that all jobs take.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn total_stored_bytes(&self) -> Result<i64> {
        sqlx::query_scalar("SELECT CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) FROM jobs")
            .fetch_one(self.reader())
            .await
            .map_err(ServiceError::database("add up what jobs take"))
    }

    /// Number of jobs in each state.
    ///
    /// # Errors
    /// [`ServiceError`] if they can't be read.
    pub async fn num_jobs_by_state(&self) -> Result<Vec<(JobState, i64)>> {
        let rows: Vec<(String, i64)> = sqlx::query_as("SELECT state, COUNT(*) FROM jobs GROUP BY state")
            .fetch_all(self.reader())
            .await
            .map_err(ServiceError::database("count jobs"))?;
        let parse =
            |(state, count): (String, i64)| Ok((state.parse().map_err(ServiceError::bad_row::<String>("job"))?, count));
        rows.into_iter().map(parse).collect()
    }
}

/// A job within a transaction.
pub(super) async fn read(tx: &mut Tx, id: &str) -> Result<Job> {
    let row: Row = sqlx::query_as("SELECT * FROM jobs WHERE id = $1")
        .bind(id)
        .fetch_one(tx.db())
        .await
        .map_err(ServiceError::database("read a job"))?;
    row.try_into()
}
