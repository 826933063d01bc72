//! What a run says, as executors tell it: progress at most four times a second, log lines up to a bound, no path of this
//! machine.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use scene3d_engine::Negotiated;
use scene3d_pipeline::{Event, Observer, StageName};

use super::Voice;
use super::protocol::Told;
use crate::jobs::executor::ExecutorEvent;

/// Progress of a stage is told at most so often.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Log lines that are told of an attempt; all of them are in the worker's log.
const MAX_LOG_LINES: usize = 1000;

/// Tells what a run says.
pub(super) struct JobObserver {
    job_id: String,
    voice: Voice,
    /// Passes on what is told, once what was finished before is kept.
    keeper: Option<Sender<Option<Told>>>,
    /// Ids of the plugins of each stage.
    plugins: [(StageName, Vec<String>); 3],
    hidden: Hidden,
    state: Mutex<State>,
}

/// Paths of this machine, and what is said in their place.
#[derive(Debug, Clone)]
pub(super) struct Hidden(pub Vec<(String, &'static str)>);

#[derive(Default)]
struct State {
    stage: Option<StageName>,
    told_at: Option<Instant>,
    /// Progress that was too early to be told.
    held: Option<ExecutorEvent>,
    num_log_lines: usize,
}

impl Hidden {
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (path, instead)| text.replace(path, instead))
    }
}

impl JobObserver {
    pub(super) fn new(
        (job_id, voice): (&str, &Voice),
        keeper: Option<Sender<Option<Told>>>,
        negotiated: &Negotiated,
        hidden: Hidden,
    ) -> Self {
        let extractors = negotiated.features.iter().filter_map(|entry| entry.extractor.as_ref());
        let matchers = negotiated.features.iter().map(|entry| &entry.matcher);
        let plugins = [
            (StageName::Extract, distinct(extractors.map(|plan| plan.plugin_id()))),
            (StageName::Match, distinct(matchers.map(|plan| plan.plugin_id()))),
            (StageName::Map, vec![negotiated.mapper.plugin_id().to_owned()]),
        ];
        Self { job_id: job_id.to_owned(), voice: voice.clone(), keeper, plugins, hidden, state: Mutex::default() }
    }

    /// The stage that was begun last.
    pub(super) fn stage(&self) -> Option<StageName> {
        self.lock().stage
    }

    fn plugins_of(&self, stage: StageName) -> Vec<String> {
        let found = self.plugins.iter().find(|(known, _)| *known == stage);
        found.map(|(_, plugins)| plugins.clone()).unwrap_or_default()
    }

    fn tell(&self, event: ExecutorEvent) {
        match &self.keeper {
            // one that failed has cancelled the run
            Some(keeper) => drop(keeper.send(Some(Told::Event(event)))),
            None => self.voice.event(&self.job_id, event),
        }
    }

    fn progress(&self, event: ExecutorEvent) {
        let mut state = self.lock();
        if state.told_at.is_some_and(|told_at| told_at.elapsed() < PROGRESS_EVERY) {
            state.held = Some(event);
            return;
        }
        (state.told_at, state.held) = (Some(Instant::now()), None);
        // under the lock, so that progress is told in its order
        self.tell(event);
    }

    /// The last progress of a stage is always told.
    fn begin_or_end(&self, stage: Option<StageName>, event: ExecutorEvent) {
        let mut state = self.lock();
        if let Some(held) = state.held.take() {
            self.tell(held);
        }
        state.told_at = None;
        state.stage = stage.or(state.stage);
        self.tell(event);
    }

    fn log(&self, level: &'static str, target: String, message: &str) {
        match level {
            "error" => tracing::error!(plugin = target, "{message}"),
            "warn" => tracing::warn!(plugin = target, "{message}"),
            "info" => tracing::info!(plugin = target, "{message}"),
            _ => return tracing::debug!(plugin = target, "{message}"),
        }
        let mut state = self.lock();
        state.num_log_lines += 1;
        let num_log_lines = state.num_log_lines;
        drop(state);
        let (level, message) = match num_log_lines {
            ..=MAX_LOG_LINES => (level, self.hidden.hide(message)),
            _ if num_log_lines == MAX_LOG_LINES + 1 => {
                ("warn", "further lines are in the worker's log only".to_owned())
            }
            _ => return,
        };
        self.tell(ExecutorEvent::Log { level: level.to_owned(), target, message });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for JobObserver {
    fn event(&self, event: Event) {
        match event {
            Event::StageStarted { stage, total } => {
                let (name, plugins) = (stage.name().to_owned(), self.plugins_of(stage));
                let started = ExecutorEvent::StageStarted { stage: name, total: total.map(|n| n as u64), plugins };
                self.begin_or_end(Some(stage), started);
            }
            Event::Progress { stage, done, total, what } => {
                let (stage, done, total) = (stage.name().to_owned(), done as u64, total as u64);
                self.progress(ExecutorEvent::Progress { stage, done, total, what });
            }
            Event::StageFinished { stage, items, reused, secs } => {
                let (name, plugins) = (stage.name().to_owned(), self.plugins_of(stage));
                let (items, reused) = (items as u64, reused as u64);
                self.begin_or_end(None, ExecutorEvent::StageFinished { stage: name, items, reused, secs, plugins });
            }
            Event::Warning { message } => {
                tracing::warn!("{message}");
                self.tell(ExecutorEvent::Warning { message: self.hidden.hide(&message) });
            }
            Event::Log { level, target, message } => self.log(level, target, &message),
            Event::Extracted { image, plugin, num_keypoints, mean_score, sharpness } => {
                if self.plugins_of(StageName::Extract).first() == Some(&plugin) {
                    let num_keypoints = num_keypoints as u64;
                    self.tell(ExecutorEvent::Extracted { image, num_keypoints, mean_score, sharpness });
                }
            }
            Event::Resident { device, bytes } => self.tell(ExecutorEvent::Resident { device, bytes: bytes as u64 }),
            // its ending tells it
            Event::RunFailed(_) => {}
        }
    }
}

fn distinct<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for id in ids {
        if !distinct.iter().any(|known| known == id) {
            distinct.push(id.to_owned());
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::jobs::worker::protocol::FromWorker;

    fn said(tell: impl FnOnce(&JobObserver)) -> Vec<ExecutorEvent> {
        let lines = Arc::new(Mutex::new(Vec::<String>::new()));
        let plugins = [StageName::Extract, StageName::Match, StageName::Map]
            .map(|stage| (stage, ["first", "second"].map(str::to_owned).to_vec()));
        let hidden = Hidden(vec![("/data/work/job_1".to_owned(), "the job's folder")]);
        let heard = Arc::clone(&lines);
        let (job_id, voice) = ("job_1".to_owned(), Voice::new(move |line| heard.lock().unwrap().push(line)));
        tell(&JobObserver { job_id, voice, keeper: None, plugins, hidden, state: Mutex::default() });
        let event = |line: &String| match serde_json::from_str(line).unwrap() {
            FromWorker { told: Told::Event(event), .. } => event,
            other => unreachable!("{other:?}"),
        };
        lines.lock().unwrap().iter().map(event).collect()
    }

    #[test]
    fn of_much_progress_the_first_and_the_last_are_told() {
        const NUM_ITEMS: usize = 100;
        let stage = StageName::Match;
        let events = said(|observer| {
            observer.event(Event::StageStarted { stage, total: Some(NUM_ITEMS) });
            for done in 1..=NUM_ITEMS {
                observer.event(Event::Progress { stage, done, total: NUM_ITEMS, what: String::new() });
            }
            observer.event(Event::StageFinished { stage, items: NUM_ITEMS, reused: 0, secs: 0.0 });
        });
        let done: Vec<u64> = events
            .iter()
            .filter_map(|event| match event {
                ExecutorEvent::Progress { done, .. } => Some(*done),
                _ => None,
            })
            .collect();
        assert_eq!((done.first(), done.last()), (Some(&1), Some(&(NUM_ITEMS as u64))));
        assert!(done.len() < NUM_ITEMS / 2, "{done:?}");
        assert!(matches!(events.last(), Some(ExecutorEvent::StageFinished { .. })));
    }

    #[test]
    fn the_first_extractor_is_heard_as_it_is() {
        let found = |plugin: &str, mean_score| Event::Extracted {
            image: "a.jpg".to_owned(),
            plugin: plugin.to_owned(),
            num_keypoints: 0,
            mean_score,
            sharpness: 1.0,
        };
        let events = said(|observer| {
            observer.event(found("second", Some(0.5)));
            observer.event(found("first", None));
        });
        let expected =
            ExecutorEvent::Extracted { image: "a.jpg".to_owned(), num_keypoints: 0, mean_score: None, sharpness: 1.0 };
        assert_eq!(events, [expected], "no score is no score of zero");
    }

    #[test]
    fn a_plugin_that_talks_without_end_is_heard_for_a_while_and_tells_no_path() {
        let events = said(|observer| {
            for _ in 0..2 * MAX_LOG_LINES {
                let message = "wrote /data/work/job_1/logs".to_owned();
                observer.event(Event::Log { level: "info", target: "colmap".to_owned(), message });
            }
        });
        assert_eq!(events.len(), MAX_LOG_LINES + 1);
        let ExecutorEvent::Log { message, .. } = &events[0] else { unreachable!("{:?}", events[0]) };
        assert_eq!(message, "wrote the job's folder/logs");
    }
}
