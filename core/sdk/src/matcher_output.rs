//! What a matcher finds in a pair: matches of keypoints, correspondences of positions, or by its config either.

use scene3d_abi::PortSpec;
use scene3d_scene::{Correspondences, Matches};
use scene3d_wire::{Named, correspondences_to_named, matches_to_named};

use crate::{Result, port};

/// Putative matches of one pair, of a matcher whose config decides of which kind.
///
/// The host must know before anything runs: such a config has a key whose schema lists the values that make the matcher
/// find correspondences, `#[schemars(extend("x-correspondences-when" = ["dense"]))]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Putative {
    /// Of the extractor's keypoints.
    Matches(Matches),
    /// Of positions anywhere; the extractor, if there is one, has no part in them.
    Correspondences(Correspondences),
}

/// The types that [`crate::Matcher::Output`] may be.
pub trait MatcherOutput: sealed::Sealed {
    /// Output tensors of a pair.
    fn ports() -> Vec<PortSpec>;

    /// These tensors.
    ///
    /// # Errors
    /// If there are not as many scores as matches.
    fn into_named(self) -> Result<Named>;
}

impl MatcherOutput for Matches {
    fn ports() -> Vec<PortSpec> {
        vec![matches_port(), scores_port()]
    }

    fn into_named(self) -> Result<Named> {
        Ok(matches_to_named(self)?)
    }
}

impl MatcherOutput for Correspondences {
    fn ports() -> Vec<PortSpec> {
        vec![points_port(), scores_port()]
    }

    fn into_named(self) -> Result<Named> {
        Ok(correspondences_to_named(self)?)
    }
}

impl MatcherOutput for Putative {
    fn ports() -> Vec<PortSpec> {
        let optional = |port| PortSpec { optional: true, ..port };
        vec![optional(matches_port()), optional(points_port()), scores_port()]
    }

    fn into_named(self) -> Result<Named> {
        match self {
            Self::Matches(matches) => matches.into_named(),
            Self::Correspondences(correspondences) => correspondences.into_named(),
        }
    }
}

fn matches_port() -> PortSpec {
    port("matches", "u32", "[M, 2]", "keypoint index in image 1, in image 2, by rising index in image 1")
}

fn points_port() -> PortSpec {
    port("points", "f32", "[M, 4]", "x1, y1, x2, y2, px, original images, top-left pixel centre at (0.5, 0.5)")
}

fn scores_port() -> PortSpec {
    port("scores", "f32", "[M]", "in 0..1, higher is better")
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Matches {}
    impl Sealed for super::Correspondences {}
    impl Sealed for super::Putative {}
}
