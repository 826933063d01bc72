//! What happened to jobs, as those who watch are told: numbered from 1 without gaps, in the order of commits.

use serde_json::{Value, json};
use sqlx::FromRow;

use super::jobs::Job;
use super::{Store, Tx};
use crate::error::{Result, ServiceError};

/// Something that happened to a job, before it has a number.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEvent {
    /// `state`, `stage_started`, `progress`, ...
    pub kind: &'static str,
    /// What.
    pub body: Value,
}

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Counts from 1.
    pub seq: i64,
    /// When.
    pub at: i64,
    /// `state`, `stage_started`, `progress`, ...
    pub kind: String,
    /// What, as JSON.
    pub body: String,
}

/// Kind of the events that tell a job's state.
pub const STATE: &str = "state";

impl JobEvent {
    /// Of a kind.
    #[must_use]
    pub fn new(kind: &'static str, body: Value) -> Self {
        Self { kind, body }
    }

    /// The state that a job is in now.
    #[must_use]
    pub fn state(job: &Job) -> Self {
        Self::new(STATE, json!({ "state": job.state, "attempt": job.attempts, "failure": job.failure }))
    }
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    at: i64,
    kind: String,
    body: String,
}

impl From<Row> for StoredEvent {
    fn from(Row { seq, at, kind, body }: Row) -> Self {
        Self { seq, at, kind, body }
    }
}

impl Store {
    /// The events of a job behind one of them (0: all), at most `limit`, in order.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn events_after(&self, job_id: &str, seq: i64, limit: i64) -> Result<Vec<StoredEvent>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT seq, at, kind, body FROM job_events WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(job_id)
        .bind(seq)
        .bind(limit)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("read events"))?;
        Ok(rows.into_iter().map(StoredEvent::from).collect())
    }
}

pub(super) async fn insert(tx: &mut Tx, job: &Job, at: i64, event: &JobEvent) -> Result<()> {
    sqlx::query("INSERT INTO job_events (job_id, seq, at, kind, body) VALUES ($1, $2, $3, $4, $5)")
        .bind(&job.id)
        .bind(job.last_seq)
        .bind(at)
        .bind(event.kind)
        .bind(event.body.to_string())
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("write an event"))
}
