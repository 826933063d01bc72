//! The features of an image whose drift is watched.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A feature of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = DriftFeature)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Mean luma, 0 to 255.
    Brightness,
    /// Standard deviation of luma, 0 to 127.5.
    Contrast,
    /// Variance of the Laplacian of luma at the stored size.
    Sharpness,
    /// Entropy of the histogram of luma, 0 to 8 bits.
    Entropy,
    /// Colourfulness M3 of Hasler and Süsstrunk; 0 for grey.
    Colourfulness,
    /// Mean saturation of HSV, 0 to 1.
    Saturation,
    /// Standard deviation of the noise of luma at the stored size, in 8-bit levels.
    Noise,
    /// Width, px.
    Width,
    /// Height, px.
    Height,
    /// Width over height.
    Aspect,
    /// Focal length over the long side, from EXIF.
    Focal,
    /// Number of keypoints that the extractor found.
    KeypointCount,
    /// Mean score of those keypoints.
    KeypointScore,
}

impl Feature {
    /// All, in the order of reports.
    pub const ALL: [Self; 13] = [
        Self::Brightness,
        Self::Contrast,
        Self::Sharpness,
        Self::Entropy,
        Self::Colourfulness,
        Self::Saturation,
        Self::Noise,
        Self::Width,
        Self::Height,
        Self::Aspect,
        Self::Focal,
        Self::KeypointCount,
        Self::KeypointScore,
    ];

    /// As in JSON and in labels of metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Sharpness => "sharpness",
            Self::Entropy => "entropy",
            Self::Colourfulness => "colourfulness",
            Self::Saturation => "saturation",
            Self::Noise => "noise",
            Self::Width => "width",
            Self::Height => "height",
            Self::Aspect => "aspect",
            Self::Focal => "focal",
            Self::KeypointCount => "keypoint_count",
            Self::KeypointScore => "keypoint_score",
        }
    }
}

impl Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_called_the_same_everywhere() {
        for feature in Feature::ALL {
            assert_eq!(serde_json::to_value(feature).unwrap(), feature.name());
        }
    }
}
