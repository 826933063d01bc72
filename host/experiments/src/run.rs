//! Stage `run`: one config over all collections and seeds.
//!
//! A run works in a folder of its collection that is kept (`Project::work`): the pipeline's artifacts there are named by all
//! they depend on, so that what another config, or an earlier try, has extracted or matched is used again. What a run made is
//! then moved to the stage's output.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use scene3d_engine::Negotiated;
use scene3d_export::write_colmap_binary;
use scene3d_pipeline::{Cancel, Observer, PhotoSource, PipelineError, Plugins, Request, reconstruct};
use scene3d_scene::Reconstruction;
use serde::{Deserialize, Serialize};

use crate::collection::limits;
use crate::prepare::{self, Prepared, PreparedCollection};
use crate::preprocess::IMAGES;
use crate::problem::Problem;
use crate::project::{Project, emptied, read_json, write_json, write_text};
use crate::record::{Record, Recorded};
use crate::stage_watch::{StageFacts, StageWatch};
use crate::{ExperimentError, configs};

/// What a run wrote of itself, in its folder.
pub(crate) const FILE: &str = "run.json";
/// Folder with one COLMAP model each, largest first, in the folder of a run.
pub(crate) const MODELS: &str = "models";
/// What the pipeline wrote and is kept, besides the models.
pub(crate) const KEPT: [&str; 4] = ["points.ply", "report.json", "report.html", "run.toml"];
/// The config of the runs, resolved, in the folder of the config.
pub(crate) const RESOLVED: &str = "config.toml";

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Name of the config.
    pub config: String,
    /// `DATASET/NAME`
    pub collection: String,
    /// Its seed.
    pub seed: u64,
    /// Images of each model, largest first.
    pub models: Vec<usize>,
    /// Why there is none.
    pub no_model: Option<String>,
    /// The pipeline's stages in order.
    pub stages: Vec<StageFacts>,
    /// Wall time; with what was taken from earlier runs it says nothing of the config's speed.
    pub secs: f64,
}

/// Runs a config over every collection and seed, or over one collection, which leaves what was made of the others. A run
/// that fails does not keep the others from being made.
///
/// # Errors
/// [`ExperimentError::Engine`] with every mistake of the config, before anything is run; [`ExperimentError::Runs`] with those
/// that failed; [`ExperimentError::UnknownCollection`].
pub fn run(
    project: &Project,
    (config, collection): (&str, Option<&str>),
    record: &Record,
    cancel: &Cancel,
    watcher: &Arc<dyn Observer>,
) -> Result<Vec<RunFacts>, ExperimentError> {
    let prepared: Prepared = read_json(&project.out(prepare::FILE), "prepare")?;
    let collections = chosen(&prepared, collection)?;
    let raw = configs::load(project, config, &project.params.run.set)?;
    let plugins = configs::plugins(&raw);
    let resolved = configs::checked(&raw, &plugins)?.config;
    let out = project.out("runs").join(config);
    match collection {
        Some(id) => emptied(&out.join(id))?,
        None => emptied(&out)?,
    }
    write_text(&out.join(RESOLVED), &resolved.to_toml())?;
    let stage = record.stage(&format!("run@{config}"), &resolved.to_json());
    stage.artifact(RESOLVED, &out.join(RESOLVED));
    let runner = Runner { project, config, plugins: &plugins, cancel, watcher, stage: &stage };
    let made = runner.run_all(&collections);
    stage.end(made.as_ref().map(drop));
    made
}

fn chosen<'p>(
    prepared: &'p Prepared,
    collection: Option<&str>,
) -> Result<Vec<&'p PreparedCollection>, ExperimentError> {
    let chosen: Vec<_> =
        prepared.collections.iter().filter(|known| collection.is_none_or(|id| known.id() == id)).collect();
    match collection {
        Some(id) if chosen.is_empty() => Err(ExperimentError::UnknownCollection {
            name: id.to_owned(),
            known: prepared.collections.iter().map(PreparedCollection::id).collect::<Vec<_>>().join(", "),
        }),
        _ => Ok(chosen),
    }
}

struct Runner<'a> {
    project: &'a Project,
    config: &'a str,
    plugins: &'a Plugins,
    cancel: &'a Cancel,
    watcher: &'a Arc<dyn Observer>,
    stage: &'a Recorded<'a>,
}

impl Runner<'_> {
    fn run_all(&self, collections: &[&PreparedCollection]) -> Result<Vec<RunFacts>, ExperimentError> {
        let (mut made, mut failed) = (Vec::new(), Vec::new());
        for &collection in collections {
            for &seed in &self.project.params.run.seeds {
                match self.run_one(collection, seed) {
                    Ok(facts) => made.push(facts),
                    Err(ExperimentError::Pipeline(PipelineError::Cancelled)) => {
                        return Err(PipelineError::Cancelled.into());
                    }
                    Err(error) => {
                        let place = format!("{}, seed {seed}, config {}", collection.id(), self.config);
                        failed.push(Problem::new(place, error.to_string(), ""));
                    }
                }
            }
        }
        if failed.is_empty() { Ok(made) } else { Err(ExperimentError::Runs(failed)) }
    }

    fn run_one(&self, collection: &PreparedCollection, seed: u64) -> Result<RunFacts, ExperimentError> {
        let pairing = collection.pairing.as_ref().map(|pairing| pairing.set.clone()).unwrap_or_default();
        let set = [self.project.params.run.set.clone(), pairing, vec![format!("pipeline.seed={seed}")]].concat();
        let raw = configs::load(self.project, self.config, &set)?;
        let negotiated = configs::checked(&raw, self.plugins)?;
        let name = format!("{}/{}/seed-{seed}", self.config, collection.id());
        let scene = self.stage.child(&name, &negotiated.config.to_json());
        let ended = self.reconstructed(collection, seed, negotiated, &scene);
        scene.end(ended.as_ref().map(drop));
        ended
    }

    fn reconstructed(
        &self,
        collection: &PreparedCollection,
        seed: u64,
        negotiated: Negotiated,
        scene: &Recorded<'_>,
    ) -> Result<RunFacts, ExperimentError> {
        let PreparedCollection { dataset, name, .. } = collection;
        let work = self.project.work(dataset, name);
        let photos = self.project.preprocessed(dataset, name).join(IMAGES);
        let request = Request {
            photos: PhotoSource::from(photos.as_path()),
            out: work.clone(),
            config_name: self.config.to_owned(),
            negotiated,
            // other configs may have worked there before
            resume: true,
            limits: limits(self.project),
            command: format!("scene3d experiments run --config {}", self.config),
        };
        clear(&work)?;
        let watch = Arc::new(StageWatch::new(scene.run(), Arc::clone(self.watcher)));
        let started = Instant::now();
        let ended = reconstruct(&request, self.plugins, Arc::clone(&watch) as Arc<dyn Observer>, self.cancel);
        let (models, no_model) = match ended {
            Ok(outcome) => (outcome.models, None),
            // a config that reconstructs nothing is a result, and a bad one
            Err(PipelineError::NoModel { reason, .. }) => (Vec::new(), Some(reason)),
            Err(error) => return Err(error.into()),
        };
        let facts = RunFacts {
            config: self.config.to_owned(),
            collection: collection.id(),
            seed,
            models: models.iter().map(|model| model.images.len()).collect(),
            no_model,
            stages: watch.stages(),
            secs: started.elapsed().as_secs_f64(),
        };
        let out = self.project.run(self.config, dataset, name, seed);
        keep(&work, &out, &models, &facts)?;
        scene.metric("num_models", facts.models.len() as f64);
        scene.metric("num_registered", facts.models.iter().sum::<usize>() as f64);
        KEPT.iter().for_each(|name| scene.artifact(name, &out.join(name)));
        Ok(facts)
    }
}

/// Removes what a run that was killed may have left beside its artifacts: it must not pass for this run's.
fn clear(work: &Path) -> Result<(), ExperimentError> {
    for path in KEPT.iter().map(|name| work.join(name)).filter(|path| path.is_file()) {
        fs::remove_file(&path).map_err(ExperimentError::io("remove", &path))?;
    }
    Ok(())
}

/// Moves what a run made out of the folder that it worked in, which keeps its artifacts.
fn keep(work: &Path, out: &Path, models: &[Reconstruction], facts: &RunFacts) -> Result<(), ExperimentError> {
    fs::create_dir_all(out).map_err(ExperimentError::io("make", out))?;
    for (index, model) in models.iter().enumerate() {
        write_colmap_binary(model, &out.join(MODELS).join(index.to_string()))?;
    }
    for name in KEPT {
        let (from, to) = (work.join(name), out.join(name));
        if from.is_file() {
            fs::rename(&from, &to).map_err(ExperimentError::io("move", &from))?;
        }
    }
    write_json(&out.join(FILE), facts)
}
