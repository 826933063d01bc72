//! What users may set.

use scene3d_torch::Precision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Depth, width and strictness; the defaults are the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LightGlueConfig {
    /// Stop after a layer at which more than this share of keypoints is confident. 1 always runs all nine layers
    /// (the reference's -1); lower is faster.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub depth_confidence: f32,
    /// Drop keypoints that are confident and found to be matchable with at most 1 minus this. 1 keeps all (the
    /// reference's -1); lower is faster.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub width_confidence: f32,
    /// Keep a match only if its score is above this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub filter_threshold: f32,
    /// Element type of the network's large operations; sums, softmax, normalisation and assignment are always fp32.
    pub precision: Precision,
}

impl Default for LightGlueConfig {
    fn default() -> Self {
        Self { depth_confidence: 0.95, width_confidence: 0.99, filter_threshold: 0.1, precision: Precision::Auto }
    }
}
