//! What users may set.

use scene3d_torch::Precision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is matched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The extractor's keypoints.
    #[default]
    Keypoints,
    /// Pixels anywhere; no extractor is needed.
    Dense,
}

/// What is matched, how strictly, and how exact the network is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mast3rConfig {
    /// What is matched: the extractor's keypoints, or pixels anywhere (dense).
    #[schemars(extend("x-correspondences-when" = ["dense"]))]
    pub mode: Mode,
    /// Keypoints: keep a match only if the cosine of the angle between its descriptors is at least this.
    #[schemars(range(min = -1.0, max = 1.0))]
    pub min_similarity: f32,
    /// Keep a match only if the network's confidence in its descriptors is at least this; 0 keeps all.
    #[schemars(range(min = 0.0))]
    pub min_confidence: f32,
    /// Dense: distance between the pixels of the network's image from which the search starts.
    #[schemars(range(min = 1, max = 64), extend("x-unit" = "px"))]
    pub subsample: u32,
    /// Dense: pixels nearer than this to the border of the network's image are dropped.
    #[schemars(range(min = 0, max = 64), extend("x-unit" = "px"))]
    pub border: u32,
    /// Dense: of each pair, at most this many correspondences are kept, the most confident ones; 0 keeps all.
    #[schemars(extend("x-unit" = "correspondences"))]
    pub max_correspondences: u32,
    /// Dense: match photos larger than the network's image again, window by window at full resolution.
    pub coarse_to_fine: bool,
    /// Dense, coarse to fine: of each pair, at most this many pairs of windows are matched.
    #[schemars(range(min = 1, max = 256), extend("x-unit" = "pairs of windows"))]
    pub max_windows: u32,
    /// Long side to which photos are reduced before anything is done with them; 0 keeps their size. Coarse to fine, every
    /// photo is held in this size until its last pair.
    #[schemars(extend("x-unit" = "px"))]
    pub max_image_size: u32,
    /// Element type of encoder and decoders; the heads are always fp32.
    pub precision: Precision,
}

impl Default for Mast3rConfig {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            min_similarity: 0.0,
            min_confidence: 0.0,
            // as the reference's demo
            subsample: 8,
            border: 3,
            max_correspondences: 0,
            coarse_to_fine: false,
            max_windows: 16,
            max_image_size: 0,
            precision: Precision::Auto,
        }
    }
}
