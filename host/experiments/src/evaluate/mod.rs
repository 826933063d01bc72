//! Stage `evaluate`: every run against the truth, per scene, per collection and pooled, with the spread over seeds.

mod pooled;
mod spread;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use scene3d_eval::ground_truth::{self, ImageSizes};
use scene3d_eval::metrics::imc::{self, Cluster, TrueScene};
use scene3d_eval::{GroundTruth, evaluate as evaluate_model};
use scene3d_scene::Reconstruction;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ExperimentError;
use crate::metrics::{Values, of_collection, of_scene};
use crate::prepare::{self, Prepared, PreparedCollection, Split};
use crate::preprocess::truth_file;
use crate::project::{Project, emptied, read_json, write_json, write_text};
use crate::record::Record;
use crate::run::{self, MODELS, RunFacts};

pub use spread::Spread;

/// Where the stage writes all figures, below the project's `out`.
pub(crate) const FILE: &str = "evaluation/evaluation.json";
/// The pooled figures, for `dvc metrics`.
const METRICS: &str = "metrics.json";

/// All figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExperimentEvaluation {
    /// By name of the config.
    pub configs: BTreeMap<String, ConfigEvaluation>,
}

/// Figures of one config.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigEvaluation {
    /// Means over all scenes (or collections) by measure, and their spread over seeds.
    pub pooled: BTreeMap<String, Spread>,
    /// Every true scene.
    pub scenes: Vec<UnitEvaluation>,
    /// Every collection.
    pub collections: Vec<UnitEvaluation>,
}

/// Figures of a scene or of a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitEvaluation {
    /// `DATASET/COLLECTION`, for a scene with `/SCENE`.
    pub id: String,
    /// What it is for.
    pub split: Split,
    /// By seed.
    pub seeds: BTreeMap<u64, Values>,
    /// Mean and spread over seeds by measure.
    pub over_seeds: BTreeMap<String, Spread>,
}

/// Evaluates every run of every config, and writes figures and tables.
///
/// # Errors
/// [`ExperimentError`] if a run is missing, or its model can't be read.
pub fn evaluate(project: &Project, record: &Record) -> Result<ExperimentEvaluation, ExperimentError> {
    let stage = record.stage("evaluate", &json!({ "seeds": project.params.run.seeds }));
    let evaluated = evaluate_all(project).and_then(|evaluation| {
        write(project, &evaluation)?;
        Ok(evaluation)
    });
    if let Ok(evaluation) = &evaluated {
        for (config, of_config) in &evaluation.configs {
            for (name, Spread { mean, std, .. }) in &of_config.pooled {
                stage.metric(&format!("{config}/{name}"), *mean);
                stage.metric(&format!("{config}/{name}_std"), std.unwrap_or(f64::NAN));
            }
            for unit in of_config.scenes.iter().chain(&of_config.collections) {
                let scene =
                    stage.child(&format!("{config}/{}", unit.id), &json!({ "config": config, "unit": unit.id }));
                let means = unit.over_seeds.iter().map(|(name, spread)| (name.clone(), spread.mean)).collect();
                scene.values("", &means);
                scene.end(Ok(()));
            }
        }
        for file in ["evaluation.json", "table.md", "table.csv"] {
            stage.artifact(file, &project.out("evaluation").join(file));
        }
    }
    stage.end(evaluated.as_ref().map(drop));
    evaluated
}

fn write(project: &Project, evaluation: &ExperimentEvaluation) -> Result<(), ExperimentError> {
    emptied(&project.out("evaluation"))?;
    write_json(&project.out(FILE), evaluation)?;
    write_text(&project.out("evaluation/table.md"), &tables::markdown(evaluation))?;
    write_text(&project.out("evaluation/table.csv"), &tables::csv(evaluation))?;
    write_json(&project.out(METRICS), &tables::metrics(evaluation))
}

fn evaluate_all(project: &Project) -> Result<ExperimentEvaluation, ExperimentError> {
    let prepared: Prepared = read_json(&project.out(prepare::FILE), "prepare")?;
    let mut evaluation = ExperimentEvaluation::default();
    for config in project.params.configs.keys() {
        let mut of_config = ConfigEvaluation::default();
        for collection in &prepared.collections {
            let (scenes, whole) = evaluate_collection(project, config, collection)?;
            of_config.scenes.extend(scenes);
            of_config.collections.push(whole);
        }
        of_config.pooled = pooled::pooled(&of_config);
        evaluation.configs.insert(config.clone(), of_config);
    }
    Ok(evaluation)
}

/// Its scenes, and the collection as a whole.
fn evaluate_collection(
    project: &Project,
    config: &str,
    collection: &PreparedCollection,
) -> Result<(Vec<UnitEvaluation>, UnitEvaluation), ExperimentError> {
    let folder = project.preprocessed(&collection.dataset, &collection.name);
    let truths = collection.scenes.iter().map(|scene| {
        // sizes are in the file: it was written for the photos as they are now
        let truth = ground_truth::read(&truth_file(&folder, scene), &ImageSizes::new())?;
        Ok((format!("{}/{scene}", collection.id()), truth))
    });
    let truths: BTreeMap<String, GroundTruth> = truths.collect::<Result<_, ExperimentError>>()?;
    let mut by_scene: BTreeMap<&String, BTreeMap<u64, Values>> = BTreeMap::new();
    let mut of_whole = BTreeMap::new();
    for &seed in &project.params.run.seeds {
        let models = read_models(&project.run(config, &collection.dataset, &collection.name, seed))?;
        for (id, truth) in &truths {
            let evaluation = evaluate_model(best_model(&models, truth), truth);
            by_scene.entry(id).or_default().insert(seed, of_scene(&evaluation));
        }
        of_whole.insert(seed, of_collection(&imc_score(&models, &truths)));
    }
    let scenes = by_scene.into_iter().map(|(id, seeds)| UnitEvaluation::new(id, collection.split, seeds)).collect();
    Ok((scenes, UnitEvaluation::new(&collection.id(), collection.split, of_whole)))
}

impl UnitEvaluation {
    fn new(id: &str, split: Split, seeds: BTreeMap<u64, Values>) -> Self {
        let over_seeds = spread::over_seeds(&seeds);
        Self { id: id.to_owned(), split, seeds, over_seeds }
    }
}

fn read_models(folder: &Path) -> Result<Vec<Reconstruction>, ExperimentError> {
    let facts: RunFacts = read_json(&folder.join(run::FILE), "run")?;
    let read = |index: usize| Ok(ground_truth::read_model(&folder.join(MODELS).join(index.to_string()))?);
    (0..facts.models.len()).map(read).collect()
}

/// The model that shares most images with a scene; among equals the largest. An empty one where there is none.
fn best_model<'a>(models: &'a [Reconstruction], truth: &GroundTruth) -> &'a Reconstruction {
    static NONE: Reconstruction =
        Reconstruction { cameras: BTreeMap::new(), images: BTreeMap::new(), points3d: BTreeMap::new() };
    let num_shared =
        |model: &Reconstruction| model.images.values().filter(|image| truth.images.contains_key(&image.name)).count();
    // the last of equals is what `max_by_key` gives
    models.iter().rev().max_by_key(|model| num_shared(model)).unwrap_or(&NONE)
}

/// Every model is a cluster; images in none are called outliers by that. An image is in one cluster only, as the challenge
/// asks: in the largest model that has it.
fn imc_score(models: &[Reconstruction], truths: &BTreeMap<String, GroundTruth>) -> imc::ImcScore {
    let scene = |truth: &GroundTruth| TrueScene {
        centers: truth.images.iter().map(|(name, image)| (name.clone(), image.cam_from_world.origin_in_b())).collect(),
        thresholds: truth.imc_thresholds.clone().unwrap_or_else(|| imc::DEFAULT_THRESHOLDS.to_vec()),
    };
    let mut taken = BTreeSet::new();
    let mut cluster = |model: &Reconstruction| -> Cluster {
        let images = model.images.values().filter(|image| taken.insert(image.name.clone()));
        images.map(|image| (image.name.clone(), Some(image.cam_from_world.origin_in_b()))).collect()
    };
    let scenes: Vec<TrueScene> = truths.values().map(scene).collect();
    let clusters: Vec<Cluster> = models.iter().map(&mut cluster).collect();
    imc::score(&scenes, &clusters)
}

#[cfg(test)]
mod tests;
