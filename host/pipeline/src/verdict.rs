//! Why an image was or was not registered, and what to try next.

use std::collections::BTreeMap;

use scene3d_export::Verdict;
use scene3d_scene::{ImageId, ImagePair};
use scene3d_wire::{Mapping, VerifiedPair};

use crate::join::JoinedMatches;
use crate::photos::Rejected;

/// COLMAP's `min_num_matches` of a verified pair (colmap `src/colmap/estimators/two_view_geometry.h`).
const MIN_MATCHES: usize = 15;
/// Below this a photo can't be registered reliably: COLMAP asks for 30 inliers (`abs_pose_min_num_inliers`), and far
/// fewer than all keypoints are matched.
const MIN_KEYPOINTS: usize = 60;
/// Share of the set's median sharpness below which a photo counts as blurred; our choice, between a Gaussian blur of
/// 2 px (about 0.1) and a soft photo of the same scene (about 0.5).
const BLURRED_SHARE: f64 = 0.2;

/// What the verdict of one image is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub image_id: ImageId,
    pub rejected: Option<&'a Rejected>,
    pub sharpness: Option<f64>,
    pub num_keypoints: usize,
}

/// What the verdicts of all images are made of.
pub(crate) struct Evidence<'a> {
    pub matched: &'a BTreeMap<ImagePair, JoinedMatches>,
    pub mapping: &'a Mapping,
    pub median_sharpness: f64,
}

/// A verdict with its reason and what to try next; both are empty for a registered image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Explained {
    pub verdict: Verdict,
    pub reason: String,
    pub next_step: String,
}

impl Explained {
    fn new(verdict: Verdict, reason: String, next_step: &str) -> Self {
        Self { verdict, reason, next_step: next_step.to_owned() }
    }
}

/// The first of the reasons that holds, from the photo itself to the geometry of the whole set.
pub(crate) fn explain(image: Facts<'_>, evidence: &Evidence<'_>) -> Explained {
    if let Some(rejected) = image.rejected {
        return Explained::new(rejected.verdict, rejected.reason.clone(), &rejected.next_step);
    }
    let model_with_image = evidence.mapping.models.iter().position(|model| model.images.contains_key(&image.image_id));
    match model_with_image {
        Some(0) => return Explained::new(Verdict::Registered, String::new(), ""),
        Some(model) => {
            let reason = format!("registered in model {model}, which shares too few points with the largest one");
            let next_step = "add photos between the two groups, or match more pairs (pairing = exhaustive)";
            return Explained::new(Verdict::OtherComponent { model }, reason, next_step);
        }
        None => {}
    }
    photo_reason(image, evidence.median_sharpness).unwrap_or_else(|| match_reason(image.image_id, evidence))
}

fn photo_reason(image: Facts<'_>, median_sharpness: f64) -> Option<Explained> {
    let sharpness = image.sharpness.unwrap_or(f64::INFINITY);
    if sharpness < BLURRED_SHARE * median_sharpness {
        let reason = format!("sharpness {sharpness:.1}, where the median of the photos is {median_sharpness:.1}");
        return Some(Explained::new(Verdict::TooBlurred, reason, "take it again with a shorter exposure or in focus"));
    }
    if image.num_keypoints < MIN_KEYPOINTS {
        let reason = format!("{} keypoints, expected at least {MIN_KEYPOINTS}", image.num_keypoints);
        let next_step = "show more texture, raise max_keypoints or max_image_size, or lower detection_threshold";
        return Some(Explained::new(Verdict::TooFewKeypoints, reason, next_step));
    }
    None
}

/// What binds the image to the model, if there is one: neighbours that are not placed themselves can't place it.
fn match_reason(image: ImageId, evidence: &Evidence<'_>) -> Explained {
    let model = evidence.mapping.models.first();
    let is_of = |pair: &ImagePair| {
        let neighbor = if pair.image1 == image { pair.image2 } else { pair.image1 };
        let is_placed = model.is_none_or(|model| model.images.contains_key(&neighbor));
        is_placed && (pair.image1 == image || pair.image2 == image)
    };
    let most_matches =
        evidence.matched.iter().filter(|(pair, _)| is_of(pair)).map(|(_, m)| m.matches.len()).max().unwrap_or(0);
    if most_matches < MIN_MATCHES {
        let reason = format!("{most_matches} matches with its best neighbour, expected at least {MIN_MATCHES}");
        let next_step = "take photos that overlap it by two thirds, or match more pairs (pairing = exhaustive)";
        return Explained::new(Verdict::NoOverlap, reason, next_step);
    }
    let verified = evidence.mapping.verified_pairs.iter().filter(|verified| is_of(&verified.pair));
    let most_inliers = verified.map(|VerifiedPair { num_inliers, .. }| *num_inliers).max().unwrap_or(0);
    let reason = if most_inliers < MIN_MATCHES {
        format!("{most_matches} matches with its best neighbour, but only {most_inliers} fit one geometry")
    } else {
        format!("{most_inliers} matches fit its best neighbour, but it could not be placed in a model")
    };
    let next_step = "check that it shows the same scene, unmoved; add photos from nearby with some sideways motion";
    Explained::new(Verdict::NoGeometry, reason, next_step)
}

/// Median; 0 of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scene3d_scene::{CameraId, Matches, Reconstruction, RegisteredImage, Rigid3, TwoViewConfiguration};

    fn model_with(image: u32) -> Reconstruction {
        let registered = RegisteredImage {
            name: String::new(),
            camera_id: CameraId(1),
            cam_from_world: Rigid3::identity(),
            keypoints: Vec::new(),
            point3d_ids: Vec::new(),
        };
        Reconstruction { images: [(ImageId(image), registered)].into(), ..Reconstruction::default() }
    }

    fn explained(image: u32, num_keypoints: usize, sharpness: f64) -> Explained {
        let pair = |a, b| ImagePair::new(ImageId(a), ImageId(b)).unwrap();
        let matches = |count| JoinedMatches {
            matches: Matches { indices: vec![[0, 0]; count], scores: vec![1.0; count] },
            sources: Vec::new(),
        };
        let matched = [(pair(1, 3), matches(3)), (pair(1, 4), matches(40)), (pair(4, 5), matches(90))].into();
        let verified = |pair, num_inliers| {
            let configuration = TwoViewConfiguration::Degenerate;
            VerifiedPair { pair, configuration, num_inliers }
        };
        let mapping = Mapping {
            models: vec![model_with(1), model_with(2)],
            verified_pairs: vec![verified(pair(1, 4), 2), verified(pair(4, 5), 80)],
            engine: String::new(),
        };
        let evidence = Evidence { matched: &matched, mapping: &mapping, median_sharpness: 100.0 };
        let facts = Facts { image_id: ImageId(image), rejected: None, sharpness: Some(sharpness), num_keypoints };
        explain(facts, &evidence)
    }

    fn check(image: u32, num_keypoints: usize, sharpness: f64) -> Verdict {
        explained(image, num_keypoints, sharpness).verdict
    }

    #[test]
    fn neighbors_that_are_not_in_the_model_bind_nothing_to_it() {
        assert_eq!(explained(4, 500, 100.0).reason, "40 matches with its best neighbour, but only 2 fit one geometry");
        assert_eq!(check(5, 500, 100.0), Verdict::NoOverlap);
    }

    #[test]
    fn the_first_reason_that_holds_is_given() {
        assert_eq!(check(1, 500, 100.0), Verdict::Registered);
        assert_eq!(check(1, 500, 1.0), Verdict::Registered, "a blurred photo that was registered is registered");
        assert_eq!(check(2, 500, 100.0), Verdict::OtherComponent { model: 1 });
        assert_eq!(check(3, 500, 10.0), Verdict::TooBlurred);
        assert_eq!(check(3, 20, 100.0), Verdict::TooFewKeypoints);
        assert_eq!(check(3, 500, 100.0), Verdict::NoOverlap);
        assert_eq!(check(4, 500, 100.0), Verdict::NoGeometry);
    }
}
