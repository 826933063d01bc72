//! Jobs are made and changed: a change and the events that tell of it are one transaction.

use serde_json::Value;

use super::events::{self, JobEvent};
use super::jobs::{Job, JobImage, read};
use super::leases::{self, Lease};
use super::webhooks;
use super::{Store, Tx};
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};

/// A job to be made.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// In state `queued`, with `last_seq` 0.
    pub job: Job,
    /// Its images by name.
    pub images: Vec<JobImage>,
    /// Key under which the same request makes no second job.
    pub idempotency_key: Option<String>,
    /// sha256 of the request.
    pub request_sha256: String,
}

/// How many jobs there may be.
#[derive(Debug, Clone, Copy)]
pub struct JobLimits {
    /// Waiting, of everyone.
    pub max_queued: i64,
    /// Waiting or running, of one user.
    pub max_active_of_user: i64,
}

/// What became of a request for a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// It was made.
    Made(Box<Job>),
    /// The same request made this one before.
    Known(Box<Job>),
    /// The key was used for another request.
    KeyOfAnotherRequest,
    /// Too many wait.
    QueueFull {
        /// How many.
        num_queued: i64,
    },
    /// The user has too many.
    TooManyOfUser {
        /// How many.
        num_active: i64,
    },
}

impl Store {
    /// Makes a job, unless there are too many or its key made one already.
    ///
    /// # Errors
    /// [`ServiceError::Database`]; then there is none.
    pub async fn create_job(&self, new: NewJob, limits: JobLimits) -> Result<Creation> {
        let mut tx = self.begin().await?;
        lock_queue(&mut tx).await?;
        if let Some(key) = &new.idempotency_key
            && let Some(known) = creation_of_key(&mut tx, &new.job.user_id, key, &new.request_sha256).await?
        {
            return Ok(known);
        }
        let num_queued = count(&mut tx, "SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND $1 = $1", "").await?;
        if num_queued >= limits.max_queued {
            return Ok(Creation::QueueFull { num_queued });
        }
        let num_active = count(&mut tx, COUNT_ACTIVE_OF_USER, &new.job.user_id).await?;
        if num_active >= limits.max_active_of_user {
            return Ok(Creation::TooManyOfUser { num_active });
        }
        insert(&mut tx, &new).await?;
        let mut job = new.job;
        let created = JobEvent::state(&job);
        save(&mut tx, &mut job, vec![created]).await?;
        tx.commit().await?;
        self.tell_changed(&job.id);
        Ok(Creation::Made(Box::new(job)))
    }

    /// What a request with that key made before, if there was one.
    ///
    /// # Errors
    /// [`ServiceError`] if it can't be read.
    pub async fn creation_of_key(&self, user_id: &str, key: &str, request_sha256: &str) -> Result<Option<Creation>> {
        creation_of_key(&mut self.begin().await?, user_id, key, request_sha256).await
    }

    /// Changes a job: `edit` sees it as it is and returns the events that tell of the change; all of it is written, or
    /// nothing. With a lease, only while it is held.
    ///
    /// # Errors
    /// [`ServiceError::LeaseLost`], those of `edit`, or of the database; then the job is as it was.
    pub async fn change_job(
        &self,
        lease: Option<&Lease>,
        id: &str,
        edit: impl FnOnce(&mut Job) -> Result<Vec<JobEvent>> + Send,
    ) -> Result<Job> {
        let mut tx = self.begin().await?;
        if let Some(lease) = lease {
            leases::renew(&mut tx, lease).await?;
        }
        lock(&mut tx, id).await?;
        let mut job = read(&mut tx, id).await?;
        let had_ended = job.state.has_ended();
        let events = edit(&mut job)?;
        save(&mut tx, &mut job, events).await?;
        if let Some(url) = job.webhook_url.as_deref().filter(|_| job.state.has_ended() && !had_ended) {
            webhooks::insert(&mut tx, &job, url).await?;
        }
        tx.commit().await?;
        self.tell_changed(id);
        Ok(job)
    }

    /// Removes a job with its events and the rows of its artifacts.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] if it has not ended.
    pub async fn delete_job(&self, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        lock(&mut tx, id).await?;
        let job = read(&mut tx, id).await?;
        if !job.state.has_ended() {
            return Err(ServiceError::WrongState { state: job.state.to_string(), expected: "one that has ended" });
        }
        // SQLite and PostgreSQL remove what refers to it
        sqlx::query("DELETE FROM jobs WHERE id = $1")
            .bind(id)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("delete a job"))?;
        tx.commit().await
    }
}

const COUNT_ACTIVE_OF_USER: &str =
    "SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'checking', 'running') AND user_id = $1";

/// An update that changes nothing holds the row in both databases until the end of the transaction.
async fn lock_queue(tx: &mut Tx) -> Result<()> {
    sqlx::query("UPDATE leases SET renewed_at = renewed_at WHERE name = 'queue'")
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("lock the queue"))
}

async fn lock(tx: &mut Tx, id: &str) -> Result<()> {
    sqlx::query("UPDATE jobs SET last_seq = last_seq WHERE id = $1")
        .bind(id)
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("lock a job"))
}

async fn count(tx: &mut Tx, statement: &'static str, parameter: &str) -> Result<i64> {
    sqlx::query_scalar(statement).bind(parameter).fetch_one(tx.db()).await.map_err(ServiceError::database("count jobs"))
}

async fn creation_of_key(tx: &mut Tx, user_id: &str, key: &str, request_sha256: &str) -> Result<Option<Creation>> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT id, request_sha256 FROM jobs WHERE user_id = $1 AND idempotency_key = $2")
            .bind(user_id)
            .bind(key)
            .fetch_optional(tx.db())
            .await
            .map_err(ServiceError::database("look for an idempotency key"))?;
    Ok(match row {
        None => None,
        Some((id, of_known)) if of_known == request_sha256 => Some(Creation::Known(Box::new(read(tx, &id).await?))),
        Some(_) => Some(Creation::KeyOfAnotherRequest),
    })
}

async fn insert(tx: &mut Tx, NewJob { job, images, idempotency_key, request_sha256 }: &NewJob) -> Result<()> {
    sqlx::query(
        "INSERT INTO jobs (id, user_id, state, config_name, config_toml, webhook_url, idempotency_key, request_sha256, \
         retry_of, created_at, tracker, num_images, num_bytes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '{}', $11, $12)",
    )
    .bind(&job.id)
    .bind(&job.user_id)
    .bind(job.state.name())
    .bind(&job.config_name)
    .bind(&job.config_toml)
    .bind(&job.webhook_url)
    .bind(idempotency_key)
    .bind(request_sha256)
    .bind(&job.retry_of)
    .bind(job.created_at)
    .bind(job.num_images)
    .bind(job.num_bytes)
    .execute(tx.db())
    .await
    .map_err(ServiceError::database("add a job"))?;
    for (position, image) in images.iter().enumerate() {
        sqlx::query("INSERT INTO job_images (job_id, position, name, sha256) VALUES ($1, $2, $3, $4)")
            .bind(&job.id)
            .bind(position as i64)
            .bind(&image.name)
            .bind(&image.sha256)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("add a job's images"))?;
    }
    Ok(())
}

async fn save(tx: &mut Tx, job: &mut Job, told: Vec<JobEvent>) -> Result<()> {
    let at = now_ms();
    for event in told {
        job.last_seq += 1;
        events::insert(tx, job, at, &event).await?;
    }
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let written = |error: serde_json::Error| ServiceError::Internal(format!("a job can't be written: {error}"));
    sqlx::query(
        "UPDATE jobs SET state = $2, stage = $3, started_at = $4, ended_at = $5, attempts = $6, worker_deaths = $7, \
         cancel_requested = $8, last_seq = $9, tracker = $10, drift = $11, outcome = $12, failure = $13, \
         stored_bytes = $14 WHERE id = $1",
    )
    .bind(&job.id)
    .bind(job.state.name())
    .bind(&job.stage)
    .bind(job.started_at)
    .bind(job.ended_at)
    .bind(job.attempts)
    .bind(job.worker_deaths)
    .bind(i64::from(job.cancel_requested))
    .bind(job.last_seq)
    .bind(serde_json::to_string(&job.tracker).map_err(written)?)
    .bind(json(&job.drift))
    .bind(json(&job.outcome))
    .bind(job.failure.as_ref().map(serde_json::to_string).transpose().map_err(written)?)
    .bind(job.stored_bytes)
    .execute(tx.db())
    .await
    .map(drop)
    .map_err(ServiceError::database("change a job"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: JobLimits = JobLimits { max_queued: 3, max_active_of_user: 2 };

    async fn store(folder: &std::path::Path) -> Store {
        let store = Store::open(&format!("sqlite://{}?mode=rwc", folder.join("s.sqlite3").display())).await.unwrap();
        for user in ["a", "b"] {
            crate::store::testing::add_user(&store, user).await;
        }
        store
    }

    fn new_job(user: &str, key: Option<&str>, request: &str) -> NewJob {
        let job = Job { user_id: user.to_owned(), ..Job::queued("a+b", "") };
        let (idempotency_key, request_sha256) = (key.map(str::to_owned), request.to_owned());
        NewJob { job, images: Vec::new(), idempotency_key, request_sha256 }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn one_key_makes_one_job_however_many_ask_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let ask = |_| {
            let store = store.clone();
            tokio::spawn(async move { store.create_job(new_job("a", Some("k"), "same"), LIMITS).await.unwrap() })
        };
        let mut made = 0;
        let mut ids = std::collections::BTreeSet::new();
        for asked in (0..50).map(ask).collect::<Vec<_>>() {
            match asked.await.unwrap() {
                Creation::Made(job) => {
                    made += 1;
                    ids.insert(job.id);
                }
                Creation::Known(job) => drop(ids.insert(job.id)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((made, ids.len()), (1, 1));
        let other = store.create_job(new_job("a", Some("k"), "other"), LIMITS).await.unwrap();
        assert_eq!(other, Creation::KeyOfAnotherRequest);
        assert!(matches!(
            store.create_job(new_job("b", Some("k"), "same"), LIMITS).await.unwrap(),
            Creation::Made(job) if !ids.contains(&job.id)
        ));
    }

    #[tokio::test]
    async fn too_many_jobs_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let create = async |user| store.create_job(new_job(user, None, ""), LIMITS).await.unwrap();
        assert!(matches!(create("a").await, Creation::Made(_)));
        assert!(matches!(create("a").await, Creation::Made(_)));
        assert_eq!(create("a").await, Creation::TooManyOfUser { num_active: 2 });
        assert!(matches!(create("b").await, Creation::Made(_)));
        assert_eq!(create("b").await, Creation::QueueFull { num_queued: 3 });
    }

    #[tokio::test]
    async fn a_change_and_its_events_are_written_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let Creation::Made(job) = store.create_job(new_job("a", None, ""), LIMITS).await.unwrap() else { panic!() };
        let taken = store.change_job(None, &job.id, Job::take).await.unwrap();
        assert!(store.change_job(None, &job.id, Job::take).await.is_err());
        assert_eq!(store.job(&job.id).await.unwrap().unwrap(), taken);
        let seqs = store.events_after(&job.id, 0, 10).await.unwrap();
        assert_eq!(
            seqs.iter().map(|event| (event.seq, event.kind.as_str())).collect::<Vec<_>>(),
            [(1, "state"), (2, "state")]
        );
        assert_eq!(store.events_after(&job.id, 1, 10).await.unwrap(), seqs[1..]);
    }

    #[tokio::test]
    async fn who_lost_the_lease_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let Creation::Made(job) = store.create_job(new_job("a", None, ""), LIMITS).await.unwrap() else { panic!() };
        let lease = store.take_worker_lease().await.unwrap();
        assert!(matches!(store.take_worker_lease().await, Err(ServiceError::WorkerHeld { .. })));
        store.release_lease(&lease).await.unwrap();
        let newer = store.take_worker_lease().await.unwrap();
        let refused = store.change_job(Some(&lease), &job.id, Job::take).await;
        assert!(matches!(refused, Err(ServiceError::LeaseLost)));
        store.change_job(Some(&newer), &job.id, Job::take).await.unwrap();
    }
}
