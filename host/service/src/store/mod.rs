//! The service's state in SQLite or PostgreSQL, by the same statements.

pub mod api_keys;
pub mod artifacts;
pub mod events;
pub mod images;
pub mod job_changes;
pub mod jobs;
pub mod leases;
pub mod plugin_failures;
pub mod refresh_tokens;
#[cfg(test)]
pub(crate) mod testing;
pub mod uploads;
pub mod users;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, Executor, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};

use crate::error::{Result, ServiceError};

/// Changed jobs that a slow listener may be behind before it has to look at all of them.
const MAX_UNHEARD_CHANGES: usize = 1024;

/// A request waits so long for a connection that answers, and as long again for the one writer of SQLite: both are over
/// before the request is.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Connections that are held open.
const MAX_CONNECTIONS: u32 = 8;

/// The service's state.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    /// SQLite has one writer: those of this process queue up here, in order, instead of polling for its lock.
    writer: Option<Arc<Mutex<()>>>,
    changed: broadcast::Sender<String>,
}

/// A transaction that may write.
pub struct Tx {
    inner: Transaction<'static, Any>,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Tx {
    /// For `execute` and `fetch`.
    pub fn db(&mut self) -> &mut sqlx::AnyConnection {
        &mut self.inner
    }

    /// Makes everything in it last.
    ///
    /// # Errors
    /// [`ServiceError::Database`]; then nothing of it did.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await.map_err(ServiceError::database("commit"))
    }
}

impl Store {
    /// Opens `sqlite://FILE` (made where missing) or `postgres://...`, and makes or updates its tables.
    ///
    /// # Errors
    /// [`ServiceError`] if it can't be reached or is of a later version.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let is_sqlite = url.starts_with("sqlite:");
        let options: AnyConnectOptions = url.parse().map_err(ServiceError::database("read its URL"))?;
        let pool = AnyPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(MAX_WAIT)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if is_sqlite {
                        connection.execute(SQLITE_PRAGMAS).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(ServiceError::database("be opened"))?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Self { pool, writer: is_sqlite.then(Arc::default), changed: broadcast::channel(MAX_UNHEARD_CHANGES).0 })
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn begin(&self) -> Result<Tx> {
        let writer = match &self.writer {
            Some(writer) => {
                let locked = tokio::time::timeout(MAX_WAIT, Arc::clone(writer).lock_owned()).await;
                Some(locked.map_err(|_| ServiceError::database("begin a transaction")(sqlx::Error::PoolTimedOut))?)
            }
            None => None,
        };
        // taking the lock at once: one that is asked for later fails where somebody wrote in between
        let inner = match writer {
            Some(_) => self.pool.begin_with("BEGIN IMMEDIATE").await,
            None => self.pool.begin().await,
        };
        Ok(Tx { inner: inner.map_err(ServiceError::database("begin a transaction"))?, _writer: writer })
    }

    /// For statements that only read.
    #[must_use]
    pub fn reader(&self) -> &AnyPool {
        &self.pool
    }

    /// Ids of jobs as this process changes them; other processes' changes are not heard of here.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<String> {
        self.changed.subscribe()
    }

    fn tell_changed(&self, job_id: &str) {
        // an error says that nobody listens
        let _ = self.changed.send(job_id.to_owned());
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// [`ServiceError::Database`] with what it said.
    pub async fn check(&self) -> Result<()> {
        self.pool.execute("SELECT 1").await.map(drop).map_err(ServiceError::database("answer"))
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Write-ahead log with a flush at every commit: readers never wait, and a commit outlives a power cut.
const SQLITE_PRAGMAS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON;";
