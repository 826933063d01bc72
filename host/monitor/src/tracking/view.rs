//! What a spool holds, for people.

use std::collections::BTreeMap;

use std::path::Path;

use serde::Serialize;

use super::cursor::Cursor;
use super::ids::RunId;
use super::record::{RunStatus, What};
use super::record_file::{count_lines, read_all, record_files};
use super::spool::Spool;
use super::value::MetricValue;
use crate::MonitorError;

/// A run as its records tell it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunView {
    /// Which.
    pub run: RunId,
    /// What it is an experiment of.
    pub experiment: String,
    /// For people.
    pub name: String,
    /// The run that it is part of.
    pub parent: Option<RunId>,
    /// Milliseconds since the epoch.
    pub started_ms: i64,
    /// Of the last record.
    pub last_ms: i64,
    /// How it ended; `None` while it goes on, or where its process was killed.
    pub status: Option<RunStatus>,
    /// Records that no server has.
    pub num_unsent: u64,
    /// All records.
    pub num_records: u64,
    /// The first value of each.
    pub params: BTreeMap<String, String>,
    /// The last value of each.
    pub tags: BTreeMap<String, String>,
    /// The last value of each, with its step and how many there are.
    pub metrics: BTreeMap<String, LastMetric>,
    /// Path in the run and size of each.
    pub artifacts: BTreeMap<String, u64>,
}

/// The end of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LastMetric {
    /// The last value.
    pub value: MetricValue,
    /// Its step.
    pub step: i64,
    /// Values of the series.
    pub num_values: usize,
}

/// Every run of a spool, oldest first.
///
/// # Errors
/// [`MonitorError::Spool`] if it can't be read.
pub fn runs(spool: &Path) -> Result<Vec<RunView>, MonitorError> {
    let found = Spool::find(spool)?;
    let mut ids = found.unsent_runs().map_err(MonitorError::spool("read", spool))?;
    ids.extend(found.sent_runs().map_err(MonitorError::spool("read", spool))?);
    ids.sort();
    ids.iter().map(|id| view(&found, id)).collect()
}

/// One run of a spool.
///
/// # Errors
/// [`MonitorError::NoRun`]; [`MonitorError::Spool`] if it can't be read.
pub fn run(spool: &Path, id: &RunId) -> Result<RunView, MonitorError> {
    view(&Spool::find(spool)?, id)
}

fn view(spool: &Spool, id: &RunId) -> Result<RunView, MonitorError> {
    let no_run = || MonitorError::NoRun { run: id.to_string(), spool: spool.folder().to_owned() };
    let folder = spool.known_run(id).ok_or_else(no_run)?;
    let read = || -> std::io::Result<RunView> {
        let mut view = empty(id);
        for record in read_all(&folder)? {
            view.num_records += 1;
            view.last_ms = record.time_ms;
            if view.num_records == 1 {
                view.started_ms = record.time_ms;
            }
            view.add(record.what);
        }
        let cursor = Cursor::read(&folder)?;
        for file in record_files(&folder)? {
            view.num_unsent += count_lines(&file, cursor.file(&file).offset)?.0;
        }
        Ok(view)
    };
    read().map_err(MonitorError::spool("read", &folder))
}

fn empty(id: &RunId) -> RunView {
    RunView {
        run: id.clone(),
        experiment: String::new(),
        name: String::new(),
        parent: None,
        started_ms: 0,
        last_ms: 0,
        status: None,
        num_unsent: 0,
        num_records: 0,
        params: BTreeMap::new(),
        tags: BTreeMap::new(),
        metrics: BTreeMap::new(),
        artifacts: BTreeMap::new(),
    }
}

impl RunView {
    fn add(&mut self, what: What) {
        match what {
            What::RunStarted { experiment, name, parent, .. } => {
                (self.experiment, self.name, self.parent) = (experiment, name, parent);
            }
            What::RunResumed { .. } => self.status = None,
            What::RunEnded { status } => self.status = Some(status),
            What::Metric { key, value, step } => {
                let known = self.metrics.get(&key).map_or(0, |metric| metric.num_values);
                self.metrics.insert(key, LastMetric { value, step, num_values: known + 1 });
            }
            What::Param { key, value } => {
                self.params.entry(key).or_insert(value);
            }
            What::Tag { key, value } => {
                self.tags.insert(key, value);
            }
            What::Artifact { path, bytes, .. } => {
                self.artifacts.insert(path, bytes);
            }
            What::RunDetached | What::ModelVersion { .. } | What::Alias { .. } => {}
        }
    }
}
