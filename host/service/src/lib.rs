//! The web service of scene3d: uploads, durable jobs, drift check, metrics.
//!
//! [`store`] is the state, [`jobs`] what happens to a job, [`http`] the only place that knows requests and statuses.

pub mod accounts;
mod background;
pub mod blobs;
pub mod clock;
pub mod config;
mod connections;
pub mod drift;
pub mod error;
pub mod event_streams;
pub mod guessing;
pub mod http;
pub mod ids;
pub mod jobs;
pub mod login;
pub mod named_configs;
pub mod passwords;
pub mod photo_statistics;
pub mod rates;
pub mod scope;
pub mod scrape_token;
pub mod secrets;
pub mod serve;
pub mod store;
pub mod thumbnails;
pub mod tokens;
pub mod tracking;
pub mod uploads;
pub mod user_config;

pub use config::ServiceConfig;
pub use error::{Result, ServiceError};
pub use serve::serve;
