//! Watching scene3d: drift of images against a baseline, metrics for Prometheus, experiments tracked.
//!
//! [`drift`] measures images and compares them with a [`drift::Baseline`]; [`metrics::Metrics`] counts what the service
//! does; [`tracking`] records runs and sends them to an MLflow server. None decodes images or knows of jobs: pixels, names
//! and numbers come in.

pub mod drift;
mod error;
pub mod metrics;
pub mod tracking;

pub use error::MonitorError;
