//! A run of `reconstruct` that is recorded: its config, its stages over time, its figures and its report.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use scene3d_engine::ResolvedConfig;
use scene3d_monitor::MonitorError;
use scene3d_monitor::tracking::{ModelFigures, RunStart, RunStatus, StageSeries, Tracker, TrackingConfig, flatten};
use scene3d_pipeline::{Event, Observer, Outcome, PipelineError};

use crate::args::TrackArgs;

/// The server where none is named on the command line.
const SERVER_VARIABLE: &str = "SCENE3D_TRACKING_SERVER";

/// What of an output folder is recorded, and where in the run.
const FILES: [(&str, &str); 4] = [
    ("report.json", "report/report.json"),
    ("report.html", "report/report.html"),
    ("run.toml", "config/run.toml"),
    ("points-decimated.ply", "model/points-decimated.ply"),
];

/// A run that is recorded. Dropping it gives the server a few seconds for what it lacks.
pub struct TrackedRun {
    series: Arc<StageSeries>,
    _tracker: Tracker,
}

impl TrackedRun {
    /// Begins to record, if that was asked for. A folder that can't be written is told, and the run goes on without.
    ///
    /// # Errors
    /// If the server's URL can't be one.
    pub fn begin(args: &TrackArgs, config_name: &str, config: &ResolvedConfig) -> Result<Option<Self>> {
        let is_named = |server: &String| !server.is_empty();
        let server =
            args.track.clone().filter(is_named).or_else(|| std::env::var(SERVER_VARIABLE).ok().filter(is_named));
        if args.track.is_none() && server.is_none() {
            return Ok(None);
        }
        let config_of_tracking = TrackingConfig {
            server,
            token_file: args.secret.token_file.clone(),
            basic_auth_file: args.secret.password_file.clone(),
            ..TrackingConfig::new(&args.spool)
        };
        let tracker = match Tracker::open(&config_of_tracking) {
            Ok(tracker) => tracker,
            Err(error @ MonitorError::Spool { .. }) => {
                tracing::warn!("{error}; the run is not recorded");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let run = tracker.start_run(RunStart {
            experiment: args.experiment.clone(),
            name: config_name.to_owned(),
            parent: args.parent.clone(),
            params: flatten(&config.to_json()),
            tags: vec![
                ("scene3d.config".to_owned(), config_name.to_owned()),
                ("scene3d.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ],
        });
        Ok(Some(Self { series: Arc::new(StageSeries::new(run)), _tracker: tracker }))
    }

    /// An observer that records, beside another one.
    pub fn beside(&self, observer: &Arc<dyn Observer>) -> Arc<dyn Observer> {
        Arc::new(Recording { series: Arc::clone(&self.series), observer: Arc::clone(observer) })
    }

    /// Records how the run ended, and what it wrote.
    pub fn end(&self, outcome: &Result<Outcome, PipelineError>, out: &Path) {
        let run = self.series.run();
        for (file, path_in_run) in FILES {
            let file = out.join(file);
            if file.is_file() {
                run.artifact(path_in_run, &file);
            }
        }
        match outcome {
            Ok(outcome) => {
                self.series.model(&figures(outcome));
                run.metric("total_secs", outcome.secs, 0);
                run.end(RunStatus::Finished);
            }
            Err(PipelineError::Cancelled) => run.end(RunStatus::Killed),
            Err(error) => {
                run.tag("scene3d.error", &error.to_string());
                run.end(RunStatus::Failed);
            }
        }
    }
}

fn figures(outcome: &Outcome) -> ModelFigures {
    let statistics = &outcome.statistics;
    ModelFigures {
        num_images: outcome.num_images,
        num_registered: statistics.num_registered,
        num_points3d: statistics.num_points3d,
        num_observations: statistics.num_observations,
        mean_track_length: statistics.mean_track_length,
        mean_reprojection_error_px: statistics.mean_reprojection_error_px,
    }
}

struct Recording {
    series: Arc<StageSeries>,
    observer: Arc<dyn Observer>,
}

impl Observer for Recording {
    fn event(&self, event: Event) {
        match &event {
            Event::Progress { stage, done, .. } => self.series.progressed(stage.name(), *done as u64),
            Event::StageFinished { stage, items, reused, secs } => {
                self.series.finished(stage.name(), *items as u64, *reused as u64, *secs);
            }
            Event::Extracted { num_keypoints, .. } => self.series.extracted(*num_keypoints as u64),
            Event::StageStarted { .. }
            | Event::Warning { .. }
            | Event::Log { .. }
            | Event::Resident { .. }
            | Event::RunFailed(_) => {}
        }
        self.observer.event(event);
    }
}
