//! All that extraction and matching found, joined over the entries of `[[features]]`.

use std::collections::BTreeMap;

use scene3d_scene::{ImageId, ImagePair, Keypoints, Matches};

use crate::join::{JoinedKeypoints, JoinedMatches, join_keypoints, join_matches};
use crate::photo_features::{Extracted, PhotoFeatures};
use crate::photos::Rejected;
use crate::{Cancel, PipelineError};

/// What one entry of `[[features]]` found.
#[derive(Clone, Copy)]
pub(crate) struct FromEntry<'a> {
    pub extracted: &'a Extracted,
    pub matched: &'a BTreeMap<ImagePair, Matches>,
}

/// What all entries found.
pub(crate) struct Joined<'a> {
    /// By photo.
    pub images: Vec<Result<JoinedImage<'a>, Rejected>>,
    /// Every pair that was matched.
    pub matched: BTreeMap<ImagePair, JoinedMatches>,
}

/// What all entries found in one photo.
pub(crate) struct JoinedImage<'a> {
    pub found: JoinedKeypoints,
    /// RGB at each joined keypoint.
    pub colors: Vec<[u8; 3]>,
    /// Sharpness and thumbnail come from the first entry that has features of this photo.
    pub first: &'a PhotoFeatures,
}

impl<'a> Joined<'a> {
    /// Joins keypoints of different entries that are at most `radius_px` apart, and the matches on them.
    pub(crate) fn of(entries: &[FromEntry<'a>], radius_px: f32, cancel: &Cancel) -> Result<Self, PipelineError> {
        let num_photos = entries.first().map_or(0, |entry| entry.extracted.len());
        let join_photo = |photo: usize| {
            cancel.check()?;
            let of_entries: Vec<_> = entries.iter().map(|entry| &entry.extracted[photo]).collect();
            join_photo(&of_entries, radius_px)
        };
        let images = (0..num_photos).map(join_photo).collect::<Result<Vec<_>, _>>()?;
        let mut joined = Self { images, matched: BTreeMap::new() };
        let pairs = entries.first().into_iter().flat_map(|entry| entry.matched.keys());
        joined.matched = pairs.map(|&pair| (pair, joined.matches_of(pair, entries))).collect();
        Ok(joined)
    }

    /// What was found in a photo, unless it was rejected.
    pub(crate) fn image(&self, id: ImageId) -> Option<&JoinedImage<'a>> {
        self.images.get((id.0 as usize).checked_sub(1)?)?.as_ref().ok()
    }

    fn matches_of(&self, pair: ImagePair, entries: &[FromEntry<'_>]) -> JoinedMatches {
        let (Some(image1), Some(image2)) = (self.image(pair.image1), self.image(pair.image2)) else {
            return JoinedMatches::default();
        };
        let none: &Matches = &Matches::default();
        let mut of_entries = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let index_of = [image1, image2].map(|image: &JoinedImage<'_>| image.found.index_of[index].as_slice());
            of_entries.push((entry.matched.get(&pair).unwrap_or(none), index_of));
        }
        join_matches(&of_entries)
    }
}

/// A photo is rejected if every entry rejects it.
fn join_photo<'a>(
    of_entries: &[&'a Result<PhotoFeatures, Rejected>],
    radius_px: f32,
) -> Result<Result<JoinedImage<'a>, Rejected>, PipelineError> {
    let first = match of_entries.iter().find_map(|found| found.as_ref().ok()) {
        Some(first) => first,
        None => {
            let rejected = of_entries.iter().find_map(|found| found.as_ref().err()).cloned();
            return rejected.map(Err).ok_or_else(|| PipelineError::internal("no entry has seen a photo"));
        }
    };
    let keypoints = of_entries.iter().map(|found| keypoints(found)).collect::<Result<Vec<_>, _>>()?;
    let found = join_keypoints(&keypoints.iter().collect::<Vec<_>>(), radius_px);
    let colors = of_entries.iter().map(|found| colors(found)).collect::<Result<Vec<_>, _>>()?;
    let colors = found.kept.iter().map(|&(entry, index)| colors[entry][index]).collect();
    Ok(Ok(JoinedImage { found, colors, first }))
}

fn keypoints(found: &Result<PhotoFeatures, Rejected>) -> Result<Keypoints, PipelineError> {
    let Ok(features) = found else { return Ok(Keypoints::default()) };
    let scores = features.view().slice::<f32>("scores")?.to_vec();
    Ok(Keypoints { positions: features.keypoints()?.to_vec(), scores })
}

fn colors(found: &Result<PhotoFeatures, Rejected>) -> Result<&[[u8; 3]], PipelineError> {
    match found {
        Ok(features) => Ok(features.view().rows::<u8, 3>("colors")?),
        Err(_) => Ok(&[]),
    }
}
