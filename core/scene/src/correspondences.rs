//! Putative correspondences of one image pair, by position.

use serde::{Deserialize, Serialize};

/// Correspondences `[M, 4] f32: x1, y1, x2, y2, px, original images, top-left pixel centre at (0.5, 0.5)` with scores
/// `[M] f32` in 0..1: what a matcher finds that needs no keypoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Correspondences {
    /// Positions in image 1 and image 2, in px of the original (oriented) images.
    pub points: Vec<[f32; 4]>,
    /// Confidence of each correspondence.
    pub scores: Vec<f32>,
}

impl Correspondences {
    /// Number of correspondences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}
