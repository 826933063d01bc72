//! What negotiation decides of each stage: which plugin, with which config and weights, on which device.

use std::path::PathBuf;
use std::sync::Arc;

use scene3d_abi::{CreateRequest, Descriptor, StageKind};
use scene3d_tensor::Device;
use serde_json::{Value, json};

use crate::canonical::canonical_json;
use crate::config::ResolvedConfig;

/// Key of a config's schema: with which of its values a matcher finds correspondences where it could also find matches.
const CORRESPONDENCES_WHEN: &str = "x-correspondences-when";

/// A pipeline whose parts were found to fit.
#[derive(Debug, Clone)]
pub struct Negotiated {
    /// Every value, with where it comes from.
    pub config: ResolvedConfig,
    /// The entries of `[[features]]`, at least one.
    pub features: Vec<FeaturesPlan>,
    /// The mapper.
    pub mapper: StagePlan,
}

/// An entry of `[[features]]`: what finds keypoints, and what matches them.
#[derive(Debug, Clone)]
pub struct FeaturesPlan {
    /// The extractor; none where the matcher finds correspondences anywhere.
    pub extractor: Option<StagePlan>,
    /// The matcher.
    pub matcher: StagePlan,
}

impl Negotiated {
    /// All stages: extractor and matcher of each entry, then the mapper.
    pub fn stages(&self) -> impl Iterator<Item = &StagePlan> {
        self.features.iter().flat_map(FeaturesPlan::stages).chain([&self.mapper])
    }

    /// The stages without those of a plugin and weights that came before, for records of what was used.
    #[must_use]
    pub fn distinct_stages(&self) -> Vec<&StagePlan> {
        let mut distinct: Vec<&StagePlan> = Vec::new();
        for plan in self.stages() {
            let is_same = |known: &&StagePlan| known.plugin_id() == plan.plugin_id() && known.weights == plan.weights;
            if !distinct.iter().any(is_same) {
                distinct.push(plan);
            }
        }
        distinct
    }
}

impl FeaturesPlan {
    fn stages(&self) -> impl Iterator<Item = &StagePlan> {
        self.extractor.iter().chain([&self.matcher])
    }

    /// For people and reports, e.g. `aliked+lightglue`.
    #[must_use]
    pub fn name(&self) -> String {
        self.stages().map(StagePlan::plugin_id).collect::<Vec<_>>().join("+")
    }
}

/// All that is needed to create instances of one stage.
#[derive(Debug, Clone)]
pub struct StagePlan {
    /// What the plugin declares.
    pub descriptor: Arc<Descriptor>,
    /// The resolved config: every key of the schema.
    pub config: Value,
    /// The weight files this config needs, by name.
    pub weights: Vec<WeightFile>,
    /// Where the stage works.
    pub device: Device,
    /// Extractors: the feature family this config emits.
    pub family: Option<String>,
    /// Stages that see pixels: to what long side (px) the host shrinks an image; `None` for no bound.
    pub max_long_side_px: Option<u32>,
}

/// A weight file that was found and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightFile {
    /// Name in the descriptor.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Lower-case hex sha256 of the file.
    pub sha256: String,
    /// SPDX id of the weights' licence.
    pub license: String,
}

impl StagePlan {
    /// Id of the plugin.
    #[must_use]
    pub fn plugin_id(&self) -> &str {
        &self.descriptor.id
    }

    /// Whether a matcher looks at the photos themselves.
    #[must_use]
    pub fn needs_pixels(&self) -> bool {
        self.descriptor.inputs.iter().any(|port| port.name == "pixels")
    }

    /// Whether a matcher with this config finds correspondences of positions anywhere, not matches of the extractor's
    /// keypoints.
    #[must_use]
    pub fn finds_correspondences(&self) -> bool {
        finds_correspondences(&self.descriptor, &self.config)
    }

    /// Kind of the stage.
    #[must_use]
    pub fn kind(&self) -> StageKind {
        self.descriptor.kind
    }

    /// What `create` is given, as JSON.
    #[must_use]
    pub fn create_request(&self, seed: u64) -> String {
        let weights = self.weights.iter().map(|weight| (weight.name.clone(), weight.path.clone())).collect();
        let request = CreateRequest { config: self.config.clone(), weights, seed };
        serde_json::to_value(request).map(|value| canonical_json(&value)).unwrap_or_default()
    }

    /// What decides a stage's output besides its inputs, as canonical JSON for artifact keys: plugin id and version,
    /// config, sha256 of the weights, seed, and the kind of device (other arithmetic, other bytes).
    #[must_use]
    pub fn identity_json(&self, seed: u64) -> String {
        let weights: serde_json::Map<String, Value> =
            self.weights.iter().map(|weight| (weight.name.clone(), Value::from(weight.sha256.clone()))).collect();
        canonical_json(&json!({
            "plugin": self.descriptor.id,
            "version": self.descriptor.version,
            "config": self.config,
            "weights": weights,
            "seed": seed,
            "device": self.device.kind_name(),
        }))
    }
}

/// Whether a matcher with this config finds correspondences of positions anywhere.
pub(crate) fn finds_correspondences(descriptor: &Descriptor, config: &Value) -> bool {
    let returns = |name: &str| descriptor.outputs.iter().any(|port| port.name == name);
    if !returns("points") || !returns("matches") {
        return returns("points");
    }
    let properties = descriptor.config_schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().any(|(key, schema)| {
        let values = schema.get(CORRESPONDENCES_WHEN).and_then(Value::as_array);
        values.zip(config.get(key)).is_some_and(|(values, value)| values.contains(value))
    })
}
