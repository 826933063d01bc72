//! Image Matching Challenge 2025: mAA of registered cameras, clusterness of the models, and their harmonic mean.
//!
//! Source: the competition's "Evaluation" page (kaggle.com, image-matching-challenge-2025) and its published metric
//! (`score`, `register_by_Horn`, `get_mAA_score`, `get_clusterness_score`), with its own settings (`inl_cf = 0`,
//! `strict_cf = -1`, `skip_top_thresholds = 2`, `to_dec = 3`, harmonic mean). What it defines, for one dataset:
//!
//! - Every true scene is given the cluster (model) that shares most images with it; among equals the one with the higher
//!   mAA, then the first. Several scenes may be given the same one. Images predicted to be outliers are in no cluster; true
//!   outliers are in no scene.
//! - For each threshold of the scene the cluster's projection centres are laid on the true ones by the similarity that
//!   registers most cameras, found over all triplets of cameras: Horn's transform of the triplet, its inliers, Horn's
//!   transform of those. A camera is registered if its centre is then closer than the threshold. Three cameras always
//!   fit nearly, so three are taken off: with `r` registered of `m` true images the accuracy is `max(0, r - 3) / (m - 3)`.
//! - mAA (a recall): the sum of those numerators over scenes and thresholds but the first two, over the sum of the
//!   denominators, 0 where that is not positive. A scene of fewer than three images has a negative denominator, so that
//!   beside it another scene may reach more than 100 %. A camera without a pose (NaN there, `None` here) is never
//!   registered.
//! - Clusterness (a precision): images that the scenes share with their clusters over all images of those clusters.
//! - Score: the harmonic mean of both, 0 if both are 0.
//!
//! A scene that shares no image with any cluster is given the first one too, whose images then count as wrong. The published
//! code does so where its file lists the clusters before the outliers; where it lists the outliers first, such a scene counts
//! as one without images. One choice is ours: beyond [`MAX_TRIPLETS`] triplets an evenly spaced share of them is tried.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use serde::Serialize;

use super::sim3::Sim3;

/// Thresholds where the ground truth states none, in its units: those of the metric authors' own benchmark.
pub const DEFAULT_THRESHOLDS: [f64; 9] = [0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.15, 0.2];
/// The first thresholds find a registration but do not count.
const NUM_SKIPPED_THRESHOLDS: usize = 2;
/// Cameras that any similarity fits.
const NUM_FREE_CAMERAS: usize = 3;
/// All triplets of 84 cameras. The published code tries all of any number, which is hopeless for a thousand cameras.
pub const MAX_TRIPLETS: usize = 95_284;

/// A true scene: projection centre of each of its images, and at which distances a camera counts as registered.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueScene {
    /// Centres by image name, in the scene's units.
    pub centers: BTreeMap<String, Vector3<f64>>,
    /// Distances in the same units, the strictest first; the first two are not scored.
    pub thresholds: Vec<f64>,
}

/// Images that are said to be of one scene, with their estimated projection centres where they have a pose.
pub type Cluster = BTreeMap<String, Option<Vector3<f64>>>;

/// The score of one dataset, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ImcScore {
    /// Share of true cameras registered, averaged over thresholds.
    pub maa_percent: f64,
    /// Share of the clusters' images that belong to their scenes.
    pub clusterness_percent: f64,
    /// Harmonic mean of both.
    pub score_percent: f64,
}

/// Scores clusters against the true scenes of one dataset.
#[must_use]
pub fn score(scenes: &[TrueScene], clusters: &[Cluster]) -> ImcScore {
    let (mut num_registered, mut num_to_register) = (0, 0_i64);
    let (mut num_shared, mut num_clustered) = (0, 0);
    for scene in scenes {
        num_to_register += (scene.centers.len() as i64 - NUM_FREE_CAMERAS as i64) * num_scored(scene) as i64;
        let candidates = clusters.iter().map(|cluster| Association::of(scene, cluster));
        // the first of equals, as a stable sort would have it
        let best = candidates.reduce(|best, other| if other.rank() > best.rank() { other } else { best });
        if let Some(best) = best {
            num_registered += best.num_registered;
            num_shared += best.num_shared;
            num_clustered += best.num_clustered;
        }
    }
    let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
    let num_to_register = usize::try_from(num_to_register).unwrap_or(0);
    let maa_percent = if num_to_register == 0 { 0.0 } else { share(num_registered, num_to_register) };
    let clusterness_percent = share(num_shared, num_clustered);
    let sum = maa_percent + clusterness_percent;
    let score_percent = if sum == 0.0 { 0.0 } else { 2.0 * maa_percent * clusterness_percent / sum };
    ImcScore { maa_percent, clusterness_percent, score_percent }
}

fn num_scored(scene: &TrueScene) -> usize {
    scene.thresholds.len().saturating_sub(NUM_SKIPPED_THRESHOLDS)
}

/// How well one cluster fits one scene.
struct Association {
    num_shared: usize,
    num_clustered: usize,
    /// Registered cameras beyond the free ones, summed over the scored thresholds.
    num_registered: usize,
}

impl Association {
    fn of(scene: &TrueScene, cluster: &Cluster) -> Self {
        let shared = || scene.centers.iter().filter_map(|(name, center)| Some((center, cluster.get(name)?)));
        let is_finite = |center: &Vector3<f64>| center.iter().all(|x| x.is_finite());
        let posed: Vec<_> =
            shared().filter_map(|(truth, estimate)| Some((*truth, (*estimate).filter(is_finite)?))).collect();
        let registered = max_registered(&posed, &scene.thresholds);
        let scored = registered.iter().skip(NUM_SKIPPED_THRESHOLDS);
        Self {
            num_shared: shared().count(),
            num_clustered: cluster.len(),
            num_registered: scored.map(|count| count.saturating_sub(NUM_FREE_CAMERAS)).sum(),
        }
    }

    fn rank(&self) -> (usize, usize) {
        (self.num_shared, self.num_registered)
    }
}

/// Per threshold, the most cameras that one similarity registers; `pairs` are (true, estimated) centres.
fn max_registered(pairs: &[(Vector3<f64>, Vector3<f64>)], thresholds: &[f64]) -> Vec<usize> {
    let mut best = vec![0; thresholds.len()];
    for triplet in triplets(pairs.len()) {
        let Some(minimal) = Sim3::horn(&triplet.map(|index| pairs[index])) else { continue };
        let distances = distances(&minimal, pairs);
        let mut last_inliers = Vec::new();
        for threshold in thresholds {
            let inliers: Vec<_> =
                pairs.iter().zip(&distances).filter(|(_, d)| *d < threshold).map(|(pair, _)| *pair).collect();
            // inliers grow with the threshold, so that equal numbers are equal sets
            if inliers.len() < NUM_FREE_CAMERAS || inliers.len() == last_inliers.len() {
                continue;
            }
            if let Some(refined) = Sim3::horn(&inliers) {
                let distances = self::distances(&refined, pairs);
                for (best, threshold) in best.iter_mut().zip(thresholds) {
                    *best = (*best).max(distances.iter().filter(|d| *d < threshold).count());
                }
            }
            last_inliers = inliers;
        }
        // no similarity can register more than all
        if best.iter().all(|best| *best == pairs.len()) {
            break;
        }
    }
    best
}

fn distances(similarity: &Sim3, pairs: &[(Vector3<f64>, Vector3<f64>)]) -> Vec<f64> {
    pairs.iter().map(|(truth, estimate)| (truth - similarity.apply(estimate)).norm()).collect()
}

/// All triplets of `0..n`, or an evenly spaced share of at most [`MAX_TRIPLETS`] of them.
fn triplets(n: usize) -> impl Iterator<Item = [usize; 3]> {
    let num_triplets = n * n.saturating_sub(1) * n.saturating_sub(2) / 6;
    let step = num_triplets.div_ceil(MAX_TRIPLETS).max(1);
    let all = (0..n).flat_map(move |i| (i + 1..n).flat_map(move |j| (j + 1..n).map(move |k| [i, j, k])));
    all.step_by(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` cameras on a parabola arc, 1 apart.
    fn centers(prefix: &str, n: usize) -> BTreeMap<String, Vector3<f64>> {
        (0..n)
            .map(|i| (format!("{prefix}{i:02}"), Vector3::new(i as f64, (i * i) as f64 * 0.1, 0.3 * (i % 3) as f64)))
            .collect()
    }

    fn scene(prefix: &str, n: usize) -> TrueScene {
        TrueScene { centers: centers(prefix, n), thresholds: vec![0.001, 0.002, 0.01, 0.1] }
    }

    /// The true centres in another frame and scale.
    fn cluster(scene: &TrueScene) -> Cluster {
        let elsewhere = |x: &Vector3<f64>| Some(Vector3::new(5.0 - 2.0 * x.y, 2.0 * x.x, 2.0 * x.z + 1.0));
        scene.centers.iter().map(|(name, center)| (name.clone(), elsewhere(center))).collect()
    }

    fn rounded(score: ImcScore) -> [f64; 3] {
        [score.maa_percent, score.clusterness_percent, score.score_percent].map(|percent| (percent * 1e6).round() / 1e6)
    }

    #[test]
    fn a_perfect_model_scores_everything() {
        assert_eq!(rounded(score(&[scene("a", 8)], &[cluster(&scene("a", 8))])), [100.0; 3]);
    }

    #[test]
    fn a_misplaced_camera_counts_where_the_threshold_is_wide_enough() {
        // 8 cameras, so 5 to register at each of 2 scored thresholds. One is off by 0.05 (0.1 in the model's scale of 2):
        // at 0.01 it misses (4 of 5), at 0.1 it is in (5 of 5): mAA = 9/10. F1 of 0.9 and 1 is 18/19.
        let mut model = cluster(&scene("a", 8));
        model.get_mut("a04").unwrap().as_mut().unwrap().z += 0.1;
        assert_eq!(rounded(score(&[scene("a", 8)], &[model])), [90.0, 100.0, 94.736_842]);
    }

    #[test]
    fn unposed_and_missing_images_lower_maa_and_foreign_ones_clusterness() {
        // of 8 images one has no pose and one is in no cluster: 6 registered, 3 of 5 beyond the free ones
        let mut model = cluster(&scene("a", 8));
        model.insert("a00".to_owned(), None);
        model.remove("a07");
        // 7 images are the scene's; 1 of 8 in the cluster is not
        model.insert("foreign".to_owned(), Some(Vector3::zeros()));
        assert_eq!(rounded(score(&[scene("a", 8)], &[model])), [60.0, 87.5, 71.186_441]);
    }

    #[test]
    fn nan_is_no_pose() {
        let mut model = cluster(&scene("a", 8));
        model.insert("a00".to_owned(), Some(Vector3::repeat(f64::NAN)));
        assert_eq!(rounded(score(&[scene("a", 8)], &[model]))[0], 80.0);
    }

    #[test]
    fn scenes_take_the_cluster_that_shares_most_images() {
        // scene b (5 images) was merged into the model of scene a (8 images), which a keeps: b's cameras lie anywhere
        let (a, b) = (scene("a", 8), scene("b", 5));
        let mut merged = cluster(&a);
        merged.extend(b.centers.keys().enumerate().map(|(i, name)| {
            (name.clone(), Some(Vector3::new((i * 7 % 5) as f64, (i * 3 % 4) as f64, (i * i) as f64)))
        }));
        // a: 5 + 5 of 10; b: 0 of 2 x 2; mAA = 10/14. Shared 8 + 5 of 13 + 13: clusterness 1/2
        assert_eq!(rounded(score(&[a.clone(), b.clone()], &[merged]))[..2], [71.428_571, 50.0]);
        // apart, in either order, everything is right
        assert_eq!(rounded(score(&[a.clone(), b.clone()], &[cluster(&b), cluster(&a)])), [100.0; 3]);
        // without a model of b: 10/14 registered; b is given the model of a, all of whose 8 images are wrong for it
        assert_eq!(rounded(score(&[a.clone(), b], &[cluster(&a)]))[..2], [71.428_571, 50.0]);
    }

    #[test]
    fn three_cameras_or_fewer_and_no_model_at_all_score_nothing() {
        assert_eq!(rounded(score(&[scene("a", 3)], &[cluster(&scene("a", 3))])), [0.0, 100.0, 0.0]);
        assert_eq!(rounded(score(&[scene("a", 8)], &[])), [0.0; 3]);
        assert_eq!(rounded(score(&[], &[])), [0.0; 3]);
        let two_of_eight = cluster(&scene("a", 2));
        assert_eq!(rounded(score(&[scene("a", 8)], &[two_of_eight])), [0.0, 100.0, 0.0]);
    }

    #[test]
    fn a_scene_of_one_image_takes_more_than_it_gives() {
        // alone: 1 - 3 cameras at 2 thresholds are -4 to register, which is nothing; its cluster is pure
        let (a, lone) = (scene("a", 8), scene("lone", 1));
        assert_eq!(rounded(score(std::slice::from_ref(&lone), &[cluster(&lone)])), [0.0, 100.0, 0.0]);
        // beside a perfect scene of 8: 10 registered of 10 - 4, as the published code adds it up. Harmonic mean of 5/3 and 1
        assert_eq!(
            rounded(score(&[a.clone(), lone.clone()], &[cluster(&a), cluster(&lone)])),
            [166.666_667, 100.0, 125.0]
        );
    }

    #[test]
    fn a_cluster_of_outliers_is_nobodys_and_an_outlier_in_a_model_costs_clusterness() {
        // five photos of no scene, clustered: no scene shares an image with them, so that they are not counted
        let (a, strays) = (scene("a", 8), scene("stray", 5));
        assert_eq!(rounded(score(std::slice::from_ref(&a), &[cluster(&strays), cluster(&a)])), [100.0; 3]);
        // one of them in the model of the scene: 8 of its 9 images are the scene's; F1 of 1 and 8/9 is 16/17
        let mut model = cluster(&a);
        model.extend(cluster(&scene("stray", 1)));
        assert_eq!(rounded(score(&[a], &[model])), [100.0, 88.888_889, 94.117_647]);
    }

    #[test]
    fn of_clusters_that_share_as_many_images_the_better_model_counts_then_the_first() {
        let a = scene("a", 8);
        let right = cluster(&a);
        let half = |from: usize| right.clone().into_iter().skip(from).take(4).collect::<Cluster>();
        // four images each; the second half is squashed, so that no four of its cameras lie as they should
        let (good, mut bad) = (half(0), half(4));
        for (index, center) in bad.values_mut().flatten().enumerate() {
            *center = Vector3::new((index * index) as f64, 0.0, (3 - index) as f64);
        }
        // 4 registered, 1 of 5 beyond the free ones at each threshold: 2/10, whichever comes first
        for clusters in [[good.clone(), bad.clone()], [bad, good.clone()]] {
            assert_eq!(rounded(score(std::slice::from_ref(&a), &clusters))[..2], [20.0, 100.0]);
        }
        // as many images, as good: the first is taken, with what else is in it
        let mut mixed = half(4);
        mixed.extend(cluster(&scene("stray", 1)));
        assert_eq!(rounded(score(std::slice::from_ref(&a), &[good.clone(), mixed.clone()]))[..2], [20.0, 100.0]);
        assert_eq!(rounded(score(&[a], &[mixed, good]))[..2], [20.0, 80.0]);
    }

    #[test]
    fn a_noisy_model_registers_as_in_an_independent_implementation() {
        // 12 random centres, moved, turned, scaled by 2.3 and disturbed; registered counts from numpy, all triplets
        #[rustfmt::skip]
        let truth = [[0.421, -1.837, 0.479], [-1.055, -0.205, -1.576], [-1.272, -0.352, 1.734], [0.614, 0.265, 0.348],
            [-1.197, -0.464, -0.941], [-0.322, -0.479, 0.907], [-0.007, -0.721, 0.018], [-0.445, -0.52, -0.615],
            [-0.054, 0.16, -0.634], [1.339, -0.38, -0.993], [-0.517, 0.1, 0.048], [-1.259, 1.901, 1.069]];
        #[rustfmt::skip]
        let estimate = [[0.589, 1.422, -3.391], [3.324, 0.066, 2.765], [-3.029, 3.885, 1.042], [-1.854, -1.391, -0.025],
            [2.353, 1.131, 2.255], [-1.687, 1.563, -0.23], [0.237, 0.5, -0.627], [1.417, 0.32, 0.808],
            [0.552, -1.41, 1.33], [1.228, -3.223, -1.466], [-0.846, 0.356, 1.69], [-4.223, 0.583, 5.01]];
        let pairs: Vec<_> = truth.into_iter().map(Vector3::from).zip(estimate.map(Vector3::from)).collect();
        assert_eq!(max_registered(&pairs, &DEFAULT_THRESHOLDS), [3, 3, 4, 6, 8, 9, 11, 12, 12]);
    }

    #[test]
    fn triplets_of_many_cameras_are_sampled() {
        assert_eq!(triplets(84).count(), MAX_TRIPLETS);
        assert!(triplets(300).count() <= MAX_TRIPLETS);
        assert_eq!((triplets(4).count(), triplets(2).count()), (4, 0));
    }
}
