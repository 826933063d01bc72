//! Jobs: how many in which state, how they end, how long they wait.

use prometheus::{Histogram, IntCounterVec, IntGauge, IntGaugeVec, Result};

use super::registrar::Registrar;

/// From an idle worker to a night's backlog.
const WAIT_BUCKETS_SECS: [f64; 11] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0];
/// States that are shown from the start on, so that a rule need not tell "none" from "not yet".
const STATES: [&str; 6] = ["queued", "checking", "running", "succeeded", "failed", "cancelled"];

/// Metrics of jobs and of their queue.
#[derive(Debug)]
pub struct JobMetrics {
    states: IntGaugeVec,
    finished: IntCounterVec,
    queue_depth: IntGauge,
    queue_wait: Histogram,
}

impl JobMetrics {
    pub(super) fn new(registrar: &Registrar<'_>) -> Result<Self> {
        let states = registrar.int_gauges("scene3d_jobs", "Jobs in the store by state.", &["state"])?;
        STATES.iter().for_each(|state| states.with_label_values(&[state]).set(0));
        let help = "Jobs that ended, by outcome (succeeded, failed, cancelled) and, where they failed, its code.";
        Ok(Self {
            states,
            finished: registrar.counters("scene3d_jobs_finished_total", help, &["outcome", "code"])?,
            queue_depth: registrar.int_gauge("scene3d_queue_depth", "Jobs that wait for the worker.")?,
            queue_wait: registrar.histogram(
                "scene3d_queue_wait_seconds",
                "Time from a job's acceptance to its start.",
                &WAIT_BUCKETS_SECS,
            )?,
        })
    }

    /// There are so many jobs in a state.
    pub fn set_state(&self, state: &str, num_jobs: u64) {
        self.states.with_label_values(&[state]).set(num_jobs as i64);
    }

    /// A job ended: `succeeded`, `failed` with a stable code, or `cancelled`; `code` is empty unless it failed.
    pub fn finished(&self, outcome: &str, code: &str) {
        self.finished.with_label_values(&[outcome, code]).inc();
    }

    /// So many jobs wait.
    pub fn set_queue_depth(&self, num_jobs: u64) {
        self.queue_depth.set(num_jobs as i64);
    }

    /// A job began after it waited.
    pub fn waited(&self, secs: f64) {
        self.queue_wait.observe(secs);
    }
}
