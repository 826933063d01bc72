//! Images by their sha256: kept once, seen by those who uploaded them.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{Store, Tx};
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};

/// An image file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Image {
    /// Lower-case hex.
    pub sha256: String,
    /// Size of the file.
    pub bytes: i64,
    /// Pixels, as stored.
    pub width: i64,
    /// Pixels, as stored.
    pub height: i64,
    /// What the drift check compares, as JSON.
    pub statistics: String,
    /// When it was first received.
    pub created_at: i64,
}

/// Images and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct ImageUse {
    /// Images.
    pub num_images: i64,
    /// Bytes of their files.
    pub num_bytes: i64,
}

impl Image {
    /// Where its file is in the object store.
    #[must_use]
    pub fn object_key(&self) -> String {
        object_key(&self.sha256)
    }
}

/// Where the file of an image is in the object store.
#[must_use]
pub fn object_key(sha256: &str) -> String {
    format!("images/{}/{sha256}", &sha256[..2.min(sha256.len())])
}

impl Store {
    /// An image, whoever may see it.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn image(&self, sha256: &str) -> Result<Option<Image>> {
        sqlx::query_as("SELECT sha256, bytes, width, height, statistics, created_at FROM images WHERE sha256 = $1")
            .bind(sha256)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read an image"))
    }

    /// The images of a user (empty: of all) behind one of them (empty: from the first), by sha256.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn images_of_user(&self, user_id: &str, after: &str, limit: i64) -> Result<Vec<Image>> {
        sqlx::query_as(
            "SELECT sha256, bytes, width, height, statistics, created_at FROM images WHERE sha256 > $2 AND ($1 = '' OR \
             EXISTS (SELECT 1 FROM user_images WHERE user_images.sha256 = images.sha256 AND user_id = $1)) \
             ORDER BY sha256 LIMIT $3",
        )
        .bind(user_id)
        .bind(after)
        .bind(limit)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list images"))
    }

    /// Those of some images that a user may not see, or that are not there.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn images_not_of_user(&self, user_id: &str, sha256s: &[String]) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for sha256 in sha256s {
            let found: Option<i64> =
                sqlx::query_scalar("SELECT created_at FROM user_images WHERE user_id = $1 AND sha256 = $2")
                    .bind(user_id)
                    .bind(sha256)
                    .fetch_optional(self.reader())
                    .await
                    .map_err(ServiceError::database("look for an image"))?;
            if found.is_none() {
                missing.push(sha256.clone());
            }
        }
        Ok(missing)
    }

    /// Whether a user may see all of these images.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn user_has_images(&self, user_id: &str, sha256s: &[String]) -> Result<bool> {
        self.images_not_of_user(user_id, sha256s).await.map(|missing| missing.is_empty())
    }

    /// What a user's images take.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn image_use_of(&self, user_id: &str) -> Result<ImageUse> {
        sqlx::query_as(IMAGE_USE)
            .bind(user_id)
            .fetch_one(self.reader())
            .await
            .map_err(ServiceError::database("count a user's images"))
    }

    /// Images that no upload, job or user refers to, at most `limit`.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn unused_images(&self, limit: i64) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT sha256 FROM images WHERE NOT EXISTS (SELECT 1 FROM user_images WHERE sha256 = images.sha256) \
             AND NOT EXISTS (SELECT 1 FROM upload_images WHERE sha256 = images.sha256) \
             AND NOT EXISTS (SELECT 1 FROM job_images WHERE sha256 = images.sha256) LIMIT $1",
        )
        .bind(limit)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("look for unused images"))
    }

    /// Removes an image that nothing refers to: `remove_file` is called while nobody can begin to refer to it; whoever
    /// receives it later sees that the file is gone.
    ///
    /// # Errors
    /// [`ServiceError::Database`], those of `remove_file`; then the image is still there, with or without its file.
    pub async fn remove_unused_image(&self, sha256: &str, remove_file: impl Future<Output = Result<()>>) -> Result<()> {
        let mut tx = self.begin().await?;
        let removed = sqlx::query(
            "DELETE FROM images WHERE sha256 = $1 \
             AND NOT EXISTS (SELECT 1 FROM user_images WHERE sha256 = $1) \
             AND NOT EXISTS (SELECT 1 FROM upload_images WHERE sha256 = $1) \
             AND NOT EXISTS (SELECT 1 FROM job_images WHERE sha256 = $1)",
        )
        .bind(sha256)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("remove an image"))?;
        if removed.rows_affected() == 1 {
            remove_file.await?;
        }
        tx.commit().await
    }
}

const IMAGE_USE: &str = "SELECT COUNT(*) AS num_images, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS num_bytes FROM images \
     WHERE sha256 IN (SELECT sha256 FROM user_images WHERE user_id = $1)";

/// As [`Store::image_use_of`], with what the transaction wrote.
pub(super) async fn use_of(tx: &mut Tx, user_id: &str) -> Result<ImageUse> {
    let counted = sqlx::query_as(IMAGE_USE).bind(user_id).fetch_one(tx.db()).await;
    counted.map_err(ServiceError::database("count a user's images"))
}

/// Writes an image where it is not yet.
pub(super) async fn insert(tx: &mut Tx, image: &Image) -> Result<()> {
    sqlx::query(
        "INSERT INTO images (sha256, bytes, width, height, statistics, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(&image.sha256)
    .bind(image.bytes)
    .bind(image.width)
    .bind(image.height)
    .bind(&image.statistics)
    .bind(image.created_at)
    .execute(tx.db())
    .await
    .map(drop)
    .map_err(ServiceError::database("add an image"))
}

/// Lets a user see the images of one of his uploads.
pub(super) async fn give(tx: &mut Tx, user_id: &str, upload_id: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO user_images (user_id, sha256, created_at) \
         SELECT DISTINCT $1, sha256, CAST($3 AS BIGINT) FROM upload_images WHERE upload_id = $2 \
         ON CONFLICT (user_id, sha256) DO NOTHING",
    )
    .bind(user_id)
    .bind(upload_id)
    .bind(now_ms())
    .execute(tx.db())
    .await
    .map(drop)
    .map_err(ServiceError::database("give images to a user"))
}

/// Takes those images of an upload from its user that are in no other upload of his.
pub(super) async fn take_back(tx: &mut Tx, user_id: &str, upload_id: &str) -> Result<()> {
    sqlx::query(
        "DELETE FROM user_images WHERE user_id = $1 \
         AND sha256 IN (SELECT sha256 FROM upload_images WHERE upload_id = $2) \
         AND sha256 NOT IN (SELECT upload_images.sha256 FROM upload_images \
         JOIN uploads ON uploads.id = upload_images.upload_id \
         WHERE uploads.user_id = $1 AND uploads.id <> $2 AND uploads.state = 'ready')",
    )
    .bind(user_id)
    .bind(upload_id)
    .execute(tx.db())
    .await
    .map(drop)
    .map_err(ServiceError::database("take images from a user"))
}
