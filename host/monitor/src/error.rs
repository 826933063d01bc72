//! The error of this crate.

use std::path::{Path, PathBuf};

/// What can go wrong while watching.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// Metrics that Prometheus' client refuses.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// Pixels that are no image.
    #[error("pixels: {num_bytes} bytes, expected {} x {} x 3", .size[0], .size[1])]
    Pixels {
        /// Bytes given.
        num_bytes: usize,
        /// `[width, height]` given.
        size: [u32; 2],
    },
    /// A baseline of too few images.
    #[error("{num_images} images, expected at least {min_images}: a baseline of fewer says little; add photos")]
    TooFewImages {
        /// Images given.
        num_images: usize,
        /// Images needed.
        min_images: usize,
    },
    /// A baseline that can't be read.
    #[error("baseline: {0}; make it again with `scene3d eda`")]
    Baseline(String),
    /// The folder of the tracking records.
    #[error("tracking: can't {action} {}: {source}", .path.display())]
    Spool {
        /// What was tried, e.g. `make`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Settings of tracking that can't hold.
    #[error("tracking: {0}")]
    TrackingConfig(String),
    /// No such run was recorded.
    #[error("tracking: no run `{run}` in {}; `scene3d track list` names them", .spool.display())]
    NoRun {
        /// The id.
        run: String,
        /// The folder of the records.
        spool: PathBuf,
    },
    /// The server did not take everything.
    #[error("tracking: {message}{}", .num_waiting.map_or_else(String::new, |num| format!("; {num} records wait in the spool")))]
    NotSent {
        /// Why.
        message: String,
        /// Records that it lacks, where they were counted.
        num_waiting: Option<u64>,
    },
    /// A word that is no id.
    #[error("tracking: `{id}` is no id, expected `{word}_` and 32 hex digits")]
    Id {
        /// What was given.
        id: String,
        /// How ids of the kind begin.
        word: String,
    },
}

impl MonitorError {
    pub(crate) fn spool(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Spool { action, path: path.to_owned(), source }
    }
}
