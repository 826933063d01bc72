//! Figures as tables: for people in Markdown, for programs one value a line, and pooled for `dvc metrics`.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::spread::Spread;
use super::{ExperimentEvaluation, UnitEvaluation};

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

/// Pooled, then each scene and collection; mean ± spread over seeds.
pub(super) fn markdown(evaluation: &ExperimentEvaluation) -> String {
    let mut text = String::from(
        "# Evaluation\n\nPercent, but for distances of projection centres, which are in units of the ground truth. \
         Mean ± standard deviation over seeds.\n\n## All scenes\n\n",
    );
    let pooled = |(config, of_config): (&String, &super::ConfigEvaluation)| {
        row(&[config], |name| of_config.pooled.get(name).copied())
    };
    text += &header(&["config"]);
    text.extend(evaluation.configs.iter().map(pooled));
    for (title, is_collections) in [("Scenes", false), ("Collections", true)] {
        write!(text, "\n## {title}\n\n{}", header(&["scene", "split", "config"])).ok();
        for (config, of_config) in &evaluation.configs {
            for unit in if is_collections { &of_config.collections } else { &of_config.scenes } {
                let split = format!("{:?}", unit.split);
                text += &row(&[&unit.id, &split, config], |name| unit.over_seeds.get(name).copied());
            }
        }
    }
    text
}

fn header(first: &[&str]) -> String {
    let names: Vec<&str> = first.iter().copied().chain(COLUMNS.map(|(_, title)| title)).collect();
    let rules: Vec<&str> =
        names.iter().enumerate().map(|(index, _)| if index < first.len() { "---" } else { "--:" }).collect();
    format!("| {} |\n|{}|\n", names.join(" | "), rules.join("|"))
}

fn row(first: &[&str], spread: impl Fn(&str) -> Option<Spread>) -> String {
    let cell = |name: &str| {
        let digits = if name.starts_with("center") { 4 } else { 1 };
        spread(name).map_or_else(String::new, |Spread { mean, std, .. }| match std {
            Some(std) => format!("{mean:.digits$} ± {std:.digits$}"),
            None => format!("{mean:.digits$}"),
        })
    };
    let cells: Vec<String> = COLUMNS.iter().map(|(name, _)| cell(name)).collect();
    format!("| {} | {} |\n", first.join(" | "), cells.join(" | "))
}

/// `config,unit,split,seed,measure,value`
pub(super) fn csv(evaluation: &ExperimentEvaluation) -> String {
    let mut text = String::from("config,unit,split,seed,measure,value\n");
    let mut add = |config: &str, unit: &UnitEvaluation| {
        for (seed, values) in &unit.seeds {
            for (name, value) in values {
                writeln!(text, "{},{},{:?},{seed},{name},{value}", quoted(config), quoted(&unit.id), unit.split).ok();
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
