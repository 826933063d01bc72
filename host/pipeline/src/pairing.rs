//! Chooses which image pairs to match: every one, neighbours in a sequence, or the most similar.

use std::collections::BTreeSet;

use scene3d_engine::config::PairingMethod;
use scene3d_scene::{ImageId, ImagePair};

use crate::PipelineError;
use crate::context::Context;
use crate::extract::Extracted;
use crate::retrieval::{LocalDescriptors, most_similar};

/// Pairs of one tile are worked on together, so that few images are in use at a time.
const TILE_SIDE: usize = 16;

/// The configured pairs, in tile order; what looks alike is decided by the first entry's descriptors.
pub(crate) fn choose_pairs(context: &Context<'_>, extracted: &Extracted) -> Result<Vec<ImagePair>, PipelineError> {
    let pairing = &context.request.negotiated.config.pairing;
    let similar = |num_neighbors: usize| {
        let locals = extracted.iter().map(local_descriptors).collect::<Result<Vec<_>, _>>()?;
        let neighbors = most_similar(&locals, num_neighbors, pairing.codebook_size as usize, context.threads());
        Ok::<_, PipelineError>(with_neighbors(&neighbors))
    };
    let pairs = match pairing.method {
        PairingMethod::Exhaustive => exhaustive(extracted.len()),
        PairingMethod::Retrieval => similar(pairing.num_neighbors as usize)?,
        PairingMethod::Sequential => {
            let mut pairs = sequential(extracted.len(), pairing.window as usize);
            if pairing.loop_closures > 0 {
                pairs.extend(similar(pairing.loop_closures as usize)?);
            }
            pairs
        }
    };
    Ok(in_tile_order(&pairs))
}

fn local_descriptors(
    features: &Result<crate::extract::PhotoFeatures, crate::Rejected>,
) -> Result<LocalDescriptors<'_>, PipelineError> {
    let Ok(features) = features else { return Ok(LocalDescriptors { values: &[], dim: 1 }) };
    let descriptors = features.view().get("descriptors")?;
    let dim = descriptors.shape().last().map_or(1, |&dim| dim as usize);
    Ok(LocalDescriptors { values: descriptors.as_slice()?, dim })
}

/// All pairs of `num_images` images.
pub(crate) fn exhaustive(num_images: usize) -> BTreeSet<ImagePair> {
    (0..num_images).flat_map(|a| (a + 1..num_images).filter_map(move |b| pair(a, b))).collect()
}

/// Each image with the `window` images that follow it in the order of their names.
pub(crate) fn sequential(num_images: usize, window: usize) -> BTreeSet<ImagePair> {
    let followers = |a: usize| (a + 1..num_images.min(a + 1 + window)).filter_map(move |b| pair(a, b));
    (0..num_images).flat_map(followers).collect()
}

/// Each image with its neighbours, e.g. the most similar ones.
pub(crate) fn with_neighbors(neighbors: &[Vec<usize>]) -> BTreeSet<ImagePair> {
    neighbors.iter().enumerate().flat_map(|(a, list)| list.iter().filter_map(move |&b| pair(a, b))).collect()
}

/// Orders pairs tile by tile over the pair matrix: a tile of side `s` needs `2 s` images for `s^2` pairs.
pub(crate) fn in_tile_order(pairs: &BTreeSet<ImagePair>) -> Vec<ImagePair> {
    let tile = |id: ImageId| (id.0 as usize).saturating_sub(1) / TILE_SIDE;
    let mut ordered: Vec<ImagePair> = pairs.iter().copied().collect();
    ordered.sort_by_key(|pair| (tile(pair.image1), tile(pair.image2), *pair));
    ordered
}

fn pair(a: usize, b: usize) -> Option<ImagePair> {
    ImagePair::new(ImageId(a as u32 + 1), ImageId(b as u32 + 1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_as_the_formulas_say() {
        assert_eq!(exhaustive(11).len(), 55);
        assert_eq!(sequential(10, 3).len(), 9 + 8 + 7);
        assert_eq!(sequential(2, 5).len(), 1);
        assert_eq!(with_neighbors(&[vec![1, 2], vec![0], vec![]]).len(), 2);
        assert!(exhaustive(1).is_empty());
    }

    #[test]
    fn tile_order_keeps_every_pair_and_works_on_few_images_at_a_time() {
        let pairs = exhaustive(100);
        let ordered = in_tile_order(&pairs);
        assert_eq!(ordered.iter().copied().collect::<BTreeSet<_>>(), pairs);
        for window in ordered.windows(TILE_SIDE * TILE_SIDE / 4) {
            let images: BTreeSet<_> = window.iter().flat_map(|p| [p.image1, p.image2]).collect();
            assert!(images.len() <= 4 * TILE_SIDE, "{} images", images.len());
        }
    }
}
