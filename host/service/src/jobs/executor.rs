//! Who reconstructs: a job goes in as a request that can be sent anywhere, events and an ending come back, and the results
//! are in the object store.

use std::path::PathBuf;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::failure::JobFailure;
use crate::store::artifacts::Artifact;
use crate::store::jobs::JobImage;

/// A job as an executor is handed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// The job.
    pub job_id: String,
    /// Counts from 1.
    pub attempt: i64,
    /// Its images: the files are in the object store under their sha256.
    pub images: Vec<JobImage>,
    /// Name of its config.
    pub config_name: String,
    /// The config, with nothing in it that a user may not say.
    pub config_toml: String,
    /// Where it works; what an earlier attempt finished there is used. A relative one is a key of the object store: the
    /// worker works on a disk that nobody else sees, and keeps there what it finishes.
    pub work_folder: PathBuf,
    /// Work folder of another job whose finished stages may be used; relative if the other is.
    pub inherit_from: Option<PathBuf>,
    /// URL of the object store.
    pub objects_url: String,
    /// Images of more pixels are rejected.
    pub max_pixels: u64,
}

impl JobRequest {
    /// Whether its work is kept in the object store.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.work_folder.is_relative()
    }
}

/// Something that happened while a job was worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ExecutorEvent {
    /// A stage begins.
    StageStarted {
        /// Its name.
        stage: String,
        /// Items to do, where known.
        total: Option<u64>,
        /// Ids of the plugins that do it.
        plugins: Vec<String>,
    },
    /// Items were done; at most four of these a second and stage, and the last.
    Progress {
        /// Name of the stage.
        stage: String,
        /// So far.
        done: u64,
        /// Of so many.
        total: u64,
        /// What is being done, where the stage says so.
        what: String,
    },
    /// A stage ended well.
    StageFinished {
        /// Its name.
        stage: String,
        /// Items it had.
        items: u64,
        /// Items that an earlier attempt had done.
        reused: u64,
        /// Wall time.
        secs: f64,
        /// Ids of the plugins that did it.
        plugins: Vec<String>,
    },
    /// Something the user should know.
    Warning {
        /// What.
        message: String,
    },
    /// A line of a plugin's log.
    Log {
        /// `error`, `warn`, `info`, `debug` or `trace`.
        level: String,
        /// Plugin id.
        target: String,
        /// The line.
        message: String,
    },
    /// An image was extracted; by the config's first extractor, whose keypoints are those that drift is found by.
    Extracted {
        /// Its name.
        image: String,
        /// Keypoints found.
        num_keypoints: u64,
        /// Mean of their scores; none where there are no keypoints.
        mean_score: Option<f64>,
        /// Variance of the Laplacian of luma.
        sharpness: f64,
    },
    /// Memory that the stages hold.
    Resident {
        /// `cpu`, `cuda:0`.
        device: String,
        /// Bytes.
        bytes: u64,
    },
    /// Copies between the device and host memory.
    Transferred {
        /// `to_host` or `to_device`.
        direction: String,
        /// How many.
        num_copies: u64,
        /// Bytes of all.
        num_bytes: u64,
    },
    /// A result is in the object store.
    Artifact(Artifact),
}

/// How work on a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum Ending {
    /// There is a model.
    Finished {
        /// Figures of the model, as in `report.json`.
        statistics: Value,
        /// Verdict of each image, as in `report.json`.
        images: Value,
    },
    /// There is none.
    Failed(JobFailure),
    /// It was asked to stop, and did.
    Cancelled,
    /// The worker ended with it.
    WorkerLost {
        /// How.
        reason: String,
        /// What it wrote last beside its log; may be empty.
        last_words: String,
    },
}

/// Who reconstructs.
pub trait Executor: Send + Sync + 'static {
    /// Works on a job until it ends or is asked to stop. Events end before this does.
    fn run(
        &self,
        request: JobRequest,
        events: mpsc::Sender<ExecutorEvent>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Ending>;

    /// Ends what it holds; it runs nothing afterwards.
    fn stop(&self) -> BoxFuture<'_, ()>;
}
