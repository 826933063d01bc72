//! Artifacts of jobs: a name is looked up here and never becomes part of a path.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::Store;
use crate::error::{Result, ServiceError};

/// A file that a job wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Artifact {
    /// E.g. `model/points3D.bin`.
    pub name: String,
    /// Size of the file.
    pub bytes: i64,
    /// Lower-case hex.
    pub sha256: String,
    /// E.g. `application/json`.
    pub media_type: String,
    /// Where it is in the object store.
    pub object_key: String,
}

impl Store {
    /// Keeps an artifact of a job, in place of an earlier one of its name.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn put_artifact(&self, job_id: &str, artifact: &Artifact) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO artifacts (job_id, name, bytes, sha256, media_type, object_key) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (job_id, name) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, \
             media_type = excluded.media_type, object_key = excluded.object_key",
        )
        .bind(job_id)
        .bind(&artifact.name)
        .bind(artifact.bytes)
        .bind(&artifact.sha256)
        .bind(&artifact.media_type)
        .bind(&artifact.object_key)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("keep an artifact"))?;
        tx.commit().await
    }

    /// The artifacts of a job, by name.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn artifacts(&self, job_id: &str) -> Result<Vec<Artifact>> {
        sqlx::query_as(
            "SELECT name, bytes, sha256, media_type, object_key FROM artifacts WHERE job_id = $1 ORDER BY name",
        )
        .bind(job_id)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list artifacts"))
    }

    /// One artifact of a job.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn artifact(&self, job_id: &str, name: &str) -> Result<Option<Artifact>> {
        sqlx::query_as(
            "SELECT name, bytes, sha256, media_type, object_key FROM artifacts WHERE job_id = $1 AND name = $2",
        )
        .bind(job_id)
        .bind(name)
        .fetch_optional(self.reader())
        .await
        .map_err(ServiceError::database("read an artifact"))
    }
}
