//! Why a job failed: what a program needs to act on it, and what a person needs to help himself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobFailure {
    /// Stable: a label of the engine's error codes, or `no_model`, `too_few_images`, `worker_lost`,
    /// `storage`, `disk_full`.
    pub code: String,
    /// The stage that failed, where one did.
    pub stage: Option<String>,
    /// The plugin that failed, where one did.
    pub plugin: Option<String>,
    /// What failed.
    pub message: String,
    /// What to try; may be empty.
    pub help: String,
    /// Whether the same may succeed when it is tried again.
    pub transient: bool,
}

/// Code of a job whose files could not be read or written.
pub const STORAGE: &str = "storage";

/// Code of a job that found no room on the server's disk.
pub const DISK_FULL: &str = "disk_full";

/// Code of a job whose worker ended each time it was tried.
pub const WORKER_LOST: &str = "worker_lost";

/// Code of a job whose plugin panicked, as the engine labels it.
pub const PANICKED: &str = "panicked";
