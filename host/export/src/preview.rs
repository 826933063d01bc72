//! Which pairs, matches and keypoints the report draws: few enough to see and to store.

use std::collections::{BTreeMap, BTreeSet};

use scene3d_scene::{ImageId, ImagePair, Keypoints, Matches, Reconstruction};

use crate::PairReport;

/// More lines than this hide the picture.
const MAX_MATCHES: usize = 150;

/// Matches of one pair as lines from image 1 to image 2.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchSample {
    /// The pair.
    pub pair: ImagePair,
    /// `[x1, y1, x2, y2]` px, original images.
    pub segments: Vec<[f32; 4]>,
    /// One entry a segment: whether it agrees with the geometry.
    pub is_inlier: Vec<bool>,
}

impl MatchSample {
    /// At most 150 matches, evenly spread over the list. A match is an inlier when both of its keypoints observe the
    /// same point of `model`. Matches with a keypoint that does not exist are left out.
    #[must_use]
    pub fn of(
        pair: ImagePair,
        matches: &Matches,
        keypoints1: &Keypoints,
        keypoints2: &Keypoints,
        model: Option<&Reconstruction>,
    ) -> Self {
        let mut sample = Self { pair, segments: Vec::new(), is_inlier: Vec::new() };
        for index in spread(matches.len(), MAX_MATCHES) {
            let [i, j] = matches.indices[index].map(|index| index as usize);
            if let (Some([x1, y1]), Some([x2, y2])) = (keypoints1.positions.get(i), keypoints2.positions.get(j)) {
                sample.segments.push([*x1, *y1, *x2, *y2]);
                sample.is_inlier.push(model.is_some_and(|model| observe_same_point(model, pair, [i, j])));
            }
        }
        sample
    }
}

fn observe_same_point(model: &Reconstruction, pair: ImagePair, keypoint_indices: [usize; 2]) -> bool {
    let point_of = |image_id: ImageId, index: usize| *model.images.get(&image_id)?.point3d_ids.get(index)?;
    let point1 = point_of(pair.image1, keypoint_indices[0]);
    point1.is_some() && point1 == point_of(pair.image2, keypoint_indices[1])
}

/// For each image the pair with the most inliers (then the most matches), ordered: the pairs worth a [`MatchSample`].
#[must_use]
pub fn best_neighbours(pairs: &[PairReport]) -> Vec<ImagePair> {
    let mut best: BTreeMap<u32, &PairReport> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.num_matches > 0) {
        for image in [pair.image1, pair.image2] {
            let entry = best.entry(image).or_insert(pair);
            if (pair.num_inliers, pair.num_matches) > (entry.num_inliers, entry.num_matches) {
                *entry = pair;
            }
        }
    }
    let pair_of = |pair: &&PairReport| ImagePair::new(ImageId(pair.image1), ImageId(pair.image2)).ok();
    best.values().filter_map(pair_of).collect::<BTreeSet<_>>().into_iter().collect()
}

/// At most `max` of the indices `0..len`, evenly spread.
pub(crate) fn spread(len: usize, max: usize) -> impl Iterator<Item = usize> {
    let count = len.min(max);
    (0..count).map(move |i| i * len / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_scene;

    fn pair(image1: u32, image2: u32, num_matches: usize, num_inliers: usize) -> PairReport {
        PairReport { image1, image2, num_matches, num_inliers, configuration: None }
    }

    #[test]
    fn each_image_gets_its_best_neighbour_once() {
        let pairs = [pair(1, 2, 90, 50), pair(1, 3, 40, 40), pair(2, 3, 80, 10), pair(3, 4, 0, 0)];
        let ids: Vec<_> = best_neighbours(&pairs).iter().map(|pair| (pair.image1.0, pair.image2.0)).collect();
        assert_eq!(ids, [(1, 2), (1, 3)]);
    }

    #[test]
    fn inliers_observe_the_same_point_and_bad_indices_are_left_out() {
        let model = test_scene::ring(2);
        let keypoints = |id| {
            let image = &model.images[&ImageId(id)];
            let positions = image.keypoints.iter().map(|xy| xy.map(|c| c as f32)).collect();
            Keypoints { positions, scores: vec![1.0; image.keypoints.len()] }
        };
        let matches = Matches { indices: vec![[3, 3], [3, 4], [999, 0]], scores: vec![1.0; 3] };
        let pair = ImagePair::new(ImageId(1), ImageId(2)).unwrap();
        let sample = MatchSample::of(pair, &matches, &keypoints(1), &keypoints(2), Some(&model));
        assert_eq!(sample.is_inlier, [true, false]);
        let [[x1, y1], [x2, y2]] = [1, 2].map(|id| keypoints(id).positions[3]);
        assert_eq!(sample.segments[0], [x1, y1, x2, y2]);
    }

    #[test]
    fn a_spread_covers_the_whole_range() {
        assert_eq!(spread(10, 4).collect::<Vec<_>>(), [0, 2, 5, 7]);
        assert_eq!(spread(3, 4).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(spread(0, 4).count(), 0);
    }
}
