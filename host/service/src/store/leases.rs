//! Who runs the jobs of a store: one process at a time, known by its host, its number and when it started.

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::{Store, Tx};
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};

/// A holder that was not heard of for so long is taken to be gone.
pub const STALE_AFTER_MS: i64 = 15_000;

/// How often a holder is heard of.
pub const RENEW_EVERY_MS: u64 = 2_000;

const WORKER: &str = "worker";

/// The right to run jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    holder: String,
}

/// A process, so that another one of its host can tell whether it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    host: String,
    pid: u32,
    /// Ticks since the host started, from `/proc`; none where the system does not tell.
    started: Option<u64>,
    /// Tells two leases of one process apart.
    id: String,
}

impl Store {
    /// Takes the right to run jobs.
    ///
    /// # Errors
    /// [`ServiceError::WorkerHeld`] with its holder.
    pub async fn take_worker_lease(&self) -> Result<Lease> {
        let me = Holder::me();
        let holder = serde_json::to_string(&me).map_err(ServiceError::bad_row("lease"))?;
        let mut tx = self.begin().await?;
        // one that is only read could be taken by two at once
        sqlx::query("INSERT INTO leases (name, holder, renewed_at) VALUES ($1, '', 0) ON CONFLICT (name) DO NOTHING")
            .bind(WORKER)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("take the lease"))?;
        sqlx::query("UPDATE leases SET renewed_at = renewed_at WHERE name = $1")
            .bind(WORKER)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("lock the lease"))?;
        let (held_by, renewed_at): (String, i64) =
            sqlx::query_as("SELECT holder, renewed_at FROM leases WHERE name = $1")
                .bind(WORKER)
                .fetch_one(tx.db())
                .await
                .map_err(ServiceError::database("read the lease"))?;
        if let Ok(other) = serde_json::from_str::<Holder>(&held_by)
            && now_ms() - renewed_at < STALE_AFTER_MS
            && !other.is_gone(&me)
        {
            return Err(ServiceError::WorkerHeld { holder: other.described() });
        }
        sqlx::query("UPDATE leases SET holder = $2, renewed_at = $3 WHERE name = $1")
            .bind(WORKER)
            .bind(&holder)
            .bind(now_ms())
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("take the lease"))?;
        tx.commit().await?;
        Ok(Lease { holder })
    }

    /// Says that the holder still lives.
    ///
    /// # Errors
    /// [`ServiceError::LeaseLost`] if another process took over.
    pub async fn renew_lease(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.begin().await?;
        renew(&mut tx, lease).await?;
        tx.commit().await
    }

    /// Gives the right to run jobs back.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn release_lease(&self, lease: &Lease) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE leases SET holder = '', renewed_at = 0 WHERE name = $1 AND holder = $2")
            .bind(WORKER)
            .bind(&lease.holder)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("release the lease"))?;
        tx.commit().await
    }

    /// Who runs jobs, for people; `None` if nobody was heard of lately.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn worker_holder(&self) -> Result<Option<String>> {
        let row: Option<(String, i64)> = sqlx::query_as("SELECT holder, renewed_at FROM leases WHERE name = $1")
            .bind(WORKER)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read the lease"))?;
        let fresh = row.filter(|(_, renewed_at)| now_ms() - renewed_at < STALE_AFTER_MS);
        Ok(fresh.and_then(|(holder, _)| serde_json::from_str(&holder).ok()).map(|holder: Holder| holder.described()))
    }
}

/// Says within a transaction that the holder still lives; what the transaction writes holds only if it does.
pub(super) async fn renew(tx: &mut Tx, lease: &Lease) -> Result<()> {
    let renewed = sqlx::query("UPDATE leases SET renewed_at = $3 WHERE name = $1 AND holder = $2")
        .bind(WORKER)
        .bind(&lease.holder)
        .bind(now_ms())
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("renew the lease"))?;
    if renewed.rows_affected() == 1 { Ok(()) } else { Err(ServiceError::LeaseLost) }
}

impl Holder {
    fn me() -> Self {
        let pid = std::process::id();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { host, pid, started: started(pid), id: crate::ids::new_id("lease") }
    }

    fn described(&self) -> String {
        format!("process {} of host {}", self.pid, self.host)
    }

    /// Whether it is a process of this host that ended; its number may belong to another one by now.
    fn is_gone(&self, me: &Self) -> bool {
        if self.host != me.host {
            return false;
        }
        let lives = i32::try_from(self.pid).ok().and_then(Pid::from_raw).is_some_and(|pid| {
            // a process that may not be signalled lives too
            test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
        });
        !lives || started(self.pid) != self.started
    }
}

/// Field 22 of `/proc/PID/stat` (proc(5)); the name before it may hold spaces and brackets.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_when_it_started() {
        let me = Holder::me();
        assert!(!me.is_gone(&me));
        let reused = Holder { started: Some(1), ..me.clone() };
        assert!(reused.is_gone(&me));
        let elsewhere = Holder { host: "another".to_owned(), ..reused };
        assert!(!elsewhere.is_gone(&me));
    }
}
