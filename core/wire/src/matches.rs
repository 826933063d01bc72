//! Prepared pairs going into a matcher, matches coming out.

use scene3d_scene::Matches;

use crate::named::{NamedView, rows, vector};
use crate::{Named, PreparedView, WireError, item};

/// Both images of a pair as the matcher prepared them.
#[derive(Debug, Clone)]
pub struct PreparedPair<'a> {
    /// The image with the lower id.
    pub image1: PreparedView<'a>,
    /// The image with the higher id.
    pub image2: PreparedView<'a>,
}

impl<'a> PreparedPair<'a> {
    /// Reads `1.*` and `2.*`.
    #[must_use]
    pub fn from_named(named: &NamedView<'a>) -> Self {
        Self { image1: item(named, "1"), image2: item(named, "2") }
    }
}

/// Writes `matches [M, 2] u32` and `scores [M] f32`.
///
/// # Errors
/// [`WireError`] if there are not as many scores as matches.
pub fn matches_to_named(matches: Matches) -> Result<Named, WireError> {
    if matches.scores.len() != matches.len() {
        let reason = format!("{} scores for {} matches", matches.scores.len(), matches.len());
        return Err(WireError::content("scores", reason));
    }
    Ok(vec![rows("matches", &matches.indices)?, vector("scores", matches.scores)?])
}

/// Reads `matches [M, 2] u32` and `scores [M] f32`; each index must be below the image's number of keypoints.
///
/// # Errors
/// [`WireError`] if one is missing or malformed or an index is out of range.
pub fn matches_from_named(named: &NamedView<'_>, num_keypoints: [usize; 2]) -> Result<Matches, WireError> {
    let indices = named.rows::<u32, 2>("matches")?;
    let scores = named.slice::<f32>("scores")?;
    if scores.len() != indices.len() {
        return Err(WireError::content("scores", format!("{} scores for {} matches", scores.len(), indices.len())));
    }
    let is_outside = |m: &&[u32; 2]| m[0] as usize >= num_keypoints[0] || m[1] as usize >= num_keypoints[1];
    if let Some(outside) = indices.iter().find(is_outside) {
        let reason = format!("match {outside:?} is out of range, the images have {num_keypoints:?} keypoints");
        return Err(WireError::content("matches", reason));
    }
    Ok(Matches { indices: indices.to_vec(), scores: scores.to_vec() })
}
