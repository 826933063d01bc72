//! `params.yaml`: what an experiment is made of. Every section is a dependency of the stages that read it, and of no others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use scene3d_engine::config::PairingMethod;
use serde::{Deserialize, Serialize};

use crate::ExperimentError;
use crate::metrics;

/// All parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// What is evaluated, by name.
    pub datasets: BTreeMap<String, DatasetParams>,
    /// Bounds on photos.
    #[serde(default)]
    pub validate: ValidateParams,
    /// Baselines of drift.
    #[serde(default)]
    pub eda: EdaParams,
    /// What becomes of photos.
    #[serde(default)]
    pub preprocess: PreprocessParams,
    /// Splits and pairs.
    #[serde(default)]
    pub prepare: PrepareParams,
    /// Pipelines to compare, by name.
    pub configs: BTreeMap<String, ConfigParams>,
    /// How each is run.
    #[serde(default)]
    pub run: RunParams,
    /// The rule of promotion.
    pub select: SelectParams,
}

/// Where a dataset is and how it is laid out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetParams {
    /// How its folder is laid out.
    pub layout: Layout,
    /// Collections to use; all where it is empty.
    #[serde(default)]
    pub only: Vec<String>,
}

/// How the folder of a dataset is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A folder a scene, each with photos and ground truth.
    Scenes,
    /// As the Image Matching Challenge 2025 lays its training data out.
    Imc,
}

/// `validate`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidateParams {
    /// Photos of more megapixels are refused.
    pub max_megapixels: u64,
}

impl Default for ValidateParams {
    fn default() -> Self {
        Self { max_megapixels: 256 }
    }
}

/// `eda`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EdaParams {
    /// Seed of the resamples that thresholds are calibrated on.
    pub seed: u64,
    /// Config whose first extractor counts keypoints; none counts none.
    pub keypoints: Option<ConfigParams>,
}

/// `preprocess`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreprocessParams {
    /// Photos are reduced to this long side, px; none keeps their size.
    pub long_side_px: Option<u32>,
    /// Whether photos whose true camera has distortion are undistorted.
    pub undistort: bool,
}

/// `prepare`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareParams {
    /// Decides which collections are held out.
    pub seed: u64,
    /// Share of the collections that do not take part in choosing the best config, 0 to 1.
    pub held_out_share: f64,
    /// Pairs that every config matches; none leaves them to each config.
    pub pairing: Option<PairingParams>,
}

impl Default for PrepareParams {
    fn default() -> Self {
        Self { seed: 0, held_out_share: 0.0, pairing: None }
    }
}

/// Which pairs are matched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairingParams {
    /// For collections of at most `max_exhaustive_photos`, or for all where it is not `exhaustive`.
    pub method: PairingMethod,
    /// Sequential: with how many following images each is paired.
    #[serde(default = "default_window")]
    pub window: u32,
    /// Retrieval: with how many of the images that look most alike each is paired.
    #[serde(default = "default_num_neighbors")]
    pub num_neighbors: u32,
    /// Collections of more photos are paired by retrieval where the method is `exhaustive`.
    #[serde(default = "default_max_exhaustive_photos")]
    pub max_exhaustive_photos: usize,
}

fn default_window() -> u32 {
    10
}

fn default_num_neighbors() -> u32 {
    20
}

fn default_max_exhaustive_photos() -> usize {
    200
}

/// A pipeline, as a config file and what is changed in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigParams {
    /// Its file, relative to the project.
    pub file: PathBuf,
    /// Values to change, e.g. `features.0.extractor.max_keypoints=4096`.
    #[serde(default)]
    pub set: Vec<String>,
}

/// `run`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunParams {
    /// Each collection is reconstructed once a seed.
    pub seeds: Vec<u64>,
    /// Values to change in every config, e.g. `pipeline.device=cpu`.
    pub set: Vec<String>,
}

impl Default for RunParams {
    fn default() -> Self {
        Self { seeds: vec![0], set: Vec::new() }
    }
}

/// `select`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectParams {
    /// The config that reigns, by its name in `configs`.
    pub champion: String,
    /// What decides, e.g. `imc_score` or `auc_5`.
    pub metric: String,
    /// A challenger must be better at this level of significance.
    pub alpha: f64,
    /// No scene may lose more than this, in units of the metric (percent points).
    pub max_scene_loss: f64,
    /// Seed of the sign flips where there are too many to try all.
    #[serde(default)]
    pub seed: u64,
    /// File that the winner is written to, relative to the project.
    pub out: PathBuf,
}

impl Params {
    /// Reads a file and names everything that is wrong in it.
    ///
    /// # Errors
    /// [`ExperimentError::Io`] or [`ExperimentError::Params`].
    pub fn load(path: &Path) -> Result<Self, ExperimentError> {
        let wrong = |problem: String| ExperimentError::Params { problem, path: path.to_owned() };
        let text = fs::read_to_string(path).map_err(ExperimentError::io("read", path))?;
        let params: Self =
            serde_yaml_ng::from_str(&text).map_err(|error| wrong(format!("not as expected: {error}")))?;
        let mistakes = params.mistakes();
        if mistakes.is_empty() { Ok(params) } else { Err(wrong(mistakes.join("; "))) }
    }

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut demand = |holds: bool, mistake: String| {
            if !holds {
                mistakes.push(mistake);
            }
        };
        demand(!self.datasets.is_empty(), "`datasets` names none".to_owned());
        demand(!self.configs.is_empty(), "`configs` names none".to_owned());
        for name in self.datasets.keys().chain(self.configs.keys()) {
            // they become folders, and parts of the names of stages
            demand(is_plain(name), format!("expected a name of letters, digits, `-` and `_`, got `{name}`"));
        }
        let champion = &self.select.champion;
        demand(
            self.configs.contains_key(champion),
            format!("`select.champion` is `{champion}`, which `configs` does not name"),
        );
        let metric = &self.select.metric;
        let known = metrics::NAMES.join(", ");
        demand(metrics::is_known(metric), format!("`select.metric` is `{metric}`, expected one of {known}"));
        let alpha = self.select.alpha;
        demand(alpha > 0.0 && alpha < 1.0, format!("`select.alpha` is {alpha}, expected between 0 and 1"));
        let loss = self.select.max_scene_loss;
        demand(loss >= 0.0, format!("`select.max_scene_loss` is {loss}, expected at least 0"));
        let share = self.prepare.held_out_share;
        demand((0.0..1.0).contains(&share), format!("`prepare.held_out_share` is {share}, expected from 0 to below 1"));
        demand(!self.run.seeds.is_empty(), "`run.seeds` is empty".to_owned());
        let mut seeds = self.run.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        demand(seeds.len() == self.run.seeds.len(), "`run.seeds` names a seed twice".to_owned());
        demand(self.preprocess.long_side_px != Some(0), "`preprocess.long_side_px` is 0".to_owned());
        mistakes
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "datasets: {strecha: {layout: scenes}}\nconfigs: {fast: {file: ../configs/aliked+nearest.toml}}\n\
        select: {champion: fast, metric: auc_5, alpha: 0.05, max_scene_loss: 2, out: configs/best.toml}\n";

    fn load(text: &str) -> Result<Params, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("params.yaml");
        fs::write(&path, text).unwrap();
        Params::load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_has_defaults() {
        let params = load(GOOD).unwrap();
        assert_eq!((params.run.seeds.as_slice(), params.validate.max_megapixels), ([0].as_slice(), 256));
        assert_eq!(params.prepare.pairing, None);
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let bad = GOOD.replace("champion: fast", "champion: slow").replace("auc_5", "auc_7").replace("0.05", "2");
        let message = load(&bad).unwrap_err();
        for words in ["`slow`", "`auc_7`", "imc_score", "`select.alpha` is 2", "params.yaml"] {
            assert!(message.contains(words), "expected {words} in {message}");
        }
        assert!(load(&GOOD.replace("layout", "lay_out")).unwrap_err().contains("lay_out"));
        assert!(load(&GOOD.replace("fast: {file", "a+b: {file")).unwrap_err().contains("`a+b`"));
        assert!(load(&format!("{GOOD}run: {{seeds: [1, 1]}}\n")).unwrap_err().contains("twice"));
    }
}
