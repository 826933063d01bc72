//! Options of `experiments`: the stages of an evaluation, and all of them by DVC.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
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
    #[command(after_help = "Examples:
  scene3d experiments run --project experiments --config aliked-lightglue
  scene3d experiments run --project /shared/experiments --config aliked-lightglue --executor ray \\
    --ray-dashboard http://HEAD:8265 --ray-resource entrypoint_num_gpus=1")]
    Run {
        /// Name of the config in params.yaml.
        #[arg(short, long)]
        config: String,
        /// Only this collection, DATASET/NAME; what was made of the others stays.
        #[arg(long, value_name = "COLLECTION")]
        collection: Option<String>,
        #[command(flatten)]
        where_to: ExecutorArgs,
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

/// Where the runs are made.
#[derive(Debug, Args)]
pub struct ExecutorArgs {
    /// `ray`: each collection is a job of a Ray cluster whose nodes see the project at the same path.
    #[arg(long, value_enum, default_value = "local", env = "SCENE3D_EXPERIMENTS_EXECUTOR")]
    pub executor: ExecutorName,
    /// URL of the cluster's dashboard.
    #[arg(long, value_name = "URL", env = "SCENE3D_RAY_DASHBOARD", default_value = "http://127.0.0.1:8265")]
    pub ray_dashboard: String,
    /// File with Ray's own token, where the cluster asks for one.
    #[arg(long, value_name = "FILE", env = "SCENE3D_RAY_TOKEN_FILE")]
    pub ray_token_file: Option<PathBuf>,
    /// What a job asks of a node, as Ray's API calls it.
    #[arg(long = "ray-resource", value_name = "NAME=AMOUNT", default_value = "entrypoint_num_cpus=1")]
    pub ray_resources: Vec<String>,
    /// This program on the nodes.
    #[arg(long, value_name = "PROGRAM", default_value = "scene3d")]
    pub ray_program: String,
}

/// Who makes the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExecutorName {
    /// This process, one after the other.
    Local,
    /// The nodes of a Ray cluster.
    Ray,
}
