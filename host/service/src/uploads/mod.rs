//! What people send: received into a staging folder, checked, and kept as images by their sha256.

pub mod archive;
mod decoders;
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

use crate::blobs::Blobs;
use crate::config::{QuotasSection, ServiceConfig, UploadsSection};
use crate::error::Result;
use crate::store::Store;
use crate::uploads::decoders::Decoders;
use crate::uploads::staging::Staging;

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
    decoders: Decoders,
}

impl Uploads {
    /// Opens the staging folder and starts the threads that decode.
    ///
    /// # Errors
    /// [`crate::ServiceError::Io`] if one of them can't be had.
    pub fn open(config: &ServiceConfig, store: Store, blobs: Blobs) -> Result<Self> {
        Ok(Self {
            store,
            blobs,
            staging: Staging::open(config.storage.staging_dir())?,
            limits: config.uploads,
            quotas: config.quotas,
            decoders: Decoders::start(config.uploads.num_decoders.max(1))?,
        })
    }
}
