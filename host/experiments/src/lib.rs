//! Reproducible evaluation: from labelled photos to the config that does best, in stages that DVC can run.
//!
//! Every stage is a function over a [`Project`]: [`validate`], [`eda`], [`preprocess`], [`prepare`], [`run`], [`evaluate`],
//! [`select_best`]. Each reads what the one before it wrote, below the project's `out`, and the sections of `params.yaml`
//! that it depends on; `experiments/README.md` of the checkout has the layout. [`repro`] lets DVC run those that must.

mod collection;
mod configs;
pub mod eda;
mod error;
mod evaluate;
mod imc_files;
pub mod metrics;
mod paired_test;
pub mod params;
mod prepare;
mod preprocess;
mod problem;
mod project;
mod ray_jobs;
mod record;
mod repro;
mod run;
mod run_on_cluster;
mod scene_folder;
mod select;
mod stage_watch;
mod validate;

pub use error::ExperimentError;
pub use evaluate::{ConfigEvaluation, ExperimentEvaluation, Spread, UnitEvaluation, evaluate};
pub use prepare::{Pairing, Prepared, PreparedCollection, Split, prepare};
pub use preprocess::{Preprocessed, PreprocessedCollection, preprocess};
pub use problem::Problem;
pub use project::{PARAMS, Project};
pub use ray_jobs::RayCluster;
pub use record::{CHAMPION, MODEL, PARENT_VARIABLE, Record, Recorded};
pub use repro::{ReproOptions, repro};
pub use run::{RunFacts, run};
pub use run_on_cluster::run_on_cluster;
pub use select::{Challenge, Reached, Selection, select_best};
pub use stage_watch::StageFacts;
pub use validate::{CollectionFacts, Validation, validate};
