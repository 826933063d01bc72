//! What a pair's decoding gives for each view, from the heads' raw values.

use tch::Tensor;

use crate::architecture::{Architecture, ConfidenceMode};

/// Which outputs a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Descriptors alone: all that matching reads, at little more than half the cost.
    Descriptors,
    /// Points too.
    DescriptorsAndPoints,
}

/// Maps of one view of `B` pairs, in the pixels of the cropped image.
#[derive(Debug)]
pub struct ViewMaps {
    /// `[B, H, W, D] f32`, unit length
    pub descriptors: Tensor,
    /// `[B, H, W] f32`
    pub descriptor_confidence: Tensor,
    /// If wanted.
    pub points: Option<PointMaps>,
}

/// Points of one view of `B` pairs.
#[derive(Debug)]
pub struct PointMaps {
    /// `[B, H, W, 3] f32`, in the frame of view 1's camera, for either view
    pub positions: Tensor,
    /// `[B, H, W] f32`
    pub confidence: Tensor,
}

impl PointMaps {
    /// Of raw `[B, H, W, 4]`: a direction times `e^d - 1`.
    #[must_use]
    pub fn of(raw: &Tensor, architecture: &Architecture) -> Self {
        let xyz = raw.narrow(3, 0, 3);
        let distance = xyz.norm_scalaropt_dim(2.0, 3, true);
        Self {
            positions: xyz / distance.clamp_min(1e-8) * distance.expm1(),
            confidence: confidence(&raw.select(3, 3), architecture.confidence),
        }
    }
}

impl ViewMaps {
    /// Of raw `[B, H, W, D + 1]`.
    #[must_use]
    pub fn of(raw: &Tensor, points: Option<PointMaps>, architecture: &Architecture) -> Self {
        let dim = architecture.descriptor_dim;
        let descriptors = raw.narrow(3, 0, dim);
        let length = descriptors.norm_scalaropt_dim(2.0, 3, true);
        Self {
            descriptors: (descriptors / length).contiguous(),
            descriptor_confidence: confidence(&raw.select(3, dim), architecture.descriptor_confidence),
            points,
        }
    }
}

fn confidence(raw: &Tensor, ConfidenceMode { min, max }: ConfidenceMode) -> Tensor {
    let above_min = raw.exp();
    if max.is_finite() { above_min.clamp_max(max - min) + min } else { above_min + min }
}
