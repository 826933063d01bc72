//! What people send: received into a staging folder, checked, and kept as images by their sha256.

pub mod archive;
pub(crate) mod decoders;
pub mod expiry;
mod ingest;
#[cfg(test)]
mod life_of_an_upload;
pub mod names;
mod photo;
pub mod receive;
pub mod refusal;
pub mod staging;
pub mod state;

use std::sync::Arc;

use scene3d_monitor::metrics::Metrics;

use crate::blobs::Blobs;
use crate::config::{QuotasSection, ServiceConfig, UploadsSection};
use crate::error::Result;
use crate::store::Store;
use crate::store::uploads::Upload;
use crate::uploads::decoders::Decoders;
use crate::uploads::refusal::Refusal;
use crate::uploads::staging::{Staged, Staging};
use crate::uploads::state::UploadState;

/// What uploads need; cheap to clone.
#[derive(Debug, Clone)]
pub struct Uploads {
    /// Where rows go.
    pub store: Store,
    /// Where images go.
    pub blobs: Blobs,
    /// Where bytes go before.
    pub staging: Staging,
    /// What may be sent.
    pub limits: UploadsSection,
    /// What a user may use.
    pub quotas: QuotasSection,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    pub(crate) decoders: Decoders,
}

impl Uploads {
    /// Opens the staging folder and starts the threads that decode.
    ///
    /// # Errors
    /// [`crate::ServiceError::Io`] if one of them can't be had.
    pub fn open(config: &ServiceConfig, store: Store, blobs: Blobs, metrics: Arc<Metrics>) -> Result<Self> {
        Ok(Self {
            store,
            blobs,
            staging: Staging::open(config.storage.staging_dir())?,
            limits: config.uploads,
            quotas: config.quotas,
            metrics,
            decoders: Decoders::start(config.uploads.num_decoders.max(1))?,
        })
    }

    /// Makes an upload's row and its folder.
    ///
    /// # Errors
    /// [`crate::ServiceError::Refused`] if the user has no room for it; those of the storage.
    pub async fn announce(&self, upload: &Upload) -> Result<Staged> {
        self.store.create_upload(upload, self.quotas).await?;
        match self.staging.create(&upload.id).await {
            Ok(staged) => Ok(staged),
            Err(error) => {
                // nobody will send it: its user gets the room back at once
                self.end(&upload.id, UploadState::Receiving, UploadState::Terminated, None).await?;
                Err(error)
            }
        }
    }

    /// Ends an upload otherwise than well, and counts it.
    ///
    /// # Errors
    /// As [`Store::end_upload`].
    pub async fn end(&self, id: &str, from: UploadState, to: UploadState, problem: Option<Refusal>) -> Result<()> {
        self.store.end_upload(id, from, to, problem).await?;
        self.metrics.uploads.finished(to.name());
        Ok(())
    }
}
