//! Uploads: what was announced, how much of it is here, what became of it.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::images::{self, Image};
use super::{Store, Tx};
use crate::clock::now_ms;
use crate::config::QuotasSection;
use crate::error::{Result, ServiceError};
use crate::uploads::refusal::{Refusal, RefusalCode};
use crate::uploads::state::{UploadDetails, UploadState};

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// `upload_...`
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// As its sender calls it; a label.
    pub filename: String,
    /// What else is known of it.
    pub details: UploadDetails,
    /// Bytes that will come, if that was said.
    pub declared_bytes: Option<i64>,
    /// Bytes that are here to stay.
    pub received_bytes: i64,
    /// Where it is in its life.
    pub state: UploadState,
    /// Why it was refused.
    pub problem: Option<Refusal>,
    /// When it was announced.
    pub created_at: i64,
    /// When it is dropped if it is not finished.
    pub expires_at: i64,
}

/// An image of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct UploadImage {
    /// As its sender calls it; a label.
    pub name: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Size of the file.
    pub bytes: i64,
    /// Pixels, as stored.
    pub width: i64,
    /// Pixels, as stored.
    pub height: i64,
}

#[derive(FromRow)]
struct Row {
    id: String,
    user_id: String,
    filename: String,
    metadata: String,
    declared_bytes: Option<i64>,
    received_bytes: i64,
    state: String,
    problem: Option<String>,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<Row> for Upload {
    type Error = ServiceError;

    fn try_from(row: Row) -> Result<Self> {
        let bad = || ServiceError::bad_row("upload");
        Ok(Self {
            details: serde_json::from_str(&row.metadata).map_err(bad())?,
            state: row.state.parse().map_err(ServiceError::bad_row::<String>("upload"))?,
            problem: row.problem.as_deref().map(serde_json::from_str).transpose().map_err(bad())?,
            id: row.id,
            user_id: row.user_id,
            filename: row.filename,
            declared_bytes: row.declared_bytes,
            received_bytes: row.received_bytes,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

impl Store {
    /// Makes an upload, if its user has room for what it declares.
    ///
    /// # Errors
    /// [`RefusalCode::QuotaExceeded`], [`ServiceError::Database`]; then there is none.
    pub async fn create_upload(&self, upload: &Upload, quotas: QuotasSection) -> Result<()> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, &upload.user_id).await?;
        let used = used_bytes(&mut tx, &upload.user_id).await?;
        check_quota(used, upload.declared_bytes.unwrap_or_default(), quotas.max_bytes)?;
        insert(&mut tx, upload).await?;
        tx.commit().await
    }

    /// An upload by its id.
    ///
    /// # Errors
    /// [`ServiceError`] if it can't be read.
    pub async fn upload(&self, id: &str) -> Result<Option<Upload>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM uploads WHERE id = $1")
            .bind(id)
            .fetch_optional(self.reader())
            .await
            .map_err(ServiceError::database("read an upload"))?;
        row.map(Upload::try_from).transpose()
    }

    /// Uploads of a user (empty: of all) older than one of them (empty: from the youngest), youngest first.
    ///
    /// # Errors
    /// [`ServiceError`] if they can't be read.
    pub async fn uploads_of_user(&self, user_id: &str, before_id: &str, limit: i64) -> Result<Vec<Upload>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM uploads WHERE ($1 = '' OR user_id = $1) AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3",
        )
        .bind(user_id)
        .bind(before_id)
        .bind(limit)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list uploads"))?;
        rows.into_iter().map(Upload::try_from).collect()
    }

    /// The uploads in a state that expired before a time, oldest first.
    ///
    /// # Errors
    /// [`ServiceError`] if they can't be read.
    pub async fn uploads_in(&self, state: UploadState, expired_before: i64) -> Result<Vec<Upload>> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM uploads WHERE state = $1 AND expires_at < $2 ORDER BY id")
            .bind(state.name())
            .bind(expired_before)
            .fetch_all(self.reader())
            .await
            .map_err(ServiceError::database("list uploads"))?;
        rows.into_iter().map(Upload::try_from).collect()
    }

    /// Bytes that a user may still send.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn free_bytes_of(&self, user_id: &str, quotas: QuotasSection) -> Result<u64> {
        let mut tx = self.begin().await?;
        let used = used_bytes(&mut tx, user_id).await?;
        Ok(u64::try_from(quotas.max_bytes.saturating_sub(used)).unwrap_or_default())
    }

    /// Changes an upload that is in a state; `edit` sees it as it is.
    ///
    /// # Errors
    /// [`ServiceError::WrongUploadState`] if it is in another one or gone, those of the database.
    pub async fn change_upload(
        &self,
        id: &str,
        from: UploadState,
        edit: impl FnOnce(&mut Upload) + Send,
    ) -> Result<Upload> {
        let mut tx = self.begin().await?;
        let mut upload = lock(&mut tx, id, from).await?;
        edit(&mut upload);
        save(&mut tx, &upload).await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Keeps an image of an upload; from then on the image is referred to.
    ///
    /// # Errors
    /// [`ServiceError::WrongUploadState`] if the upload is not being checked, those of the database.
    pub async fn add_upload_image(&self, upload_id: &str, name: &str, image: &Image) -> Result<()> {
        let mut tx = self.begin().await?;
        lock(&mut tx, upload_id, UploadState::Checking).await?;
        images::insert(&mut tx, image).await?;
        sqlx::query(
            "INSERT INTO upload_images (upload_id, name, sha256) VALUES ($1, $2, $3) ON CONFLICT (upload_id, name) \
             DO UPDATE SET sha256 = excluded.sha256",
        )
        .bind(upload_id)
        .bind(name)
        .bind(&image.sha256)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("add an image to an upload"))?;
        tx.commit().await
    }

    /// Makes an upload ready: its user sees its images from then on.
    ///
    /// # Errors
    /// [`RefusalCode::QuotaExceeded`] if he has no room for them, [`ServiceError::WrongUploadState`], those of the database.
    pub async fn finish_upload(&self, id: &str, details: UploadDetails, quotas: QuotasSection) -> Result<Upload> {
        let mut tx = self.begin().await?;
        let mut upload = lock(&mut tx, id, UploadState::Checking).await?;
        lock_user(&mut tx, &upload.user_id).await?;
        upload.state = UploadState::Ready;
        upload.details = details;
        save(&mut tx, &upload).await?;
        images::give(&mut tx, &upload.user_id, id).await?;
        // its staged bytes count no more, its images do
        check_quota(used_bytes(&mut tx, &upload.user_id).await?, 0, quotas.max_bytes)?;
        let num_images = images::use_of(&mut tx, &upload.user_id).await?.num_images;
        if num_images > quotas.max_images {
            let detail = format!("{num_images} images, expected at most {}", quotas.max_images);
            return Err(Refusal::new(RefusalCode::QuotaExceeded, detail).into());
        }
        tx.commit().await?;
        Ok(upload)
    }

    /// The images of an upload, by name.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn images_of_upload(&self, upload_id: &str) -> Result<Vec<UploadImage>> {
        sqlx::query_as(
            "SELECT name, images.sha256 AS sha256, bytes, width, height FROM upload_images \
             JOIN images ON images.sha256 = upload_images.sha256 WHERE upload_id = $1 ORDER BY name",
        )
        .bind(upload_id)
        .fetch_all(self.reader())
        .await
        .map_err(ServiceError::database("list an upload's images"))
    }

    /// Ends an upload that is in a state otherwise than well; its images are referred to no more.
    ///
    /// # Errors
    /// [`ServiceError::WrongUploadState`], those of the database.
    pub async fn end_upload(
        &self,
        id: &str,
        from: UploadState,
        to: UploadState,
        problem: Option<Refusal>,
    ) -> Result<Upload> {
        let mut tx = self.begin().await?;
        let mut upload = lock(&mut tx, id, from).await?;
        (upload.state, upload.problem) = (to, problem);
        save(&mut tx, &upload).await?;
        forget_images(&mut tx, &upload).await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Removes an upload with its rows; its user no longer sees images that are in no other upload of his.
    ///
    /// # Errors
    /// [`ServiceError::WrongUploadState`] if it is being checked, those of the database.
    pub async fn delete_upload(&self, id: &str, state: UploadState) -> Result<()> {
        let mut tx = self.begin().await?;
        let upload = lock(&mut tx, id, state).await?;
        forget_images(&mut tx, &upload).await?;
        sqlx::query("DELETE FROM uploads WHERE id = $1")
            .bind(id)
            .execute(tx.db())
            .await
            .map_err(ServiceError::database("delete an upload"))?;
        tx.commit().await
    }
}

async fn forget_images(tx: &mut Tx, upload: &Upload) -> Result<()> {
    images::take_back(tx, &upload.user_id, &upload.id).await?;
    sqlx::query("DELETE FROM upload_images WHERE upload_id = $1")
        .bind(&upload.id)
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("remove an upload's images"))
}

fn check_quota(used_bytes: i64, more_bytes: i64, max_bytes: i64) -> Result<()> {
    if used_bytes.saturating_add(more_bytes) <= max_bytes {
        return Ok(());
    }
    let detail = match more_bytes {
        0 => format!("{used_bytes} bytes are used, expected at most {max_bytes}"),
        _ => format!("{more_bytes} bytes more, expected at most {}", (max_bytes - used_bytes).max(0)),
    };
    Err(Refusal::new(RefusalCode::QuotaExceeded, detail).into())
}

/// Images, uploads under way, artifacts and work folders.
async fn used_bytes(tx: &mut Tx, user_id: &str) -> Result<i64> {
    let staged_and_jobs: i64 = sqlx::query_scalar(
        "SELECT CAST((SELECT COALESCE(SUM(CASE WHEN declared_bytes > received_bytes THEN declared_bytes \
         ELSE received_bytes END), 0) FROM uploads WHERE user_id = $1 AND state IN ('receiving', 'checking')) \
         + (SELECT COALESCE(SUM(stored_bytes), 0) FROM jobs WHERE user_id = $1) AS BIGINT)",
    )
    .bind(user_id)
    .fetch_one(tx.db())
    .await
    .map_err(ServiceError::database("count a user's bytes"))?;
    Ok(staged_and_jobs + images::use_of(tx, user_id).await?.num_bytes)
}

/// Whoever counts a user's bytes before he adds some holds the user's row.
async fn lock_user(tx: &mut Tx, user_id: &str) -> Result<()> {
    sqlx::query("UPDATE users SET disabled = disabled WHERE id = $1")
        .bind(user_id)
        .execute(tx.db())
        .await
        .map(drop)
        .map_err(ServiceError::database("lock a user"))
}

async fn lock(tx: &mut Tx, id: &str, expected: UploadState) -> Result<Upload> {
    sqlx::query("UPDATE uploads SET state = state WHERE id = $1")
        .bind(id)
        .execute(tx.db())
        .await
        .map_err(ServiceError::database("lock an upload"))?;
    let row: Option<Row> = sqlx::query_as("SELECT * FROM uploads WHERE id = $1")
        .bind(id)
        .fetch_optional(tx.db())
        .await
        .map_err(ServiceError::database("read an upload"))?;
    match row.map(Upload::try_from).transpose()? {
        Some(upload) if upload.state == expected => Ok(upload),
        other => {
            let state = other.map_or("gone", |upload| upload.state.name());
            Err(ServiceError::WrongUploadState { state, expected: expected.name() })
        }
    }
}

async fn insert(tx: &mut Tx, upload: &Upload) -> Result<()> {
    sqlx::query(
        "INSERT INTO uploads (id, user_id, filename, metadata, declared_bytes, received_bytes, state, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&upload.id)
    .bind(&upload.user_id)
    .bind(&upload.filename)
    .bind(json(&upload.details)?)
    .bind(upload.declared_bytes)
    .bind(upload.received_bytes)
    .bind(upload.state.name())
    .bind(upload.created_at)
    .bind(upload.expires_at)
    .execute(tx.db())
    .await
    .map(drop)
    .map_err(ServiceError::database("add an upload"))
}

async fn save(tx: &mut Tx, upload: &Upload) -> Result<()> {
    sqlx::query(
        "UPDATE uploads SET filename = $2, metadata = $3, declared_bytes = $4, received_bytes = $5, state = $6, \
         problem = $7, expires_at = $8 WHERE id = $1",
    )
    .bind(&upload.id)
    .bind(&upload.filename)
    .bind(json(&upload.details)?)
    .bind(upload.declared_bytes)
    .bind(upload.received_bytes)
    .bind(upload.state.name())
    .bind(upload.problem.as_ref().map(json).transpose()?)
    .bind(upload.expires_at)
    .execute(tx.db())
    .await
    .map(drop)
    .map_err(ServiceError::database("change an upload"))
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| ServiceError::Internal(format!("an upload can't be written: {error}")))
}

impl Upload {
    /// A new one that nothing was received of.
    #[must_use]
    pub fn announced(user_id: &str, details: UploadDetails, declared_bytes: Option<i64>, lifetime_ms: i64) -> Self {
        let created_at = now_ms();
        Self {
            id: crate::ids::new_id("upload"),
            user_id: user_id.to_owned(),
            filename: details.files.first().cloned().unwrap_or_default(),
            details,
            declared_bytes,
            received_bytes: 0,
            state: UploadState::Receiving,
            problem: None,
            created_at,
            expires_at: created_at.saturating_add(lifetime_ms),
        }
    }
}
