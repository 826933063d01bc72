//! What is recorded of an experiment: a run a stage, and below it a run a scene; one place for all stages.
//!
//! Nothing here fails or delays a stage. Stages that `scene3d experiments repro` has started find the run that they are part
//! of by [`PARENT_VARIABLE`].

use std::path::Path;
use std::time::Instant;

use scene3d_monitor::tracking::{Promotion, Run, RunId, RunStart, RunStatus, Tracker, TrackingConfig, flatten};
use scene3d_pipeline::PipelineError;
use serde_json::Value;

use crate::ExperimentError;
use crate::metrics::Values;
use crate::project::Project;

/// Environment variable with the id of the run that a stage is part of.
pub const PARENT_VARIABLE: &str = "SCENE3D_TRACKING_PARENT";
/// Name of the experiment that all runs are of.
const EXPERIMENT: &str = "scene3d-experiments";
/// Name of the registered model: a pipeline's config.
pub const MODEL: &str = "scene3d-pipeline";
/// Alias of the version that reigns.
pub const CHAMPION: &str = "champion";

/// Where stages are recorded.
#[derive(Debug, Default)]
pub struct Record {
    tracker: Option<Tracker>,
    parent: Option<RunId>,
}

impl Record {
    /// Opens the spool; where that is not possible nothing is recorded, which is told. `parent` is the run that the stages
    /// are part of.
    #[must_use]
    pub fn open(config: &TrackingConfig, parent: Option<RunId>) -> Self {
        let opened = Tracker::open(config).inspect_err(|error| tracing::warn!("nothing is recorded: {error}"));
        Self { tracker: opened.ok(), parent }
    }

    /// Records a stage of which only what it printed is of interest.
    ///
    /// # Errors
    /// What the stage returns.
    pub fn simple(
        &self,
        name: &str,
        project: &Project,
        stage: impl FnOnce(&Project) -> Result<String, ExperimentError>,
    ) -> Result<String, ExperimentError> {
        let run = self.stage(name, &serde_json::to_value(&project.params)?);
        let started = Instant::now();
        let ended = stage(project);
        run.metric("secs", started.elapsed().as_secs_f64());
        if let Ok(text) = &ended {
            run.artifact_text("output.txt", text);
        }
        run.end(ended.as_ref().map(drop));
        ended
    }

    /// Starts the run of a stage; `params` become its parameters, flattened.
    #[must_use]
    pub fn stage(&self, name: &str, params: &Value) -> Recorded<'_> {
        Recorded::start(self.tracker.as_ref(), name, self.parent.clone(), params)
    }
}

/// A run that is being recorded; no more than a name where nothing is.
#[derive(Debug)]
pub struct Recorded<'a> {
    tracker: Option<&'a Tracker>,
    run: Option<Run>,
}

impl<'a> Recorded<'a> {
    fn start(tracker: Option<&'a Tracker>, name: &str, parent: Option<RunId>, params: &Value) -> Self {
        let start = || RunStart {
            experiment: EXPERIMENT.to_owned(),
            name: name.to_owned(),
            parent,
            params: flatten(params),
            tags: vec![("scene3d.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
        };
        Self { tracker, run: tracker.map(|tracker| tracker.start_run(start())) }
    }

    /// Starts a run that is part of this one.
    #[must_use]
    pub fn child(&self, name: &str, params: &Value) -> Recorded<'a> {
        Self::start(self.tracker, name, self.run.as_ref().map(|run| run.id().clone()), params)
    }

    /// Id of the run, for other processes.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.run.as_ref().map(|run| run.id().as_str().to_owned())
    }

    /// The run itself, for series of figures.
    pub(crate) fn run(&self) -> Option<Run> {
        self.run.clone()
    }

    /// A figure.
    pub fn metric(&self, key: &str, value: f64) {
        if let Some(run) = &self.run {
            run.metric(key, value, 0);
        }
    }

    /// Several figures, with a prefix.
    pub(crate) fn values(&self, prefix: &str, values: &Values) {
        values.iter().for_each(|(key, value)| self.metric(&format!("{prefix}{key}"), *value));
    }

    /// A word about it.
    pub fn tag(&self, key: &str, value: &str) {
        if let Some(run) = &self.run {
            run.tag(key, value);
        }
    }

    /// A file that it made, if it is there.
    pub fn artifact(&self, path_in_run: &str, file: &Path) {
        if let Some(run) = self.run.as_ref().filter(|_| file.is_file()) {
            run.artifact(path_in_run, file);
        }
    }

    /// Text as a file.
    pub fn artifact_text(&self, path_in_run: &str, text: &str) {
        if let Some(run) = &self.run {
            run.artifact_bytes(path_in_run, text.as_bytes());
        }
    }

    /// Registers an artifact of this run as the config that reigns.
    pub(crate) fn promote(&self, path_in_run: &str, tags: &[(&str, String)]) {
        let (Some(tracker), Some(run)) = (self.tracker, &self.run) else { return };
        tracker.promote(&Promotion {
            model: MODEL.to_owned(),
            run: run.id().clone(),
            path_in_run: path_in_run.to_owned(),
            aliases: vec![CHAMPION.to_owned()],
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        });
    }

    /// It ended.
    pub fn end(&self, ended: Result<(), &ExperimentError>) {
        let Some(run) = &self.run else { return };
        let status = match ended {
            Ok(()) => RunStatus::Finished,
            Err(ExperimentError::Pipeline(PipelineError::Cancelled)) => RunStatus::Killed,
            Err(error) => {
                run.tag("error", &error.to_string());
                RunStatus::Failed
            }
        };
        run.end(status);
    }
}
