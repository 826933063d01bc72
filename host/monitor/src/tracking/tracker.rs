//! Begins runs, takes up those of other processes, and promotes what they made.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::config::TrackingConfig;
use super::ids::{RunId, VersionId};
use super::limits;
use super::mlflow::Mlflow;
use super::models::Promotion;
use super::record::{Record, RunStatus, What};
use super::record_file::{RecordFile, record_files};
use super::run::{Run, params_of, tags_of};
use super::send::{Background, Sender};
use super::spool::{Spool, make_folder};
use super::status::{Tally, TrackingStatus};
use super::view;
use crate::MonitorError;

/// Records runs into a spool, and sends them where there is a server. Dropping it gives the server the config's grace time
/// for what was not sent yet.
#[derive(Debug)]
pub struct Tracker {
    config: TrackingConfig,
    spool: Spool,
    models: Mutex<Option<RecordFile>>,
    tally: Arc<Tally>,
    background: Mutex<Option<Background>>,
}

/// A run to start.
#[derive(Debug, Clone, Default)]
pub struct RunStart {
    /// What it is an experiment of; made on the server where it is missing.
    pub experiment: String,
    /// For people.
    pub name: String,
    /// The run that it is part of.
    pub parent: Option<RunId>,
    /// What was chosen before, e.g. by [`super::flatten`].
    pub params: Vec<(String, String)>,
    /// Words about it.
    pub tags: Vec<(String, String)>,
}

impl Tracker {
    /// Opens a spool, and begins to send what it holds where the config names a server.
    ///
    /// # Errors
    /// [`MonitorError::Spool`] if the folder can't be made; [`MonitorError::TrackingConfig`] if the server's URL is none.
    pub fn open(config: &TrackingConfig) -> Result<Self, MonitorError> {
        let spool = Spool::open(&config.spool)?;
        let tally = Arc::new(Tally::default());
        let background = Mlflow::new(config)?.and_then(|mlflow| {
            let sender = Sender::new(spool.clone(), mlflow, config.keep_sent, Arc::clone(&tally));
            let started = Background::start(sender, Arc::clone(&tally), config.grace);
            started.inspect_err(|error| tracing::warn!("tracking: no thread to send with: {error}")).ok()
        });
        Ok(Self { config: config.clone(), spool, models: Mutex::default(), tally, background: Mutex::new(background) })
    }

    /// Sends what was not sent yet, for the config's grace time at most; what comes afterwards stays in the spool for the
    /// next process. A drop does the same.
    pub fn close(&self) {
        let background = self.background.lock().unwrap_or_else(PoisonError::into_inner).take();
        // its drop waits
        drop(background);
    }

    /// Removes the records of a run that nobody goes on with, unless a server is still to get some of them.
    pub fn forget(&self, id: &RunId) {
        let is_open = || view::run(self.spool.folder(), id).is_ok_and(|run| run.status.is_none());
        if self.config.server.is_some() && self.spool.run(id).is_dir() && is_open() {
            self.take_up(id.clone(), Vec::new()).end(RunStatus::Killed);
        }
        let forgotten = self.spool.hold_moves().and_then(|_held| {
            let unsent = self.spool.run(id);
            // without a server nobody waits for them
            let folders = [(self.spool.sent_run(id), true), (unsent, self.config.server.is_none())];
            folders
                .iter()
                .filter(|(folder, may_go)| *may_go && folder.is_dir())
                .try_for_each(|(folder, _)| fs::remove_dir_all(folder))
        });
        if let Err(error) = forgotten {
            tracing::warn!(run = %id, "tracking: the records of a run that was removed are still there: {error}");
        }
    }

    /// How sending goes.
    #[must_use]
    pub fn status(&self) -> TrackingStatus {
        self.tally.status()
    }

    /// Starts a run.
    #[must_use]
    pub fn start_run(&self, start: RunStart) -> Run {
        self.start_run_as(RunId::new(), start)
    }

    /// Starts the run of that id; one that is known goes on.
    #[must_use]
    pub fn start_run_as(&self, id: RunId, start: RunStart) -> Run {
        let secret_keys = &self.config.secret_keys;
        let mut first = params_of(start.params, secret_keys);
        first.extend(tags_of(start.tags, secret_keys));
        let has_records = |folder: PathBuf| record_files(&folder).is_ok_and(|files| !files.is_empty());
        if self.spool.known_run(&id).is_some_and(has_records) {
            return self.take_up(id, first);
        }
        let started = What::RunStarted {
            run: id.clone(),
            experiment: limits::name(&start.experiment),
            name: limits::name(&start.name),
            parent: start.parent,
        };
        first.insert(0, started);
        let folder = self.spool.run(&id);
        let opened = make_folder(&folder).and_then(|()| RecordFile::create(&folder));
        Run::begin(id, folder, &self.config, opened, first)
    }

    /// Goes on with a run of another process, or of an earlier one.
    ///
    /// # Errors
    /// [`MonitorError::NoRun`] if the spool knows none of that id.
    pub fn resume_run(&self, id: &RunId) -> Result<Run, MonitorError> {
        if self.spool.known_run(id).is_none() {
            return Err(MonitorError::NoRun { run: id.to_string(), spool: self.spool.folder().to_owned() });
        }
        Ok(self.take_up(id.clone(), Vec::new()))
    }

    /// Registers artifacts of a run as a version of a model, and lets aliases mean it from now on; in that order, and
    /// promotions in the order in which they were made.
    pub fn promote(&self, promotion: &Promotion) -> VersionId {
        let version = VersionId::new();
        let records: Vec<Record> = promotion.records(&version).into_iter().map(Record::now).collect();
        if let Err(error) = self.append_to_models(&records) {
            let spool = self.spool.folder().display();
            tracing::warn!(%spool, "tracking: a promotion of `{}` is lost: {error}", promotion.model);
        }
        version
    }

    fn append_to_models(&self, records: &[Record]) -> io::Result<()> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match models.take() {
            Some(file) => file,
            None => RecordFile::create(&self.spool.models())?,
        };
        models.insert(file).append(records)
    }

    fn take_up(&self, id: RunId, then: Vec<What>) -> Run {
        let mut first = vec![What::RunResumed { run: id.clone() }];
        first.extend(then);
        let folder = self.spool.run(&id);
        // a run that is being moved away would take the new records with it
        let held = self.spool.hold_moves();
        let opened = held.and_then(|held| {
            let opened = self.back_among_unsent(&id).and_then(|folder| RecordFile::create(&folder));
            drop(held);
            opened
        });
        Run::begin(id, folder, &self.config, opened, first)
    }

    fn back_among_unsent(&self, id: &RunId) -> io::Result<PathBuf> {
        let folder = self.spool.run(id);
        if !folder.is_dir() {
            fs::rename(self.spool.sent_run(id), &folder)?;
        }
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::super::record_file::read_all;
    use super::*;

    fn opened() -> (tempfile::TempDir, Tracker) {
        let folder = tempfile::tempdir().unwrap();
        let tracker = Tracker::open(&TrackingConfig::new(&folder.path().join("spool"))).unwrap();
        (folder, tracker)
    }

    fn named(name: &str) -> RunStart {
        RunStart { experiment: "scenes".to_owned(), name: name.to_owned(), ..RunStart::default() }
    }

    fn view_of(tracker: &Tracker, run: &Run) -> view::RunView {
        view::run(tracker.spool.folder(), run.id()).unwrap()
    }

    #[test]
    fn a_run_is_what_was_recorded_of_it() {
        let (folder, tracker) = opened();
        let parent = tracker.start_run(named("parent"));
        let params = vec![("matcher.ratio".to_owned(), "0.8".to_owned()), ("webhook.token".to_owned(), "x".to_owned())];
        let run = tracker.start_run(RunStart { parent: Some(parent.id().clone()), params, ..named("fountain") });
        run.metrics([("auc", 0.5), ("nan", f64::NAN)], 3);
        run.tag("scene", "first");
        run.tag("scene", "fountain");
        run.tag("note", "postgres://ann:hunter2@db/x");
        let file = folder.path().join("table.csv");
        fs::write(&file, "a,b\n").unwrap();
        run.artifact("tables/table.csv", &file);
        run.artifact_bytes("../state.txt", b"clean");
        run.end(RunStatus::Finished);
        run.metric("late", 1.0, 0);
        let view = view_of(&tracker, &run);
        assert_eq!(
            (view.experiment.as_str(), view.name.as_str(), view.parent.as_ref()),
            ("scenes", "fountain", Some(parent.id()))
        );
        assert_eq!((view.status, view.num_records), (Some(RunStatus::Finished), 9));
        assert_eq!(view.params.into_iter().collect::<Vec<_>>(), [("matcher.ratio".to_owned(), "0.8".to_owned())]);
        assert_eq!(view.tags.into_iter().collect::<Vec<_>>(), [("scene".to_owned(), "fountain".to_owned())]);
        assert_eq!((view.metrics["auc"].step, view.metrics["nan"].value.0.is_nan()), (3, true));
        let artifacts: Vec<_> = view.artifacts.into_iter().collect();
        assert_eq!(artifacts, [("state.txt".to_owned(), 5), ("tables/table.csv".to_owned(), 4)]);
    }

    #[test]
    fn a_run_that_nobody_ended_failed_and_one_let_go_of_goes_on() {
        let (_folder, tracker) = opened();
        let id = {
            let run = tracker.start_run(named("lost"));
            let other_handle = run.clone();
            drop(run);
            assert_eq!(view_of(&tracker, &other_handle).status, None);
            other_handle.id().clone()
        };
        assert_eq!(view::run(tracker.spool.folder(), &id).unwrap().status, Some(RunStatus::Failed));
        let run = tracker.start_run(named("parent"));
        run.detach();
        drop(run.clone());
        assert_eq!(view_of(&tracker, &run).status, None);
        let resumed = tracker.resume_run(run.id()).unwrap();
        resumed.metric("m", 1.0, 0);
        resumed.end(RunStatus::Killed);
        assert_eq!(view_of(&tracker, &run).status, Some(RunStatus::Killed));
        assert_eq!(record_files(&tracker.spool.run(run.id())).unwrap().len(), 2);
        assert!(matches!(tracker.resume_run(&RunId::new()), Err(MonitorError::NoRun { .. })));
    }

    #[test]
    fn a_run_of_an_id_that_is_known_goes_on_wherever_it_lies() {
        let (_folder, tracker) = opened();
        let id = RunId::new();
        tracker.start_run_as(id.clone(), named("job")).detach();
        fs::rename(tracker.spool.run(&id), tracker.spool.sent_run(&id)).unwrap();
        let run = tracker.start_run_as(id.clone(), named("job"));
        run.metric("m", 1.0, 0);
        let view = view_of(&tracker, &run);
        assert_eq!((view.name.as_str(), view.num_records), ("job", 4));
        assert!(tracker.spool.run(&id).is_dir() && !tracker.spool.sent_run(&id).exists());
    }

    #[test]
    fn a_spool_that_is_gone_fails_no_run() {
        let (_folder, tracker) = opened();
        fs::remove_dir_all(tracker.spool.folder()).unwrap();
        fs::write(tracker.spool.folder(), "in the way").unwrap();
        let run = tracker.start_run(named("x"));
        run.metric("m", 1.0, 0);
        run.artifact_bytes("a", b"a");
        run.end(RunStatus::Finished);
        tracker.promote(&Promotion {
            model: "m".to_owned(),
            run: run.id().clone(),
            path_in_run: "a".to_owned(),
            aliases: Vec::new(),
            tags: Vec::new(),
        });
    }

    #[test]
    fn promotions_are_recorded_in_their_order() {
        let (_folder, tracker) = opened();
        let run = tracker.start_run(named("best"));
        let promote = |aliases: &[&str]| {
            tracker.promote(&Promotion {
                model: "scene3d/pipeline".to_owned(),
                run: run.id().clone(),
                path_in_run: "config".to_owned(),
                aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
                tags: vec![("mAA".to_owned(), "0.9".to_owned())],
            })
        };
        let [first, second] = [promote(&["champion"]), promote(&[])];
        let versions: Vec<_> =
            read_all(&tracker.spool.models()).unwrap().into_iter().map(|record| record.what).collect();
        assert!(
            matches!(&versions[0], What::ModelVersion { model, version, .. } if model == "scene3d_pipeline" && *version == first)
        );
        assert!(matches!(&versions[1], What::Alias { alias, version, .. } if alias == "champion" && *version == first));
        assert!(matches!(&versions[2], What::ModelVersion { version, .. } if *version == second));
        assert_eq!(versions.len(), 3);
    }

    #[test]
    fn a_run_that_is_forgotten_stays_until_the_server_has_it() {
        let (_folder, tracker) = opened();
        let id = tracker.start_run(named("removed")).id().clone();
        tracker.forget(&id);
        assert_eq!(tracker.spool.known_run(&id), None);
        let config = TrackingConfig { grace: std::time::Duration::ZERO, ..tracker.config.clone() };
        let sending = Tracker::open(&config.with_server("http://127.0.0.1:9")).unwrap();
        let run = sending.start_run(named("unsent"));
        run.detach();
        sending.forget(run.id());
        assert_eq!(view_of(&sending, &run).status, Some(RunStatus::Killed));
        fs::rename(sending.spool.run(run.id()), sending.spool.sent_run(run.id())).unwrap();
        sending.forget(run.id());
        assert_eq!(sending.spool.known_run(run.id()), None);
    }

    #[test]
    fn only_a_spool_and_a_url_that_can_be_are_opened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(Tracker::open(&TrackingConfig::new(file.path())), Err(MonitorError::Spool { .. })));
        let folder = tempfile::tempdir().unwrap();
        let config = TrackingConfig::new(folder.path()).with_server("nonsense");
        assert!(matches!(Tracker::open(&config), Err(MonitorError::TrackingConfig(_))));
    }
}
