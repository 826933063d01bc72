//! What each entry of `[[features]]` gives to the join: matches of its extractor's keypoints, or, of a dense matcher, of
//! keypoints gathered from its correspondences.

use std::collections::BTreeMap;

use scene3d_scene::{Correspondences, ImageId, ImagePair, Keypoints, Matches};
use scene3d_tensor::Tensor;

use crate::PipelineError;
use crate::decode::decode;
use crate::extractions::Sources;
use crate::gather::{GatherRule, gather};
use crate::hash::key_of;
use crate::matching::Found;
use crate::pair_found::PairFound;
use crate::photo_features::{Extracted, PhotoFeatures, with_appearance};
use crate::photos::Rejected;

/// Colours of keypoints are read off a photo of this long side in px.
const COLOR_LONG_SIDE_PX: u32 = 1024;

/// Matches of an entry, and the keypoints they are of where those are not the extractor's.
pub(crate) struct OfEntry {
    pub gathered: Option<Extracted>,
    pub matched: BTreeMap<ImagePair, Matches>,
}

/// Gathers correspondences; matches stay what they are.
pub(crate) fn of_entry(sources: Sources<'_>, extracted: &Extracted, found: Found) -> Result<OfEntry, PipelineError> {
    let (mut matched, mut correspondences) = (BTreeMap::new(), BTreeMap::<ImagePair, Correspondences>::new());
    for (pair, found) in found {
        match found {
            PairFound::Matches(found) => drop(matched.insert(pair, found)),
            PairFound::Correspondences(found) => drop(correspondences.insert(pair, found)),
        }
    }
    if correspondences.is_empty() {
        return Ok(OfEntry { gathered: None, matched });
    }
    let context = sources.context;
    let rule = GatherRule::of(&context.request.negotiated.config.gather);
    let mut gathered = gather(&correspondences, rule, context.threads(), &context.cancel)?;
    let mut of_photo = |(photo, extracted): (usize, &Result<PhotoFeatures, Rejected>)| match extracted {
        Err(rejected) => Ok(Err(rejected.clone())),
        Ok(_) => {
            with_keypoints(sources, photo, gathered.keypoints.remove(&ImageId(photo as u32 + 1)).unwrap_or_default())
        }
    };
    let of_photos = extracted.iter().enumerate().map(&mut of_photo).collect::<Result<Extracted, _>>()?;
    Ok(OfEntry { gathered: Some(of_photos), matched: gathered.matches })
}

/// A photo with these keypoints.
fn with_keypoints(
    sources: Sources<'_>,
    photo: usize,
    keypoints: Keypoints,
) -> Result<Result<PhotoFeatures, Rejected>, PipelineError> {
    sources.context.cancel.check()?;
    let photo = &sources.photos[photo];
    let decoded = decode(photo, COLOR_LONG_SIDE_PX)
        .map_err(|rejected| PipelineError::PhotoChanged { name: rejected.name, reason: rejected.reason })?;
    let num = keypoints.positions.len() as i64;
    let tensors = vec![
        ("keypoints".to_owned(), Tensor::from_vec(keypoints.positions.into_flattened(), &[num, 2])?),
        ("scores".to_owned(), Tensor::from_vec(keypoints.scores, &[num])?),
    ];
    let tensors = with_appearance(tensors, photo, &decoded)?;
    PhotoFeatures::new(&key_of([b"gathered", photo.sha256.as_bytes()]), tensors).map(Ok)
}
