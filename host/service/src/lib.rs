//! The web service of scene3d: uploads, durable jobs, drift check, metrics.
//!
//! [`store`] is the state, [`jobs`] what happens to a job, [`http`] the only place that knows requests and statuses.

pub mod blobs;
pub mod clock;
pub mod config;
pub mod error;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod photo_statistics;
pub mod store;

pub use config::ServiceConfig;
pub use error::{Result, ServiceError};
