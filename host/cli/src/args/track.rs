//! Options of tracking: whether a run is recorded, and the commands `track ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use scene3d_monitor::tracking::RunId;

/// Who we are to the server.
#[derive(Debug, Args)]
pub struct ServerSecretArgs {
    /// File with a token for the server.
    #[arg(long = "track-token-file", value_name = "FILE", env = "SCENE3D_TRACKING_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// File with `USER:PASSWORD` for the server.
    #[arg(
        long = "track-password-file",
        value_name = "FILE",
        env = "SCENE3D_TRACKING_PASSWORD_FILE",
        conflicts_with = "token_file"
    )]
    pub password_file: Option<PathBuf>,
}

/// Whether and how a run is recorded.
#[derive(Debug, Args)]
pub struct TrackArgs {
    /// Record the run: its config, its stages over time, its figures and its report; and send that to an MLflow server, by
    /// default the one of SCENE3D_TRACKING_SERVER. Without a server `scene3d track` shows it, or sends it later.
    #[arg(long, value_name = "SERVER", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub track: Option<String>,
    /// Experiment that the run belongs to.
    #[arg(
        long = "track-experiment",
        value_name = "NAME",
        env = "SCENE3D_TRACKING_EXPERIMENT",
        default_value = "scene3d"
    )]
    pub experiment: String,
    /// Run that it is part of.
    #[arg(long = "track-parent", value_name = "RUN", env = "SCENE3D_TRACKING_PARENT")]
    pub parent: Option<RunId>,
    /// Folder of the records.
    #[arg(
        long = "track-spool",
        value_name = "FOLDER",
        env = "SCENE3D_TRACKING_SPOOL",
        default_value = "scene3d-data/tracking"
    )]
    pub spool: PathBuf,
    #[command(flatten)]
    pub secret: ServerSecretArgs,
}

/// What to do with records of runs.
#[derive(Debug, Subcommand)]
pub enum TrackCommand {
    /// Send the server what it lacks; nothing is there twice.
    #[command(after_help = "Examples:
  scene3d track sync --server http://127.0.0.1:5000
  scene3d track sync --spool experiments/tracking --server https://mlflow.example.org --track-token-file token")]
    Sync {
        #[command(flatten)]
        spool: SpoolFolderArgs,
        /// URL of the MLflow server.
        #[arg(long, value_name = "URL", env = "SCENE3D_TRACKING_SERVER")]
        server: String,
        #[command(flatten)]
        secret: ServerSecretArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the runs.
    List {
        #[command(flatten)]
        spool: SpoolFolderArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a run: its parameters, tags, last figures, files.
    Show {
        /// Its id, `run_...`.
        run: RunId,
        #[command(flatten)]
        spool: SpoolFolderArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Where records are kept.
#[derive(Debug, Args)]
pub struct SpoolFolderArgs {
    /// Folder of the records.
    #[arg(long, value_name = "FOLDER", env = "SCENE3D_TRACKING_SPOOL", default_value = "scene3d-data/tracking")]
    pub spool: PathBuf,
}
