//! What a run tells whoever watches it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::RunFailure;

/// The stages of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// List files, read headers and EXIF.
    Read,
    /// Decode and extract features.
    Extract,
    /// Choose image pairs.
    Pair,
    /// Match pairs.
    Match,
    /// Verify and reconstruct.
    Map,
    /// Write the outputs.
    Export,
}

impl StageName {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Extract => "extract",
            Self::Pair => "pair",
            Self::Match => "match",
            Self::Map => "map",
            Self::Export => "export",
        }
    }

    /// What its items are.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Read | Self::Extract | Self::Map => "images",
            Self::Pair | Self::Match => "pairs",
            Self::Export => "files",
        }
    }
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A stage begins.
    StageStarted {
        /// Which.
        stage: StageName,
        /// Items to do; `None` while unknown.
        total: Option<usize>,
    },
    /// Items were finished.
    Progress {
        /// Which stage.
        stage: StageName,
        /// Items finished so far.
        done: usize,
        /// Items to do.
        total: usize,
        /// What is being done, where the stage says so.
        what: String,
    },
    /// A stage ended.
    StageFinished {
        /// Which.
        stage: StageName,
        /// Items it had.
        items: usize,
        /// Items taken from an earlier run.
        reused: usize,
        /// Wall time.
        secs: f64,
    },
    /// Something the user should know; the run goes on.
    Warning {
        /// What.
        message: String,
    },
    /// A line of a plugin's log.
    Log {
        /// `error`, `warn`, `info`, `debug` or `trace`.
        level: &'static str,
        /// Plugin id.
        target: String,
        /// The line.
        message: String,
    },
    /// What an extractor finds in a photo is known, from this run or an earlier one.
    Extracted {
        /// Name of the photo.
        image: String,
        /// Id of the extractor's plugin.
        plugin: String,
        /// How many keypoints.
        num_keypoints: usize,
        /// Mean of their scores; none where there are no keypoints.
        mean_score: Option<f64>,
        /// Variance of the Laplacian of luma (0..255) at a long side of 512 px.
        sharpness: f64,
    },
    /// What is kept of the photos now, where the stages work.
    Resident {
        /// E.g. `cpu` or `cuda:0`.
        device: String,
        /// Bytes of tensors.
        bytes: usize,
    },
    /// The run ended without a model; what was finished is kept.
    RunFailed(RunFailure),
}

/// An event as machines are told of it, in `--json` and in `logs/events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimedEvent<'a> {
    /// RFC 3339, UTC, with milliseconds.
    pub time: String,
    /// Its fields stand beside the time.
    #[serde(flatten)]
    pub event: &'a Event,
}

impl<'a> TimedEvent<'a> {
    /// An event that happens now.
    #[must_use]
    pub fn now(event: &'a Event) -> Self {
        Self { time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(), event }
    }
}

/// Watches a run; called from several threads.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event);
}
