//! What comes in, and what goes out to webhooks.

use prometheus::{IntCounterVec, Result};

use super::registrar::Registrar;

/// Metrics of uploads and webhooks.
#[derive(Debug)]
pub struct UploadMetrics {
    bytes: IntCounterVec,
    uploads: IntCounterVec,
    webhooks: IntCounterVec,
}

impl UploadMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        let webhooks = "Attempts to deliver a webhook, by outcome (delivered, retried, dead).";
        Ok(Self {
            bytes: registrar.counters("scene3d_upload_bytes_total", "Bytes received by kind of upload.", &["kind"])?,
            uploads: registrar.counters("scene3d_uploads_total", "Uploads that ended, by outcome.", &["outcome"])?,
            webhooks: registrar.counters("scene3d_webhook_deliveries_total", webhooks, &["outcome"])?,
        })
    }

    /// So many more bytes came by a kind of upload: `multipart` or `tus`.
    pub fn received(&self, kind: &str, num_bytes: u64) {
        self.bytes.with_label_values(&[kind]).inc_by(num_bytes);
    }

    /// An upload ended: `ready`, `refused`, `expired` or `terminated`.
    pub fn finished(&self, outcome: &str) {
        self.uploads.with_label_values(&[outcome]).inc();
    }

    /// A webhook was tried: `delivered`, `retried` or `dead`.
    pub fn webhook(&self, outcome: &str) {
        self.webhooks.with_label_values(&[outcome]).inc();
    }
}
