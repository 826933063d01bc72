//! Keypoints of one image.

use serde::{Deserialize, Serialize};

/// Keypoints `[N, 2] f32, (x, y) px, original image, top-left pixel centre at (0.5, 0.5)` with scores `[N] f32`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Keypoints {
    /// Positions, in px of the original (oriented) image.
    pub positions: Vec<[f32; 2]>,
    /// Detection scores, one a keypoint, higher is better.
    pub scores: Vec<f32>,
}

impl Keypoints {
    /// Number of keypoints.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }
}
