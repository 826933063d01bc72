//! What the service counts, as Prometheus reads it: a registry and typed recorders, one group a part of the service.
//!
//! Names and units follow <https://prometheus.io/docs/practices/naming/>. A label's values are few and known beforehand:
//! never the name of a job, a user or a file.

mod access;
mod devices;
mod drift;
mod gpu;
mod http;
mod jobs;
mod registrar;
mod tracking;
mod uploads;
mod work;
mod worker;

use prometheus::{Registry, TextEncoder};

use crate::MonitorError;
use registrar::Registrar;

pub use access::{AccessMetrics, Listener};
pub use devices::DeviceMetrics;
pub use drift::DriftMetrics;
pub use http::{HttpMetrics, HttpRequest};
pub use jobs::JobMetrics;
pub use tracking::TrackingMetrics;
pub use uploads::UploadMetrics;
pub use work::{StageRun, WorkMetrics};
pub use worker::WorkerMetrics;

/// Content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// All metrics of a service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests.
    pub http: HttpMetrics,
    /// Jobs and their queue.
    pub jobs: JobMetrics,
    /// What stages do.
    pub work: WorkMetrics,
    /// What comes in.
    pub uploads: UploadMetrics,
    /// Drift of what comes in.
    pub drift: DriftMetrics,
    /// Memory, GPUs and copies between devices.
    pub devices: DeviceMetrics,
    /// Who was refused; who listens.
    pub access: AccessMetrics,
    /// The process that reconstructs.
    pub worker: WorkerMetrics,
    /// Records of experiments on their way to a server.
    pub tracking: TrackingMetrics,
}

impl Metrics {
    /// All at zero; `version` is that of the program.
    ///
    /// # Errors
    /// [`MonitorError::Metrics`] if Prometheus' client refuses a name.
    pub fn new(version: &str) -> Result<Self, MonitorError> {
        let registry = Registry::new();
        let registrar = Registrar(&registry);
        registrar
            .gauges("scene3d_build_info", "The program that runs.", &["version"])?
            .with_label_values(&[version])
            .set(1.0);
        Ok(Self {
            http: HttpMetrics::new(&registrar)?,
            jobs: JobMetrics::new(&registrar)?,
            work: WorkMetrics::new(&registrar)?,
            uploads: UploadMetrics::new(&registrar)?,
            drift: DriftMetrics::new(&registrar)?,
            devices: DeviceMetrics::new(&registrar)?,
            access: AccessMetrics::new(&registrar)?,
            worker: WorkerMetrics::new(&registrar)?,
            tracking: TrackingMetrics::new(&registrar)?,
            registry,
        })
    }

    /// The text that a scrape gets, of type [`CONTENT_TYPE`].
    ///
    /// # Errors
    /// [`MonitorError::Metrics`] if a metric can't be written.
    pub fn render(&self) -> Result<String, MonitorError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

#[cfg(test)]
mod tests;
