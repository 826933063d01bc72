//! What users may set.

use scene3d_torch::Precision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How strict the matcher is, and how exact the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mast3rConfig {
    /// Keep a match only if the cosine of the angle between its descriptors is at least this.
    #[schemars(range(min = -1.0, max = 1.0))]
    pub min_similarity: f32,
    /// Keep a match only if the network's confidence in its descriptors is at least this; 0 keeps all.
    #[schemars(range(min = 0.0))]
    pub min_confidence: f32,
    /// Element type of encoder and decoders; the heads are always fp32.
    pub precision: Precision,
}

impl Default for Mast3rConfig {
    fn default() -> Self {
        Self { min_similarity: 0.0, min_confidence: 0.0, precision: Precision::Auto }
    }
}
