//! How far a job's stages are, with rate and time to go.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a stage is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// Not begun.
    #[default]
    Waiting,
    /// Under way.
    Running,
    /// Done.
    Finished,
    /// It ended the job.
    Failed,
}

/// Progress of one stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StageProgress {
    /// `read`, `extract`, `pair`, `match`, `map` or `export`.
    pub stage: String,
    /// What its items are.
    pub unit: String,
    /// Ids of the plugins that do it, once it has begun.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// Where it is.
    pub state: StageState,
    /// Items done, those of an earlier attempt included.
    pub done: u64,
    /// Items to do, once known.
    pub total: Option<u64>,
    /// Items taken from an earlier attempt.
    pub reused: u64,
    /// Wall time, once finished.
    pub secs: Option<f64>,
    /// Items a second in this attempt, once there are any.
    pub rate_per_sec: Option<f64>,
    /// Seconds to go at that rate.
    pub eta_secs: Option<f64>,
    /// When it began, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<i64>,
    /// Items that were done when the first progress of this attempt came: these took no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at_first: Option<u64>,
}

/// Progress of all stages, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tracker {
    /// Every stage of the pipeline.
    #[serde(default)]
    pub stages: Vec<StageProgress>,
}

/// The stages of the pipeline with the units of their items.
const STAGES: [(&str, &str); 6] = [
    ("read", "images"),
    ("extract", "images"),
    ("pair", "pairs"),
    ("match", "pairs"),
    ("map", "images"),
    ("export", "files"),
];

impl Tracker {
    /// Nothing has begun.
    #[must_use]
    pub fn new() -> Self {
        let waiting = |&(stage, unit): &(&str, &str)| StageProgress {
            stage: stage.to_owned(),
            unit: unit.to_owned(),
            ..StageProgress::default()
        };
        Self { stages: STAGES.iter().map(waiting).collect() }
    }

    /// A stage begins.
    pub fn start(&mut self, stage: &str, total: Option<u64>, plugins: &[String], now_ms: i64) {
        if let Some(progress) = self.get(stage) {
            *progress = StageProgress {
                stage: progress.stage.clone(),
                unit: progress.unit.clone(),
                plugins: plugins.to_owned(),
                state: StageState::Running,
                total,
                began_at: Some(now_ms),
                ..StageProgress::default()
            };
        }
    }

    /// Ids of the plugins that do a stage, once it has begun.
    #[must_use]
    pub fn plugins(&self, stage: &str) -> &[String] {
        self.stages.iter().find(|progress| progress.stage == stage).map_or(&[], |progress| progress.plugins.as_slice())
    }

    /// Items were done.
    pub fn advance(&mut self, stage: &str, done: u64, total: u64, now_ms: i64) {
        let Some(progress) = self.get(stage) else { return };
        let before = *progress.done_at_first.get_or_insert(done.saturating_sub(1));
        (progress.done, progress.total) = (done, Some(total));
        let elapsed_secs = (now_ms - progress.began_at.unwrap_or(now_ms)) as f64 / 1000.0;
        let num_of_now = done.saturating_sub(before) as f64;
        if elapsed_secs > 0.0 && num_of_now > 0.0 {
            let rate = num_of_now / elapsed_secs;
            progress.rate_per_sec = Some(rate);
            progress.eta_secs = Some(total.saturating_sub(done) as f64 / rate);
        }
    }

    /// A stage ended well.
    pub fn finish(&mut self, stage: &str, items: u64, reused: u64, secs: f64) {
        if let Some(progress) = self.get(stage) {
            progress.state = StageState::Finished;
            (progress.done, progress.total, progress.reused) = (items, Some(items), reused);
            (progress.secs, progress.eta_secs) = (Some(secs), None);
            let num_of_now = items.saturating_sub(reused) as f64;
            progress.rate_per_sec = (secs > 0.0 && num_of_now > 0.0).then(|| num_of_now / secs);
        }
    }

    /// The stage that runs ended the job.
    pub fn fail(&mut self) {
        for progress in self.stages.iter_mut().filter(|progress| progress.state == StageState::Running) {
            progress.state = StageState::Failed;
            progress.eta_secs = None;
        }
    }

    /// A worker ended: what it had begun will begin again.
    pub fn interrupt(&mut self) {
        for progress in self.stages.iter_mut().filter(|progress| progress.state == StageState::Running) {
            progress.state = StageState::Waiting;
            (progress.rate_per_sec, progress.eta_secs, progress.began_at) = (None, None, None);
            progress.done_at_first = None;
        }
    }

    fn get(&mut self, stage: &str) -> Option<&mut StageProgress> {
        self.stages.iter_mut().find(|progress| progress.stage == stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_attempt_did_counts_as_done_but_not_for_the_rate() {
        let mut tracker = Tracker::new();
        tracker.start("extract", Some(100), &[], 0);
        tracker.advance("extract", 61, 100, 1_000);
        tracker.advance("extract", 70, 100, 10_000);
        let extract = &tracker.stages[1];
        assert_eq!((extract.done, extract.rate_per_sec, extract.eta_secs), (70, Some(1.0), Some(30.0)));
    }

    #[test]
    fn an_interrupted_stage_begins_again_and_a_finished_one_stays() {
        let mut tracker = Tracker::new();
        tracker.start("read", None, &[], 0);
        tracker.finish("read", 5, 0, 2.0);
        tracker.start("extract", Some(5), &[], 2_000);
        tracker.interrupt();
        let states: Vec<_> = tracker.stages.iter().map(|stage| stage.state).collect();
        assert_eq!(states[..2], [StageState::Finished, StageState::Waiting]);
        assert_eq!(tracker.stages[0].rate_per_sec, Some(2.5));
    }
}
