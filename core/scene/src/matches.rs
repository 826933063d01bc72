//! Putative matches of one image pair.

use serde::{Deserialize, Serialize};

/// Matches `[M, 2] u32` (keypoint index in image 1, in image 2) with scores `[M] f32` in 0..1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Matches {
    /// Keypoint indices, each keypoint at most once.
    pub indices: Vec<[u32; 2]>,
    /// Confidence of each match.
    pub scores: Vec<f32>,
}

impl Matches {
    /// Number of matches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}
