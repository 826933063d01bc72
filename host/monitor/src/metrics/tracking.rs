//! Records of experiments on their way to a server.

use prometheus::{IntCounter, IntGauge, Result};

use super::registrar::Registrar;
use crate::tracking::TrackingStatus;

/// Metrics of tracking.
#[derive(Debug)]
pub struct TrackingMetrics {
    waiting: IntGauge,
    sent: IntCounter,
    failures: IntCounter,
    refused: IntCounter,
}

impl TrackingMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        let waiting = "Records in the spool that the tracking server lacks.";
        let sent = "Records that the tracking server took.";
        let failures = "Attempts to send records that failed.";
        let refused = "Records that the tracking server will never take.";
        Ok(Self {
            waiting: registrar.int_gauge("scene3d_tracking_records_waiting", waiting)?,
            sent: registrar.counter("scene3d_tracking_records_sent_total", sent)?,
            failures: registrar.counter("scene3d_tracking_send_failures_total", failures)?,
            refused: registrar.counter("scene3d_tracking_records_refused_total", refused)?,
        })
    }

    /// How sending goes, of the one tracker of this process.
    pub fn set(&self, status: &TrackingStatus) {
        self.waiting.set(i64::try_from(status.num_waiting).unwrap_or(i64::MAX));
        let totals =
            [(&self.sent, status.num_sent), (&self.failures, status.num_failures), (&self.refused, status.num_refused)];
        for (counter, total) in totals {
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }
}
