//! What a stage did, in a few lines.

use std::collections::BTreeMap;

use scene3d_experiments::eda::DatasetBaseline;
use scene3d_experiments::{Prepared, Preprocessed, RunFacts, Validation};

/// A line a collection.
pub fn validation(validation: &Validation) -> String {
    let line = |of: &scene3d_experiments::CollectionFacts| {
        let scenes: Vec<String> = of.scenes.iter().map(|(scene, num_images)| format!("{scene} {num_images}")).collect();
        format!("{}: {} photos ({}; outliers {})\n", of.id, of.num_photos, scenes.join(", "), of.num_outliers)
    };
    let repeated = validation.repeated.iter().map(|names| format!("the same photo: {}\n", names.join(", ")));
    validation.collections.iter().map(line).chain(repeated).collect()
}

/// A line a dataset.
pub fn baselines(summary: &BTreeMap<String, DatasetBaseline>) -> String {
    let line = |(dataset, of): (&String, &DatasetBaseline)| match (&of.baseline, &of.note) {
        (Some(file), _) => format!("{dataset}: {} photos, baseline {file}\n", of.num_photos),
        (None, note) => format!("{dataset}: no baseline: {}\n", note.as_deref().unwrap_or_default()),
    };
    summary.iter().map(line).collect()
}

/// A line a collection.
pub fn preprocessed(preprocessed: &Preprocessed) -> String {
    let line = |of: &scene3d_experiments::PreprocessedCollection| {
        format!("{}/{}: {} photos, {} changed\n", of.dataset, of.name, of.photos.len(), of.num_changed)
    };
    preprocessed.collections.iter().map(line).collect()
}

/// A line a collection.
pub fn prepared(prepared: &Prepared) -> String {
    let line = |of: &scene3d_experiments::PreparedCollection| {
        let pairs = match &of.pairing {
            None => "pairs as the config says".to_owned(),
            Some(pairing) => {
                pairing.num_pairs.map_or_else(|| "pairs retrieved".to_owned(), |count| format!("{count} pairs"))
            }
        };
        format!("{}: {}, {pairs}\n", of.id(), of.split.name())
    };
    prepared.collections.iter().map(line).collect()
}

/// A line a run.
pub fn runs(runs: &[RunFacts]) -> String {
    let line = |run: &RunFacts| {
        let models: Vec<String> = run.models.iter().map(ToString::to_string).collect();
        let models = if models.is_empty() { "no model".to_owned() } else { format!("{} images", models.join(" + ")) };
        format!("{} seed {} with {}: {models} in {:.1} s\n", run.collection, run.seed, run.config, run.secs)
    };
    runs.iter().map(line).collect()
}
