//! Stages of a pipeline as series of figures: what is done over time, and what it took.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::run::Run;

/// Progress of a stage is recorded at most this often, and when it ends.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Records stages of a run; called from any thread. Series: `STAGE.done` over items, `STAGE.secs`, `STAGE.items`,
/// `STAGE.reused`, `extract.num_keypoints` over images, and the model's figures.
#[derive(Debug)]
pub struct StageSeries {
    run: Run,
    progress: Mutex<HashMap<String, Instant>>,
    num_extracted: Mutex<i64>,
}

/// What is known of a finished model.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ModelFigures {
    /// Photos that came in.
    pub num_images: usize,
    /// Those with a pose.
    pub num_registered: usize,
    /// Triangulated points.
    pub num_points3d: usize,
    /// Keypoints that observe a point.
    pub num_observations: usize,
    /// Mean number of observations of a point.
    pub mean_track_length: f64,
    /// Mean over all observations, px.
    pub mean_reprojection_error_px: f64,
}

impl StageSeries {
    /// Of a run.
    #[must_use]
    pub fn new(run: Run) -> Self {
        Self { run, progress: Mutex::default(), num_extracted: Mutex::default() }
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Items of a stage were done, so many so far.
    pub fn progressed(&self, stage: &str, done: u64) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if progress.get(stage).is_some_and(|last| now.duration_since(*last) < PROGRESS_EVERY) {
            return;
        }
        progress.insert(stage.to_owned(), now);
        drop(progress);
        self.run.metric(&format!("{stage}.done"), done as f64, step(done));
    }

    /// A stage ended.
    pub fn finished(&self, stage: &str, items: u64, reused: u64, secs: f64) {
        let names = ["done", "items", "reused", "secs"].map(|name| format!("{stage}.{name}"));
        let [done, rest @ ..] = names.each_ref().map(String::as_str);
        self.run.metric(done, items as f64, step(items));
        self.run.metrics(rest.into_iter().zip([items as f64, reused as f64, secs]), 0);
    }

    /// So many keypoints were found in one more photo.
    pub fn extracted(&self, num_keypoints: u64) {
        let mut num_extracted = self.num_extracted.lock().unwrap_or_else(PoisonError::into_inner);
        let index = *num_extracted;
        *num_extracted += 1;
        drop(num_extracted);
        self.run.metric("extract.num_keypoints", num_keypoints as f64, index);
    }

    /// There is a model.
    pub fn model(&self, model: &ModelFigures) {
        let ratio = model.num_registered as f64 / model.num_images.max(1) as f64;
        let figures = [
            ("num_images", model.num_images as f64),
            ("num_registered", model.num_registered as f64),
            ("registered_ratio", ratio),
            ("num_points3d", model.num_points3d as f64),
            ("num_observations", model.num_observations as f64),
            ("mean_track_length", model.mean_track_length),
            ("mean_reprojection_error_px", model.mean_reprojection_error_px),
        ];
        self.run.metrics(figures, 0);
    }
}

fn step(done: u64) -> i64 {
    i64::try_from(done).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{RunStart, RunStatus, Tracker, TrackingConfig, view};
    use super::*;

    #[test]
    fn a_stage_is_a_series_with_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let tracker = Tracker::open(&TrackingConfig::new(folder.path())).unwrap();
        let series = StageSeries::new(tracker.start_run(RunStart::default()));
        // all but the first come too soon
        (1..=100).for_each(|done| series.progressed("match", done));
        series.finished("match", 100, 40, 2.5);
        (0..3).for_each(|_| series.extracted(7));
        series.model(&ModelFigures { num_images: 4, num_registered: 3, ..ModelFigures::default() });
        series.run().end(RunStatus::Finished);
        let metrics = view::run(folder.path(), series.run().id()).unwrap().metrics;
        let of = |key: &str| (metrics[key].value.0, metrics[key].step);
        assert_eq!([of("match.done"), of("match.secs"), of("match.reused")], [(100.0, 100), (2.5, 0), (40.0, 0)]);
        assert_eq!((of("extract.num_keypoints"), of("registered_ratio").0), ((7.0, 2), 0.75));
    }
}
