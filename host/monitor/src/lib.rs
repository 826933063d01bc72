//! Watching a service of scene3d: drift of its images against a baseline, and metrics for Prometheus.
//!
//! [`drift`] measures images and compares them with a [`drift::Baseline`]; [`metrics::Metrics`] counts what the service
//! does. Neither decodes images nor knows of jobs: pixels, names and numbers come in.

pub mod drift;
mod error;
pub mod metrics;

pub use error::MonitorError;
