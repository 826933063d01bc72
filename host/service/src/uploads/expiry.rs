//! What nobody needs any more goes: uploads that were not finished in time, staged files of none, images of nobody.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Uploads;
use super::refusal::{Refusal, RefusalCode};
use super::staging::Staged;
use super::state::{UploadProtocol, UploadState};
use crate::clock::{millis, now_ms};
use crate::error::{Result, ServiceError};
use crate::store::uploads::Upload;
use crate::thumbnails;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(30);
/// An upload that ended otherwise than well is listed for so long.
const LISTED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Images that are removed in one go.
const MAX_IMAGES: i64 = 1000;

/// Goes on with uploads that a crash interrupted, then looks again and again until it is cancelled.
pub async fn run(uploads: &Uploads, cancel: &CancellationToken) {
    loop {
        let looked = async {
            uploads.resume().await?;
            uploads.expire(now_ms()).await?;
            uploads.remove_unused_images().await
        };
        if let Some(Err(error)) = cancel.run_until_cancelled(looked).await {
            tracing::error!(error = %error, "uploads could not be looked after");
        }
        if cancel.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

impl Uploads {
    /// Ingests uploads that nobody works on though they are complete; drops those of connections that are gone.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn resume(&self) -> Result<()> {
        for upload in self.store.uploads_in(UploadState::Checking, i64::MAX).await? {
            let Some(staged) = self.staging.lock(&upload.id)? else { continue };
            match self.ingest(&upload.id, staged).await {
                Err(ServiceError::Refused(_) | ServiceError::WrongUploadState { .. }) | Ok(_) => {}
                Err(error) => tracing::warn!(error = %error, "an upload could not be looked at; it is tried again"),
            }
        }
        for upload in self.store.uploads_in(UploadState::Receiving, i64::MAX).await? {
            if upload.details.protocol == UploadProtocol::Multipart
                && let Some(staged) = self.staging.lock(&upload.id)?
            {
                self.drop_staged(&upload, Some(staged), UploadState::Terminated, None).await?;
            }
        }
        self.remove_lost_folders().await
    }

    /// Drops uploads that were to be finished before a time, and forgets those that ended long before it.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn expire(&self, now_ms: i64) -> Result<()> {
        for upload in self.store.uploads_in(UploadState::Receiving, now_ms).await? {
            let staged = self.staging.lock(&upload.id)?;
            // whoever is sending right now may finish
            if staged.is_some() || !self.staging.has(&upload.id)? {
                self.drop_staged(&upload, staged, UploadState::Expired, None).await?;
            }
        }
        for upload in self.store.uploads_in(UploadState::Checking, now_ms).await? {
            if !self.staging.has(&upload.id)? {
                let lost = Refusal::new(RefusalCode::UploadLost, "what was received is no longer there");
                self.drop_staged(&upload, None, UploadState::Refused, Some(lost)).await?;
            }
        }
        for state in [UploadState::Refused, UploadState::Expired, UploadState::Terminated] {
            for upload in self.store.uploads_in(state, now_ms - millis(LISTED)).await? {
                self.store.delete_upload(&upload.id, state).await?;
            }
        }
        Ok(())
    }

    /// Removes images that no upload, job or user refers to, with their files.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn remove_unused_images(&self) -> Result<()> {
        for sha256 in self.store.unused_images(MAX_IMAGES).await? {
            let key = crate::store::images::object_key(&sha256);
            let remove = async {
                thumbnails::remove(&self.blobs, &sha256).await?;
                self.blobs.delete(&key).await
            };
            self.store.remove_unused_image(&sha256, remove).await?;
        }
        Ok(())
    }

    /// Gives an upload up: one under way ends, any other is removed. `false` if somebody is sending it.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn terminate(&self, upload: &Upload) -> Result<bool> {
        match upload.state {
            UploadState::Receiving => {
                let staged = self.staging.lock(&upload.id)?;
                if staged.is_none() && self.staging.has(&upload.id)? {
                    return Ok(false);
                }
                self.drop_staged(upload, staged, UploadState::Terminated, None).await?;
            }
            // whoever looks at its files sees it and removes them
            UploadState::Checking => self.drop_staged(upload, None, UploadState::Terminated, None).await?,
            ended => self.store.delete_upload(&upload.id, ended).await?,
        }
        Ok(true)
    }

    async fn drop_staged(
        &self,
        upload: &Upload,
        staged: Option<Staged>,
        to: UploadState,
        problem: Option<Refusal>,
    ) -> Result<()> {
        match self.end(&upload.id, upload.state, to, problem).await {
            Ok(()) | Err(ServiceError::WrongUploadState { .. }) => {}
            Err(error) => return Err(error),
        }
        match staged {
            Some(staged) => staged.remove().await,
            None => Ok(()),
        }
    }

    /// Folders whose upload is not under way: of a crash between the end of an upload and the removal of its files.
    async fn remove_lost_folders(&self) -> Result<()> {
        for id in self.staging.ids()? {
            let upload = self.store.upload(&id).await?;
            if upload.is_some_and(|upload| upload.state.is_staged()) {
                continue;
            }
            if let Some(staged) = self.staging.lock(&id)?
                && self.store.upload(&id).await?.is_none_or(|upload| !upload.state.is_staged())
            {
                staged.remove().await?;
            }
        }
        Ok(())
    }
}
