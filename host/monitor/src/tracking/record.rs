//! What is recorded, one JSON object a line: the format stands in `docs/tracking.md`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::ids::{RunId, VersionId};
use super::value::MetricValue;

/// Something that was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// Its fields stand beside the time.
    #[serde(flatten)]
    pub what: What,
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A run starts.
    RunStarted {
        /// Which.
        run: RunId,
        /// What it is an experiment of.
        experiment: String,
        /// For people.
        name: String,
        /// The run that it is part of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<RunId>,
    },
    /// Another process, or the same one later, goes on with a run.
    RunResumed {
        /// Which.
        run: RunId,
    },
    /// A process lets go of a run that goes on elsewhere.
    RunDetached,
    /// A figure at a step.
    Metric {
        /// Its name.
        key: String,
        /// The figure.
        value: MetricValue,
        /// Counts whatever the figure is a series over.
        step: i64,
    },
    /// Something that was chosen before the run; never changes.
    Param {
        /// Its name.
        key: String,
        /// As text.
        value: String,
    },
    /// A word about the run; the last one holds.
    Tag {
        /// Its name.
        key: String,
        /// As text.
        value: String,
    },
    /// A file that the run made.
    Artifact {
        /// Path in the run, `/`-separated.
        path: String,
        /// Name of the file in the spool.
        file: String,
        /// Its size.
        bytes: u64,
    },
    /// A run ended.
    RunEnded {
        /// How.
        status: RunStatus,
    },
    /// A version of a registered model: artifacts of a run.
    ModelVersion {
        /// Which model.
        model: String,
        /// Which version.
        version: VersionId,
        /// The run that made it.
        run: RunId,
        /// Path of its artifacts in the run.
        path: String,
        /// Words about it.
        tags: Vec<(String, String)>,
    },
    /// An alias means that version from now on.
    Alias {
        /// Of which model.
        model: String,
        /// E.g. `champion`.
        alias: String,
        /// Which version.
        version: VersionId,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// It did what it was to do.
    Finished,
    /// It did not.
    Failed,
    /// It was stopped.
    Killed,
}

impl RunStatus {
    /// As MLflow names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }
}

impl Record {
    /// Something that happens now.
    pub(super) fn now(what: What) -> Self {
        Self { time_ms: now_ms(), what }
    }
}

pub(super) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(what: What) -> String {
        serde_json::to_string(&Record { time_ms: 7, what }).unwrap()
    }

    #[test]
    fn records_are_flat_objects() {
        let metric = What::Metric { key: "map.secs".to_owned(), value: MetricValue(0.25), step: 3 };
        assert_eq!(line(metric), r#"{"time_ms":7,"kind":"metric","key":"map.secs","value":0.25,"step":3}"#);
        let ended = What::RunEnded { status: RunStatus::Finished };
        assert_eq!(line(ended), r#"{"time_ms":7,"kind":"run_ended","status":"FINISHED"}"#);
    }

    #[test]
    fn every_record_is_read_back() {
        let (run, version) = (RunId::new(), VersionId::new());
        let text = |text: &str| text.to_owned();
        let records = [
            What::RunStarted { run: run.clone(), experiment: text("e"), name: text("n"), parent: Some(RunId::new()) },
            What::RunResumed { run: run.clone() },
            What::RunDetached,
            What::Metric { key: text("m"), value: MetricValue(f64::NEG_INFINITY), step: -1 },
            What::Metric { key: text("m"), value: MetricValue(0.1 + 0.2), step: i64::MAX },
            What::Param { key: text("p"), value: text("two\nlines \u{1f4f7}") },
            What::Tag { key: text("t"), value: String::new() },
            What::Artifact { path: text("a/b"), file: text("f"), bytes: u64::MAX },
            What::ModelVersion {
                model: text("m"),
                version: version.clone(),
                run,
                path: text("p"),
                tags: vec![(text("k"), text("v"))],
            },
            What::Alias { model: text("m"), alias: text("champion"), version },
        ];
        for what in records {
            let written = line(what.clone());
            assert!(!written.contains('\n'), "{written}");
            assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), Record { time_ms: 7, what });
        }
    }
}
