//! The extractor's config.

use scene3d_torch::Precision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How keypoints are chosen and in which precision the network runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SuperPointConfig {
    /// Keep this many keypoints, those of the highest scores.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_keypoints: u32,
    /// Keep keypoints whose score is above this.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub detection_threshold: f32,
    /// Keep a keypoint only if no score within this distance along either axis is higher.
    #[schemars(range(min = 0, max = 64), extend("x-unit" = "px"))]
    pub nms_radius: u32,
    /// Drop keypoints nearer than this to the border of the resized image.
    #[schemars(range(min = 0, max = 1024), extend("x-unit" = "px"))]
    pub remove_borders: u32,
    /// Images with a longer side are reduced to this.
    #[schemars(range(min = 8, max = 16384), extend("x-unit" = "px"))]
    pub max_image_size: u32,
    /// Element type of the network. `auto` is fp32 on a CPU, where our own kernels are faster than bf16 in torch, and
    /// bf16 on a GPU.
    pub precision: Precision,
}

impl Default for SuperPointConfig {
    /// The reference's thresholds.
    fn default() -> Self {
        Self {
            max_keypoints: 2048,
            detection_threshold: 0.005,
            nms_radius: 4,
            remove_borders: 4,
            max_image_size: 1024,
            precision: Precision::Auto,
        }
    }
}
