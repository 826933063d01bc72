//! Figures as tables: for people in Markdown, for programs one value a line, and pooled for `dvc metrics`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::spread::Spread;
use super::{ExperimentEvaluation, UnitEvaluation};
use crate::metrics::is_of_collection;

/// Measures for people, with what they are called.
const COLUMNS: [(&str, &str); 12] = [
    ("registered", "registered %"),
    ("auc_1", "AUC@1°"),
    ("auc_3", "AUC@3°"),
    ("auc_5", "AUC@5°"),
    ("auc_10", "AUC@10°"),
    ("rra_5", "RRA@5°"),
    ("rta_5", "RTA@5°"),
    ("center_error_rms", "centre rms"),
    ("center_error_median", "centre median"),
    ("imc_maa", "mAA"),
    ("imc_clusterness", "clusterness"),
    ("imc_score", "IMC score"),
];

/// Those of a kind of table.
type Columns = Vec<(&'static str, &'static str)>;

/// Pooled, then each scene and collection; mean ± spread over seeds.
pub(super) fn markdown(evaluation: &ExperimentEvaluation) -> String {
    let mut text = String::from(
        "# Evaluation\n\nPercent, but for distances of projection centres, which are in units of the ground truth. \
         Mean ± standard deviation over seeds.\n\n## All scenes\n\n",
    );
    let all = COLUMNS.to_vec();
    text += &header(&["config"], &all);
    for (config, of_config) in &evaluation.configs {
        text += &row(&[config], &all, &of_config.pooled);
    }
    let (of_collections, of_scenes): (Columns, Columns) = COLUMNS.iter().partition(|(name, _)| is_of_collection(name));
    for (title, columns) in [("Scenes", of_scenes), ("Collections", of_collections)] {
        write!(text, "\n## {title}\n\n{}", header(&["name", "split", "config"], &columns)).ok();
        for (config, of_config) in &evaluation.configs {
            for unit in if title == "Scenes" { &of_config.scenes } else { &of_config.collections } {
                text += &row(&[&unit.id, unit.split.name(), config], &columns, &unit.over_seeds);
            }
        }
    }
    text
}

fn header(first: &[&str], columns: &Columns) -> String {
    let names: Vec<&str> = first.iter().copied().chain(columns.iter().map(|(_, title)| *title)).collect();
    let rules: Vec<&str> = (0..names.len()).map(|index| if index < first.len() { "---" } else { "--:" }).collect();
    format!("| {} |\n|{}|\n", names.join(" | "), rules.join("|"))
}

fn row(first: &[&str], columns: &Columns, spreads: &BTreeMap<String, Spread>) -> String {
    let cell = |name: &str| {
        let digits = if name.starts_with("center") { 4 } else { 1 };
        spreads.get(name).map_or_else(String::new, |Spread { mean, std, .. }| match std {
            Some(std) => format!("{mean:.digits$} ± {std:.digits$}"),
            None => format!("{mean:.digits$}"),
        })
    };
    let cells: Vec<String> = columns.iter().map(|(name, _)| cell(name)).collect();
    format!("| {} | {} |\n", first.join(" | "), cells.join(" | "))
}

/// `config,unit,split,seed,measure,value`
pub(super) fn csv(evaluation: &ExperimentEvaluation) -> String {
    let mut text = String::from("config,unit,split,seed,measure,value\n");
    let mut add = |config: &str, unit: &UnitEvaluation| {
        for (seed, values) in &unit.seeds {
            for (name, value) in values {
                let (config, id, split) = (quoted(config), quoted(&unit.id), unit.split.name());
                writeln!(text, "{config},{id},{split},{seed},{name},{value}").ok();
            }
        }
    };
    for (config, of_config) in &evaluation.configs {
        of_config.scenes.iter().chain(&of_config.collections).for_each(|unit| add(config, unit));
    }
    text
}

/// Names of folders may hold anything.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Pooled means, and spreads as `MEASURE_std`, by config.
pub(super) fn metrics(evaluation: &ExperimentEvaluation) -> Value {
    let of_config = |(config, of_config): (&String, &super::ConfigEvaluation)| {
        let mut values = Map::new();
        for (name, Spread { mean, std, .. }) in &of_config.pooled {
            values.insert(name.clone(), json!(mean));
            if let Some(std) = std {
                values.insert(format!("{name}_std"), json!(std));
            }
        }
        (config.clone(), Value::Object(values))
    };
    evaluation.configs.iter().map(of_config).collect()
}
