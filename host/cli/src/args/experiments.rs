//! Options of `experiments`: the stages of an evaluation, and all of them by DVC.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use scene3d_monitor::tracking::RunId;

use super::track::ServerSecretArgs;

/// Stages in their order; each reads what the one before it wrote.
#[derive(Debug, Subcommand)]
pub enum ExperimentsCommand {
    /// Check the data: readable, labelled, ground truth that can be true, no photo in two scenes.
    Validate(ExperimentArgs),
    /// Measure how the photos of each dataset look, as baselines of drift.
    Eda(ExperimentArgs),
    /// Turn, reduce and undistort photos, with ground truth that fits.
    Preprocess(ExperimentArgs),
    /// Choose what is held out, and list pairs.
    Prepare(ExperimentArgs),
    /// Reconstruct every collection with a config, once a seed.
    Run {
        /// Name of the config in params.yaml.
        #[arg(short, long)]
        config: String,
        #[command(flatten)]
        experiment: ExperimentArgs,
    },
    /// Compare every model with the truth: per scene, pooled, with the spread over seeds.
    Evaluate(ExperimentArgs),
    /// Choose the best config by the rule of params.yaml, and write it.
    SelectBest(ExperimentArgs),
    /// Run the stages that must be run, by DVC, as one recorded run.
    #[command(after_help = "Examples:
  scene3d experiments repro --project experiments
  scene3d experiments repro --project experiments -- --force evaluate")]
    Repro {
        /// The program of DVC.
        #[arg(long, value_name = "PROGRAM", env = "SCENE3D_DVC", default_value = "dvc")]
        dvc: PathBuf,
        #[command(flatten)]
        experiment: ExperimentArgs,
        /// More arguments of `dvc repro`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

/// Which experiment, and where it is recorded.
#[derive(Debug, Args)]
pub struct ExperimentArgs {
    /// Folder with params.yaml.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub project: PathBuf,
    /// MLflow server that gets the records; without one they are kept, for `scene3d track sync`.
    #[arg(long = "track-server", value_name = "URL", env = "SCENE3D_TRACKING_SERVER")]
    pub server: Option<String>,
    /// Folder of the records; by default `tracking` in the project.
    #[arg(long = "track-spool", value_name = "FOLDER", env = "SCENE3D_TRACKING_SPOOL")]
    pub spool: Option<PathBuf>,
    /// Run that the stage is part of.
    #[arg(long = "track-parent", value_name = "RUN", env = "SCENE3D_TRACKING_PARENT")]
    pub parent: Option<RunId>,
    #[command(flatten)]
    pub secret: ServerSecretArgs,
}
