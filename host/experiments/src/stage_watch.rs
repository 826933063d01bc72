//! Watches a run: keeps what each stage did, records it as series of figures, and passes events on.

use std::sync::{Arc, Mutex, PoisonError};

use scene3d_monitor::tracking::{Run, StageSeries};
use scene3d_pipeline::{Event, Observer, StageName};
use serde::{Deserialize, Serialize};

/// One stage of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageFacts {
    /// Which.
    pub stage: StageName,
    /// Items it had.
    pub items: usize,
    /// Items taken from an earlier run.
    pub reused: usize,
    /// Wall time.
    pub secs: f64,
}

pub(crate) struct StageWatch {
    stages: Mutex<Vec<StageFacts>>,
    series: Option<StageSeries>,
    watcher: Arc<dyn Observer>,
}

impl StageWatch {
    pub fn new(run: Option<Run>, watcher: Arc<dyn Observer>) -> Self {
        Self { stages: Mutex::default(), series: run.map(StageSeries::new), watcher }
    }

    /// Those that ended, in order.
    pub fn stages(&self) -> Vec<StageFacts> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, event: &Event) {
        let Some(series) = &self.series else { return };
        match event {
            Event::Progress { stage, done, .. } => series.progressed(stage.name(), *done as u64),
            Event::StageFinished { stage, items, reused, secs } => {
                series.finished(stage.name(), *items as u64, *reused as u64, *secs);
            }
            Event::Extracted { num_keypoints, .. } => series.extracted(*num_keypoints as u64),
            _ => {}
        }
    }
}

impl Observer for StageWatch {
    fn event(&self, event: Event) {
        self.record(&event);
        if let Event::StageFinished { stage, items, reused, secs } = event {
            let facts = StageFacts { stage, items, reused, secs };
            self.stages.lock().unwrap_or_else(PoisonError::into_inner).push(facts);
        }
        self.watcher.event(event);
    }
}
