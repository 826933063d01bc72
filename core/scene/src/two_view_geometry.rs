//! Geometrically verified matches of one image pair.

use serde::{Deserialize, Serialize};

use crate::{Matches, Rigid3};

/// What relates the two images, by COLMAP's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TwoViewConfiguration {
    /// No model explains the matches.
    Degenerate,
    /// Essential matrix, calibrated cameras.
    Calibrated,
    /// Fundamental matrix, uncalibrated cameras.
    Uncalibrated,
    /// Homography: a plane or a pure rotation.
    PlanarOrPanoramic,
    /// Several models at once, or a watermark.
    Other,
}

/// Result of geometric verification of one pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwoViewGeometry {
    /// Which model explains the matches.
    pub configuration: TwoViewConfiguration,
    /// The matches that agree with it.
    pub inlier_matches: Matches,
    /// Relative pose with unit translation, where it was estimated.
    pub cam2_from_cam1: Option<Rigid3>,
}
