//! Joins what the entries of `[[features]]` found: one list of keypoints an image, one list of matches a pair.

mod keypoints;
mod matches;

pub(crate) use keypoints::{JoinedKeypoints, join_keypoints};
pub(crate) use matches::{JoinedMatches, join_matches};

/// Which entries of `[[features]]` a keypoint or a match comes from, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SourceSet(u64);

impl SourceSet {
    /// The set of one entry; negotiation allows fewer than 64.
    pub(crate) fn of(source: usize) -> Self {
        Self(1 << source)
    }

    pub(crate) fn contains(self, source: usize) -> bool {
        self.0 & Self::of(source).0 != 0
    }

    pub(crate) fn len(self) -> u32 {
        self.0.count_ones()
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
