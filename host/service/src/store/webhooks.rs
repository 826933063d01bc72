//! Calls that tell the end of jobs: written with the end itself, so that none is forgotten, and kept until they succeed.

use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use sqlx::FromRow;

use super::jobs::Job;
use super::{Store, Tx};
use crate::clock::{now_ms, rfc3339};
use crate::error::{Result, ServiceError};
use crate::ids::new_id;

/// A call that is due, or was.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Delivery {
    /// `hook_...`, the same in every attempt.
    pub id: String,
    /// The job that ended.
    pub job_id: String,
    /// Whose it is.
    pub user_id: String,
    /// Whom to tell.
    pub url: String,
    /// What, as JSON.
    pub body: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_attempt_at: i64,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When the job ended.
    pub created_at: i64,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It was answered with 2xx.
    Delivered,
    /// It was not, and is tried again then.
    Again {
        /// When.
        at: i64,
        /// Why.
        error: String,
    },
    /// It was not, and is given up.
    Dead {
        /// Why.
        error: String,
    },
}

/// The signature of a body at a time (s since the epoch): hex HMAC-SHA256 of `TIME.BODY`, so that an old call can't be
/// sent again as a new one.
#[must_use]
pub fn signature(secret: &str, at_secs: i64, body: &str) -> String {
    // a key of any length is taken
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{at_secs}.").as_bytes());
    mac.update(body.as_bytes());
    let digest = mac.finalize().into_bytes();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Store {
    /// Calls that are due, oldest first, each with the secret of its user.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn due_deliveries(&self, limit: i64) -> Result<Vec<(Delivery, String)>> {
        let due: Vec<Delivery> = sqlx::query_as(
            "SELECT * FROM webhook_deliveries WHERE state = 'pending' AND next_attempt_at <= $1 \
             ORDER BY next_attempt_at, id LIMIT $2",
        )
        .bind(now_ms())
        .bind(limit)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list webhook deliveries"))?;
        let mut with_secrets = Vec::with_capacity(due.len());
        for delivery in due {
            let secret = self.webhook_secret(&delivery.user_id).await?;
            with_secrets.push((delivery, secret.unwrap_or_default()));
        }
        Ok(with_secrets)
    }

    /// Calls of a user (empty: of all) in a state (empty: in any), youngest first.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn deliveries(&self, user_id: &str, state: &str, limit: i64) -> Result<Vec<Delivery>> {
        sqlx::query_as(
            "SELECT * FROM webhook_deliveries WHERE ($1 = '' OR user_id = $1) AND ($2 = '' OR state = $2) \
             ORDER BY id DESC LIMIT $3",
        )
        .bind(user_id)
        .bind(state)
        .bind(limit)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list webhook deliveries"))
    }

    /// A call by its id.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>> {
        sqlx::query_as("SELECT * FROM webhook_deliveries WHERE id = $1")
            .bind(id)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read a webhook delivery"))
    }

    /// Writes what became of an attempt.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn note_attempt(&self, id: &str, attempt: &Attempt) -> Result<()> {
        let (state, at, error) = match attempt {
            Attempt::Delivered => ("delivered", 0, None),
            Attempt::Again { at, error } => ("pending", *at, Some(error.as_str())),
            Attempt::Dead { error } => ("dead", 0, Some(error.as_str())),
        };
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE webhook_deliveries SET state = $2, next_attempt_at = $3, last_error = $4, attempts = attempts + 1 \
             WHERE id = $1",
        )
        .bind(id)
        .bind(state)
        .bind(at)
        .bind(error)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("note a webhook delivery"))?;
        tx.commit().await
    }

    /// Makes a dead call due again.
    ///
    /// # Errors
    /// [`ServiceError::WrongState`] if it is not dead.
    pub async fn revive_delivery(&self, id: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let revived = sqlx::query(
            "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, next_attempt_at = 0 \
             WHERE id = $1 AND state = 'dead'",
        )
        .bind(id)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("revive a webhook delivery"))?;
        if revived.rows_affected() == 0 {
            return Err(ServiceError::WrongState { state: "not dead".to_owned(), expected: "a delivery that is dead" });
        }
        tx.commit().await
    }
}

/// Writes the call that tells of a job's end.
pub(super) async fn insert(tx: &mut Tx, job: &Job, url: &str) -> Result<()> {
    let (id, now) = (new_id("hook"), now_ms());
    let body = json!({
        "event": "job.ended",
        "delivery": id,
        "job": {
            "id": job.id,
            "state": job.state,
            "config": job.config_name,
            "created_at": rfc3339(job.created_at),
            "ended_at": job.ended_at.map(rfc3339),
            "statistics": job.outcome.as_ref().and_then(|outcome| outcome.get("statistics")),
            "failure": job.failure,
        },
    });
    sqlx::query(
        "INSERT INTO webhook_deliveries (id, job_id, user_id, url, body, state, next_attempt_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, 'pending', $6, $6)",
    )
    .bind(&id)
    .bind(&job.id)
    .bind(&job.user_id)
    .bind(url)
    .bind(body.to_string())
    .bind(now)
    .execute(tx.db())
    .await
    .map(drop)
    .map_err(ServiceError::database("write a webhook delivery"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_openssl_makes() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expected = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
        assert_eq!(signature("secret", 1_700_000_000, r#"{"a":1}"#), expected);
        assert_ne!(signature("secret", 1_700_000_001, r#"{"a":1}"#), expected);
    }
}
