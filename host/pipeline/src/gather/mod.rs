//! Correspondences by position to keypoints that pairs share, so that tracks form.
//!
//! A dense matcher finds other positions in every pair. Positions of an image that lie close together, whatever pair they
//! come from, are one keypoint (`keypoints`); a correspondence is then a match of two keypoints (`matches`).

mod keypoints;
mod matches;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use scene3d_engine::config::GatherSection;
use scene3d_scene::{Correspondences, ImageId, ImagePair, Keypoints, Matches};

use keypoints::{Observation, gather_keypoints};
use matches::one_to_one;

use crate::{Cancel, PipelineError};

/// Which positions are one keypoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GatherRule {
    /// Side in px of the cells of which each has at most one keypoint.
    pub cell_px: f32,
    /// Greatest distance in px of a position from its keypoint.
    pub max_error_px: f32,
    /// Most keypoints of an image; 0 for no bound.
    pub max_keypoints: usize,
}

/// An image's keypoints, and for each of its observations which of them it belongs to.
type OfImage = (ImageId, (Keypoints, Vec<Option<u32>>));

/// What was gathered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// Of every image of a pair, best first; a keypoint's score is the sum of those of its positions, so that one that many
    /// pairs agree on comes first.
    pub keypoints: BTreeMap<ImageId, Keypoints>,
    /// Of every pair, sorted, each keypoint at most once.
    pub matches: BTreeMap<ImagePair, Matches>,
}

impl GatherRule {
    /// As users set it.
    #[must_use]
    pub fn of(section: &GatherSection) -> Self {
        Self {
            cell_px: section.cell_px as f32,
            max_error_px: section.max_error_px as f32,
            max_keypoints: section.max_keypoints as usize,
        }
    }
}

/// Gathers the correspondences of all pairs, in px of the original images; images are shared out over threads.
///
/// # Errors
/// [`PipelineError::Cancelled`]
pub fn gather(
    found: &BTreeMap<ImagePair, Correspondences>,
    rule: GatherRule,
    num_threads: usize,
    cancel: &Cancel,
) -> Result<Gathered, PipelineError> {
    let mut of_images: BTreeMap<ImageId, Vec<Observation>> = BTreeMap::new();
    for (pair, correspondences) in found {
        for (image, first) in [(pair.image1, 0), (pair.image2, 2)] {
            let ends = correspondences.points.iter().zip(&correspondences.scores);
            let ends = ends.map(|(point, &score)| Observation { position: [point[first], point[first + 1]], score });
            of_images.entry(image).or_default().extend(ends);
        }
    }
    let mut gathered = Gathered::default();
    let mut keypoint_of = BTreeMap::new();
    let of_images: Vec<_> = of_images.into_iter().collect();
    let gathered_images = gather_images(&of_images, rule, num_threads, cancel);
    cancel.check()?;
    for (image, (keypoints, of_observations)) in gathered_images {
        gathered.keypoints.insert(image, keypoints);
        // in the order in which they were put together above
        keypoint_of.insert(image, of_observations.into_iter());
    }
    for (&pair, correspondences) in found {
        let [indices1, indices2] = [pair.image1, pair.image2].map(|image| {
            let of_image = keypoint_of.get_mut(&image).into_iter().flatten();
            of_image.take(correspondences.len()).collect::<Vec<Option<u32>>>()
        });
        let both = indices1.into_iter().zip(indices2).zip(&correspondences.scores);
        let candidates = both.filter_map(|((one, two), &score)| Some(([one?, two?], score)));
        gathered.matches.insert(pair, one_to_one(candidates.collect()));
    }
    Ok(gathered)
}

/// Not all of them if the run is cancelled.
fn gather_images(
    images: &[(ImageId, Vec<Observation>)],
    rule: GatherRule,
    num_threads: usize,
    cancel: &Cancel,
) -> Vec<OfImage> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((image, observations)) = images.get(next.fetch_add(1, Ordering::Relaxed))
            && !cancel.is_cancelled()
        {
            done.push((*image, gather_keypoints(observations, rule)));
        }
        done
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..num_threads.max(1)).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| worker.join());
        results.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests;
