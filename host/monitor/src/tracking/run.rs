//! A run that is being recorded. Handles may be cloned and used from any thread.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::artifact_files::{Kept, keep_bytes, keep_file};
use super::config::TrackingConfig;
use super::ids::RunId;
use super::limits::{self, MAX_PARAM_CHARS, MAX_TAG_CHARS};
use super::record::{Record, RunStatus, What};
use super::record_file::RecordFile;
use super::secrets::is_secret;
use super::value::MetricValue;

/// A run. Nothing here fails or waits: a record that can't be written is lost, and that is told once a run. When the last
/// handle goes without [`Run::end`] or [`Run::detach`], e.g. because an error was returned, the run ended as failed.
#[derive(Debug, Clone)]
pub struct Run(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: RunId,
    folder: PathBuf,
    secret_keys: Vec<String>,
    max_artifact_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// None where it could not be made, and once the run ended.
    file: Option<RecordFile>,
    has_warned: bool,
}

impl Run {
    pub(super) fn begin(
        id: RunId,
        folder: PathBuf,
        config: &TrackingConfig,
        opened: io::Result<RecordFile>,
        first: Vec<What>,
    ) -> Self {
        let inner = Inner {
            id,
            folder,
            secret_keys: config.secret_keys.clone(),
            max_artifact_bytes: config.max_artifact_bytes,
            state: Mutex::default(),
        };
        let run = Self(Arc::new(inner));
        match opened {
            Ok(file) => run.0.state().file = Some(file),
            Err(error) => run.0.warn_once(&format!("the run can't be recorded: {error}")),
        }
        run.0.write(first);
        run
    }

    /// Its id: children name it as their parent, other processes take it up by it.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.0.id
    }

    /// A figure at a step; not a number and infinite ones are recorded as such.
    pub fn metric(&self, key: &str, value: f64, step: i64) {
        self.0.write(vec![What::Metric { key: limits::key(key), value: MetricValue(value), step }]);
    }

    /// Several figures at a step, in one write.
    pub fn metrics<'a>(&self, figures: impl IntoIterator<Item = (&'a str, f64)>, step: i64) {
        let metric = |(key, value)| What::Metric { key: limits::key(key), value: MetricValue(value), step };
        self.0.write(figures.into_iter().map(metric).collect());
    }

    /// Something that was chosen before the run; what looks like a secret is not recorded.
    pub fn param(&self, key: &str, value: &str) {
        self.params([(key.to_owned(), value.to_owned())]);
    }

    /// Several parameters, e.g. of [`super::flatten`], in one write.
    pub fn params(&self, params: impl IntoIterator<Item = (String, String)>) {
        self.0.write(params_of(params, &self.0.secret_keys));
    }

    /// A word about the run; the last one of a key holds. What looks like a secret is not recorded.
    pub fn tag(&self, key: &str, value: &str) {
        self.0.write(tags_of([(key.to_owned(), value.to_owned())], &self.0.secret_keys));
    }

    /// A file that the run made, under a path in the run. It must not be changed in place afterwards (to write it anew and
    /// rename is fine): the spool keeps it by a hard link where the disk allows.
    pub fn artifact(&self, path_in_run: &str, file: &Path) {
        let kept = keep_file(&self.0.folder, file, self.0.max_artifact_bytes);
        self.0.note_artifact(path_in_run, kept);
    }

    /// Bytes as a file under a path in the run.
    pub fn artifact_bytes(&self, path_in_run: &str, bytes: &[u8]) {
        let kept = keep_bytes(&self.0.folder, bytes, self.0.max_artifact_bytes);
        self.0.note_artifact(path_in_run, kept);
    }

    /// It ended; nothing is recorded afterwards.
    pub fn end(&self, status: RunStatus) {
        self.0.finish(What::RunEnded { status });
    }

    /// This process lets go of it; it goes on elsewhere, or later (see [`super::Tracker::resume_run`]).
    pub fn detach(&self) {
        self.0.finish(What::RunDetached);
    }
}

/// Parameters as they are recorded.
pub(super) fn params_of(params: impl IntoIterator<Item = (String, String)>, secret_keys: &[String]) -> Vec<What> {
    let params = params.into_iter().filter(|(key, value)| !is_secret(key, value, secret_keys));
    params
        .map(|(key, value)| What::Param { key: limits::key(&key), value: limits::value(&value, MAX_PARAM_CHARS) })
        .collect()
}

/// Tags as they are recorded.
pub(super) fn tags_of(tags: impl IntoIterator<Item = (String, String)>, secret_keys: &[String]) -> Vec<What> {
    let tags = tags.into_iter().filter(|(key, value)| !is_secret(key, value, secret_keys));
    tags.map(|(key, value)| What::Tag { key: limits::key(&key), value: limits::value(&value, MAX_TAG_CHARS) }).collect()
}

impl Inner {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, whats: Vec<What>) {
        let records: Vec<Record> = whats.into_iter().map(Record::now).collect();
        let mut state = self.state();
        let Some(file) = state.file.as_mut() else { return };
        let appended = file.append(&records);
        drop(state);
        if let Err(error) = appended {
            self.warn_once(&format!("records are lost: {error}"));
        }
    }

    fn note_artifact(&self, path_in_run: &str, kept: io::Result<Kept>) {
        match kept {
            Ok(Kept { file, bytes }) => {
                self.write(vec![What::Artifact { path: limits::key(path_in_run), file, bytes }]);
            }
            Err(error) => self.warn_once(&format!("artifact `{path_in_run}` is not recorded: {error}")),
        }
    }

    fn finish(&self, what: What) {
        self.write(vec![what]);
        self.state().file = None;
    }

    fn warn_once(&self, what: &str) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.has_warned, true) {
            drop(state);
            tracing::warn!(run = %self.id, spool = %self.folder.display(), "tracking: {what}; the run goes on");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.finish(What::RunEnded { status: RunStatus::Failed });
    }
}
