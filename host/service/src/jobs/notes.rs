//! What an executor tells of a job, written into the job and counted.

use std::sync::Arc;

use scene3d_monitor::metrics::{Metrics, StageRun};
use serde_json::json;

use super::executor::ExecutorEvent;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::events::JobEvent;
use crate::store::jobs::Job;

impl Job {
    /// What an executor tells, as a change of the job; nothing for what only metrics are told.
    ///
    /// # Errors
    /// [`crate::ServiceError::WrongState`] unless a worker has it.
    pub fn note(&mut self, event: &ExecutorEvent) -> Result<Vec<JobEvent>> {
        let now = now_ms();
        Ok(match event {
            ExecutorEvent::StageStarted { stage, total, plugins } => {
                let mut told = self.run()?;
                self.stage = Some(stage.clone());
                self.tracker.start(stage, *total, plugins, now);
                let body = json!({ "stage": stage, "total": total, "plugins": plugins });
                told.push(JobEvent::new("stage_started", body));
                told
            }
            ExecutorEvent::Progress { stage, done, total, what } => {
                self.tracker.advance(stage, *done, *total, now);
                let progress = self.tracker.stages.iter().find(|progress| progress.stage == *stage);
                let (rate, eta) = progress.map_or((None, None), |known| (known.rate_per_sec, known.eta_secs));
                let body = json!({
                    "stage": stage, "done": done, "total": total, "what": what, "rate_per_sec": rate, "eta_secs": eta,
                });
                vec![JobEvent::new("progress", body)]
            }
            ExecutorEvent::StageFinished { stage, items, reused, secs, plugins } => {
                self.tracker.finish(stage, *items, *reused, *secs);
                let body = json!({
                    "stage": stage, "items": items, "reused": reused, "secs": secs, "plugins": plugins,
                });
                vec![JobEvent::new("stage_finished", body)]
            }
            ExecutorEvent::Warning { message } => vec![JobEvent::new("warning", json!({ "message": message }))],
            ExecutorEvent::Log { level, target, message } if is_for_users(level) => {
                vec![JobEvent::new("log", json!({ "level": level, "target": target, "message": message }))]
            }
            ExecutorEvent::Artifact(artifact) => {
                let body = json!({
                    "name": artifact.name, "bytes": artifact.bytes, "sha256": artifact.sha256,
                    "media_type": artifact.media_type,
                });
                vec![JobEvent::new("artifact", body)]
            }
            ExecutorEvent::Log { .. }
            | ExecutorEvent::Extracted { .. }
            | ExecutorEvent::Resident { .. }
            | ExecutorEvent::Transferred { .. } => Vec::new(),
        })
    }
}

/// Counts what an executor tells.
pub fn count(metrics: &Arc<Metrics>, event: &ExecutorEvent) {
    match event {
        ExecutorEvent::StageFinished { stage, items, reused, secs, plugins } => {
            let plugin = plugins.join("+");
            metrics.work.stage(&StageRun { stage, plugin: &plugin, outcome: "succeeded", secs: *secs });
            match stage.as_str() {
                "extract" => metrics.work.images(items.saturating_sub(*reused)),
                "match" => metrics.work.pairs(items.saturating_sub(*reused)),
                _ => {}
            }
        }
        ExecutorEvent::Resident { device, bytes } => metrics.devices.set_resident_bytes(device, *bytes),
        ExecutorEvent::Transferred { direction, num_copies, num_bytes } => {
            metrics.devices.transferred(direction, *num_copies, *num_bytes);
        }
        _ => {}
    }
}

fn is_for_users(level: &str) -> bool {
    matches!(level, "error" | "warn" | "info")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::state::JobState;

    fn started(stage: &str) -> ExecutorEvent {
        ExecutorEvent::StageStarted { stage: stage.to_owned(), total: Some(4), plugins: Vec::new() }
    }

    #[test]
    fn the_first_stage_makes_a_job_run_and_later_ones_only_move_it() {
        let mut job = Job::queued("a+b", "");
        assert!(job.note(&started("read")).is_err());
        job.take().unwrap();
        let kinds = |told: Vec<JobEvent>| told.iter().map(|event| event.kind).collect::<Vec<_>>();
        assert_eq!(kinds(job.note(&started("read")).unwrap()), ["state", "stage_started"]);
        assert_eq!(kinds(job.note(&started("extract")).unwrap()), ["stage_started"]);
        assert_eq!((job.state, job.stage.as_deref()), (JobState::Running, Some("extract")));
    }

    #[test]
    fn debug_lines_are_not_kept() {
        let mut job = Job::queued("a+b", "");
        job.take().unwrap();
        let line = |level: &str| ExecutorEvent::Log { level: level.into(), target: "p".into(), message: "m".into() };
        assert_eq!(job.note(&line("debug")).unwrap(), []);
        assert_eq!(job.note(&line("warn")).unwrap().len(), 1);
    }
}
