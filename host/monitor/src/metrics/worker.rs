//! The process that reconstructs: whether it is there, and how often it had to be started again.

use prometheus::{IntCounter, IntGauge, Result};

use super::registrar::Registrar;

/// Metrics of the worker.
#[derive(Debug)]
pub struct WorkerMetrics {
    up: IntGauge,
    restarts: IntCounter,
}

impl WorkerMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        Ok(Self {
            up: registrar.int_gauge("scene3d_worker_up", "Whether this server's worker runs (1) or not (0).")?,
            restarts: registrar.counter("scene3d_worker_restarts_total", "Times that the worker was started again.")?,
        })
    }

    /// The worker runs.
    pub fn started(&self) {
        self.up.set(1);
    }

    /// The worker does not run.
    pub fn stopped(&self) {
        self.up.set(0);
    }

    /// The worker was started again after it ended.
    pub fn restarted(&self) {
        self.restarts.inc();
        self.started();
    }
}
