//! Chooses which image pairs to match: every one, neighbours in a sequence, or the most similar.

use std::collections::BTreeSet;
use std::sync::Arc;

use scene3d_engine::config::PairingMethod;
use scene3d_engine::{Instance, StagePlan};
use scene3d_scene::{ImageId, ImagePair};
use scene3d_wire::NamedView;

use crate::PipelineError;
use crate::context::Context;
use crate::describe::describe_elsewhere;
use crate::extract::place_of;
use crate::extractions::{Extractions, Sources};
use crate::observer::StageName;
use crate::photo_features::DESCRIPTORS;
use crate::retrieval::{ImageDescriptors, Retrieval};

/// The configured pairs, ordered; what looks alike is decided by the first entry's descriptors.
pub(crate) fn choose_pairs(
    sources: Sources<'_>,
    extractions: &mut Extractions,
    spawn: impl Fn(&StagePlan) -> Result<Vec<Arc<Instance>>, PipelineError>,
) -> Result<Vec<ImagePair>, PipelineError> {
    let Context { request, .. } = sources.context;
    let pairing = &request.negotiated.config.pairing;
    let num_images = sources.photos.len();
    let mut similar = |num_neighbors: usize| {
        let is_found = |image: &usize| extractions.of_entry(0)[*image].is_ok();
        let all: Vec<_> = (0..num_images).filter(is_found).map(|image| extractions.descriptors(0, image)).collect();
        extractions.extract_again(sources, all.into_iter(), &spawn)?;
        let images = OnHost { sources, extractions };
        let retrieval = retrieval_of(sources, num_neighbors);
        let codebook = retrieval.train(&images)?;
        let vectors = match &sources.context.delegate {
            Some(delegate) => {
                describe_elsewhere(sources, extractions, (&retrieval, &images), &codebook, delegate.as_ref())?
            }
            None => retrieval.describe(&images, 0..num_images, &codebook)?,
        };
        retrieval.rank(&vectors).map(|neighbors| with_neighbors(&neighbors))
    };
    let pairs = match pairing.method {
        PairingMethod::Exhaustive => exhaustive(num_images),
        PairingMethod::Retrieval => similar(pairing.num_neighbors as usize)?,
        PairingMethod::Sequential => {
            let mut pairs = sequential(num_images, pairing.window as usize);
            if pairing.loop_closures > 0 {
                pairs.extend(similar(pairing.loop_closures as usize)?);
            }
            pairs
        }
    };
    Ok(pairs.into_iter().collect())
}

/// Retrieval as the run is configured.
pub(crate) fn retrieval_of(sources: Sources<'_>, num_neighbors: usize) -> Retrieval<'_> {
    Retrieval {
        num_neighbors,
        codebook_size: sources.context.request.negotiated.config.pairing.codebook_size as usize,
        threads: sources.context.threads(),
        cancel: &sources.context.cancel,
    }
}

/// Descriptors of the first entry, read one image after the other.
pub(crate) struct OnHost<'a> {
    pub sources: Sources<'a>,
    pub extractions: &'a Extractions,
}

impl ImageDescriptors for OnHost<'_> {
    fn num_images(&self) -> usize {
        self.sources.photos.len()
    }

    fn num_descriptors(&self, image: usize) -> usize {
        let found = self.extractions.of_entry(0)[image].as_ref().ok();
        found.and_then(|features| features.keypoints().ok()).map_or(0, <[_]>::len)
    }

    fn read<R>(&self, image: usize, read: impl FnOnce(&[f32], usize) -> R) -> Result<R, PipelineError> {
        if self.num_descriptors(image) == 0 {
            return Ok(read(&[], 1));
        }
        let kept = self.extractions.descriptors(0, image);
        let tensors = self.sources.resident.on_host(StageName::Pair, kept)?;
        let descriptors = NamedView::of(&tensors).get(DESCRIPTORS)?;
        let dim = descriptors.shape().last().map_or(1, |&dim| dim as usize);
        Ok(read(descriptors.as_slice()?, dim))
    }
}

/// All pairs of `num_images` images, whose ids count from 1.
#[must_use]
pub fn exhaustive(num_images: usize) -> BTreeSet<ImagePair> {
    (0..num_images).flat_map(|a| (a + 1..num_images).filter_map(move |b| pair(a, b))).collect()
}

/// Each image with the `window` images that follow it in the order of their names; ids count from 1.
#[must_use]
pub fn sequential(num_images: usize, window: usize) -> BTreeSet<ImagePair> {
    let followers = |a: usize| (a + 1..num_images.min(a + 1 + window)).filter_map(move |b| pair(a, b));
    (0..num_images).flat_map(followers).collect()
}

/// Each image with its neighbours, e.g. the most similar ones.
pub(crate) fn with_neighbors(neighbors: &[Vec<usize>]) -> BTreeSet<ImagePair> {
    neighbors.iter().enumerate().flat_map(|(a, list)| list.iter().filter_map(move |&b| pair(a, b))).collect()
}

/// Orders pairs tile by tile over the pair matrix: a tile of side `s` needs `2 s` images for `s^2` pairs. Rows of tiles are
/// gone through to and fro, so that the last tile's images serve the next row too.
pub(crate) fn in_tile_order(pairs: &BTreeSet<ImagePair>, side: usize) -> Vec<ImagePair> {
    let tile = |id: ImageId| (place_of(id) / side.max(1)) as i64;
    let mut ordered: Vec<ImagePair> = pairs.iter().copied().collect();
    ordered.sort_by_key(|pair| {
        let (row, column) = (tile(pair.image1), tile(pair.image2));
        (row, if row % 2 == 0 { column } else { -column }, *pair)
    });
    ordered
}

/// Side of tiles whose images fit a budget together.
pub(crate) fn tile_side(budget_bytes: usize, image_bytes: usize) -> usize {
    (budget_bytes / image_bytes.max(1) / 2).max(1)
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
        const SIDE: usize = 16;
        let pairs = exhaustive(100);
        let ordered = in_tile_order(&pairs, SIDE);
        assert_eq!(ordered.iter().copied().collect::<BTreeSet<_>>(), pairs);
        for window in ordered.windows(SIDE * SIDE / 4) {
            let images: BTreeSet<_> = window.iter().flat_map(|p| [p.image1, p.image2]).collect();
            assert!(images.len() <= 4 * SIDE, "{} images", images.len());
        }
    }
}
