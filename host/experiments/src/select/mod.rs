//! Stage `select-best`: a challenger takes the champion's place only where a paired test and every scene allow it.
//!
//! The rule, over the scenes (or collections, if the measure is theirs) that are not held out, and all seeds:
//! 1. A pair is what challenger and champion reach in the same scene with the same seed.
//! 2. The challenger must be better by the one-sided sign-flip test at `alpha`, its p-value adjusted for the number of
//!    challengers (Holm).
//! 3. No scene, in the mean over seeds, may lose more than `max_scene_loss`.
//! 4. Of several that pass, the one with the highest mean wins; of equals the first by name. If none passes, the champion stays.

mod rule;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evaluate::{self, ExperimentEvaluation};
use crate::metrics::is_of_collection;
use crate::prepare::Split;
use crate::project::{Project, read_json, write_json, write_text};
use crate::record::Record;
use crate::{ExperimentError, configs};

pub use rule::{Challenge, Selection};

/// Where the stage writes its reasons, below the project's `out`.
pub(crate) const FILE: &str = "selection.json";

/// What each config reached in each scene (or collection) with each seed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reached(pub BTreeMap<String, BTreeMap<String, BTreeMap<u64, f64>>>);

/// Decides, writes the winner's config and why.
///
/// # Errors
/// [`ExperimentError`] if `evaluate` has not run, or the winner's config can't be read.
pub fn select_best(project: &Project, record: &Record) -> Result<Selection, ExperimentError> {
    let params = &project.params.select;
    let stage = record.stage("select-best", &serde_json::to_value(params)?);
    let selected = decide(project).and_then(|selection| {
        let toml = promoted(project, &selection)?;
        write_text(&project.path(&params.out), &toml)?;
        write_json(&project.out(FILE), &selection)?;
        Ok((selection, toml))
    });
    if let Ok((selection, toml)) = &selected {
        stage.metric("is_promoted", f64::from(u8::from(selection.winner != selection.champion)));
        selection
            .means
            .iter()
            .for_each(|(config, mean)| stage.metric(&format!("{config}/{}", selection.metric), *mean));
        stage.tag("winner", &selection.winner);
        stage.artifact_text("config/best.toml", toml);
        stage.artifact("selection.json", &project.out(FILE));
        let tags = [("config", selection.winner.clone()), ("reason", selection.reason.clone())];
        stage.promote("config", &tags);
    }
    stage.end(selected.as_ref().map(drop));
    selected.map(|(selection, _)| selection)
}

fn decide(project: &Project) -> Result<Selection, ExperimentError> {
    let evaluation: ExperimentEvaluation = read_json(&project.out(evaluate::FILE), "evaluate")?;
    let params = &project.params.select;
    let reached = reached(&evaluation, &params.metric);
    Ok(rule::select(&reached, params))
}

/// Of the scenes that are not held out.
fn reached(evaluation: &ExperimentEvaluation, metric: &str) -> Reached {
    let mut reached = Reached::default();
    for (config, of_config) in &evaluation.configs {
        let units = if is_of_collection(metric) { &of_config.collections } else { &of_config.scenes };
        let of_config = reached.0.entry(config.clone()).or_default();
        for unit in units.iter().filter(|unit| unit.split == Split::Select) {
            let values = unit.seeds.iter().filter_map(|(seed, values)| Some((*seed, *values.get(metric)?)));
            of_config.insert(unit.id.clone(), values.collect());
        }
    }
    reached
}

/// The winner's config as it was evaluated, but for pairs and seed, which belong to the experiment.
fn promoted(project: &Project, selection: &Selection) -> Result<String, ExperimentError> {
    let raw = configs::load(project, &selection.winner, &[])?;
    let resolved = configs::checked(&raw, &configs::plugins(&raw))?.config;
    let file = configs::named(project, &selection.winner)?.file.display();
    let Selection { winner, metric, reason, .. } = selection;
    let comment = |line: &str| format!("# {line}\n");
    let head = [
        comment(&format!(
            "Written by `scene3d experiments select-best`: config `{winner}` ({file}), chosen by {metric}."
        )),
        comment(&reason.replace('\n', " ")),
    ];
    Ok(head.concat() + "\n" + &resolved.to_toml())
}
