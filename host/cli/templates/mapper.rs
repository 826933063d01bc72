//! {{name}}: a mapper for scene3d.

use scene3d_sdk::{
    CreateContext, Descriptor, Host, Mapper, Mapping, MatchGraph, Result, StageKind, describe, export_plugin,
};
use schemars::JsonSchema;
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
        describe(StageKind::Mapper, "{{name}}", env!("CARGO_PKG_VERSION"), "Apache-2.0", "a mapper to begin with")
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
