//! What a run tells whoever watches it.

use std::time::SystemTime;

use serde::Serialize;

/// The stages of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
    /// The run ended without a model; what was finished is kept.
    RunFailed {
        /// Why.
        message: String,
    },
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
