//! Who was refused, and who listens.

use prometheus::{IntCounterVec, IntGauge, Result};

use super::registrar::Registrar;

/// Metrics of access.
#[derive(Debug)]
pub struct AccessMetrics {
    auth_failures: IntCounterVec,
    rate_limited: IntCounterVec,
    sse_listeners: IntGauge,
}

/// A listener to events, counted until it is dropped.
#[derive(Debug)]
pub struct Listener(IntGauge);

impl AccessMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        let auth_failures = "Requests whose caller was not let in, by reason.";
        let rate_limited = "Requests refused with 429, by what was used up.";
        Ok(Self {
            auth_failures: registrar.counters("scene3d_auth_failures_total", auth_failures, &["reason"])?,
            rate_limited: registrar.counters("scene3d_rate_limited_total", rate_limited, &["reason"])?,
            sse_listeners: registrar.int_gauge("scene3d_sse_listeners", "Clients that listen to events of jobs.")?,
        })
    }

    /// A caller was not let in: `expired`, `wrong_password` and so on.
    pub fn auth_failure(&self, reason: &str) {
        self.auth_failures.with_label_values(&[reason]).inc();
    }

    /// A request was refused with 429, by the code of its problem: `rate_limited`, `queue_full` and so on.
    pub fn rate_limited(&self, reason: &str) {
        self.rate_limited.with_label_values(&[reason]).inc();
    }

    /// A client begins to listen; it ends when what is returned is dropped.
    #[must_use]
    pub fn listener(&self) -> Listener {
        self.sse_listeners.inc();
        Listener(self.sse_listeners.clone())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.dec();
    }
}
