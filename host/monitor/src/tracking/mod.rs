//! Experiments tracked: every record goes to a spool on disk first, and from there to an MLflow server, each once.
//!
//! [`Tracker::open`] a spool, [`Tracker::start_run`], record, [`Run::end`]. No call here waits for a network, and none but
//! `open` fails: what can't be written is told once as a warning. A thread of its own sends what the spool holds, now or
//! in the next process; without a server the spool is all there is ([`sync`] sends it later).

mod artifact_files;
mod batch;
mod config;
mod cursor;
mod ids;
mod limits;
mod mlflow;
mod models;
mod params;
mod record;
mod record_file;
mod refused;
mod run;
mod secrets;
mod send;
mod spool;
mod stages;
mod status;
mod sync;
mod tracker;
mod value;
pub mod view;

pub use config::TrackingConfig;
pub use ids::{RunId, VersionId};
pub use models::Promotion;
pub use params::flatten;
pub use record::{Record, RunStatus, What};
pub use run::Run;
pub use stages::{ModelFigures, StageSeries};
pub use status::TrackingStatus;
pub use sync::sync;
pub use tracker::{RunStart, Tracker};
pub use value::MetricValue;
