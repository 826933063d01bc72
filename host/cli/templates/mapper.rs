//! {{name}}: a mapper for scene3d.

use schemars::JsonSchema;
use scene3d_sdk::{
    CreateContext, Descriptor, Host, Mapper, Mapping, MatchGraph, PortSpec, Result, StageKind, export_plugin,
};
use serde::{Deserialize, Serialize};

/// Finds no model at all: replace it with something better. `plugins/sfm/colmap` is a full example.
pub struct Stage {
    config: Config,
}

/// Config keys; doc comments become `scene3d plugin inspect`'s help.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pairs with fewer matches are not used.
    #[schemars(range(min = 1))]
    pub min_num_matches: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { min_num_matches: 15 }
    }
}

impl Mapper for Stage {
    type Config = Config;

    fn descriptor() -> Descriptor {
        let port = |name: &str, dtype: &str, shape: &str, doc: &str| PortSpec {
            name: name.into(),
            dtype: dtype.into(),
            shape: shape.into(),
            doc: doc.into(),
            optional: false,
        };
        Descriptor {
            id: "{{name}}".into(),
            kind: StageKind::Mapper,
            version: env!("CARGO_PKG_VERSION").into(),
            license: "Apache-2.0".into(),
            summary: "a mapper to begin with".into(),
            source: String::new(),
            inputs: vec![
                port("keypoints", "f32", "[K, 2]", "px, original image, all images one after another"),
                port("keypoint_offsets", "u64", "[I]", "first keypoint of each image, and their number"),
                port("pairs", "u32", "[P, 2]", "image ids"),
                port("matches", "u32", "[M, 2]", "keypoint indices, all pairs one after another"),
                port("match_offsets", "u64", "[Q]", "first match of each pair, and their number"),
            ],
            outputs: vec![port("mapping_json", "u8", "[B]", "number of models, verified pairs, engine")],
            emits_family: None,
            accepts_families: vec![],
            max_long_side_key: None,
            devices: vec!["cpu".into()],
            extensions: vec![],
            weights: vec![],
            config_schema: Default::default(),
        }
    }

    fn create(config: Config, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self { config })
    }

    fn map(&mut self, graph: &MatchGraph, host: &Host<'_>) -> Result<Mapping> {
        let is_used = |pair: &&scene3d_sdk::PairMatches| pair.matches.len() >= self.config.min_num_matches as usize;
        let num_used = graph.pairs.iter().filter(is_used).count();
        host.progress(1.0, &format!("{num_used} pairs looked at"));
        Ok(Mapping { models: vec![], verified_pairs: vec![], engine: "{{name}}".into() })
    }
}

export_plugin!(mapper: Stage);
