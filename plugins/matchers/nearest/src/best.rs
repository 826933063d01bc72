//! The best and second best partner of a keypoint, and how parts found apart are joined.

/// What is known of a keypoint's partners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// Cosine similarity of the best partner; minus infinity if there is none.
    pub similarity: f32,
    /// Index of the best partner, the lowest of equals.
    pub index: u32,
    /// Similarity of the second best partner, equal to the best where two are equal; minus infinity if there is none.
    pub second: f32,
}

impl Best {
    /// Before any partner was looked at.
    pub const NONE: Self = Self { similarity: f32::NEG_INFINITY, index: u32::MAX, second: f32::NEG_INFINITY };

    /// Of the partners of both; the order of joining does not matter.
    pub fn join(self, other: Self) -> Self {
        let other_wins =
            other.similarity > self.similarity || (other.similarity == self.similarity && other.index < self.index);
        let (winner, loser) = if other_wins { (other, self) } else { (self, other) };
        Self { second: winner.second.max(loser.similarity), ..winner }
    }
}

/// The same of many keypoints, one field an array, as the kernel updates it; padded to whole panels.
#[derive(Debug)]
pub struct Bests {
    /// [`Best::similarity`] of each.
    pub similarity: Vec<f32>,
    /// [`Best::index`] of each.
    pub index: Vec<u32>,
    /// [`Best::second`] of each.
    pub second: Vec<f32>,
}

impl Bests {
    /// Nothing known of `len` keypoints.
    pub fn none(len: usize) -> Self {
        let Best { similarity, index, second } = Best::NONE;
        Self { similarity: vec![similarity; len], index: vec![index; len], second: vec![second; len] }
    }

    /// Number of keypoints.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// What is known of one.
    pub fn get(&self, at: usize) -> Best {
        Best { similarity: self.similarity[at], index: self.index[at], second: self.second[at] }
    }

    /// Adds what is known of one.
    pub fn join(&mut self, at: usize, best: Best) {
        let Best { similarity, index, second } = self.get(at).join(best);
        (self.similarity[at], self.index[at], self.second[at]) = (similarity, index, second);
    }

    /// Puts other keypoints behind these.
    pub fn append(&mut self, mut other: Self) {
        self.similarity.append(&mut other.similarity);
        self.index.append(&mut other.index);
        self.second.append(&mut other.second);
    }
}
