//! What a user can set, and the sizes of the four published models.

use scene3d_torch::Precision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of the stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which published network.
    pub model: Model,
    /// Keypoints kept of an image, the best first.
    #[schemars(range(min = 1))]
    pub max_keypoints: u32,
    /// Keep only keypoints that score above this (where none does, those above the mean of all pixels' scores); without
    /// it the best `max_keypoints`, however low they score.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub detection_threshold: Option<f32>,
    /// Keypoints are at least this far apart, along each axis, before sub-pixel refinement.
    #[schemars(range(min = 1, max = 16), extend("x-unit" = "px"))]
    pub nms_radius: u32,
    /// Larger images are reduced to this long side.
    #[schemars(range(min = 32), extend("x-unit" = "px"))]
    pub max_image_size: u32,
    /// Element type of the convolutions; `auto` is fp32, since keypoint positions suffer from less.
    pub precision: Precision,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            model: Model::N16rot,
            max_keypoints: 2048,
            detection_threshold: None,
            nms_radius: 2,
            max_image_size: 1024,
            precision: Precision::Auto,
        }
    }
}

/// A published network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// tiny: 64-dimensional descriptors
    T16,
    /// normal: 128-dimensional descriptors of 16 samples
    N16,
    /// normal, trained with rotated images
    N16rot,
    /// normal, 32 samples
    N32,
}

/// Sizes of a network (`ALIKED nets/aliked.py`, `cfgs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Channels of blocks 1 to 4.
    pub channels: [i64; 4],
    /// Length of a descriptor.
    pub dim: i64,
    /// Positions at which a descriptor samples the feature map.
    pub num_samples: i64,
}

impl Model {
    /// Every model.
    pub const ALL: [Self; 4] = [Self::T16, Self::N16, Self::N16rot, Self::N32];

    /// Name, as in config and weight files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::T16 => "t16",
            Self::N16 => "n16",
            Self::N16rot => "n16rot",
            Self::N32 => "n32",
        }
    }

    /// Its sizes.
    #[must_use]
    pub fn sizes(self) -> Sizes {
        match self {
            Self::T16 => Sizes { channels: [8, 16, 32, 64], dim: 64, num_samples: 16 },
            Self::N16 | Self::N16rot => Sizes { channels: [16, 32, 64, 128], dim: 128, num_samples: 16 },
            Self::N32 => Sizes { channels: [16, 32, 64, 128], dim: 128, num_samples: 32 },
        }
    }

    /// sha256 of the published `aliked-<model>.pth`.
    #[must_use]
    pub(crate) fn sha256(self) -> &'static str {
        match self {
            Self::T16 => "56782336919db220144a884e710e2b6af13b3b8f8da15b915a239078ab471085",
            Self::N16 => "5be8704840ed662d9d8c561bf7279c222092674e7eb05fd0feab94899e9d82f2",
            Self::N16rot => "ddf3abbf38e86f6a74540d214e1a9712c54b2d8551abc864542199f2347d7332",
            Self::N32 => "055283fd1624d3ab46a05c3b617b1a79a3f28d1f551737eef2d653e8c8232890",
        }
    }
}
