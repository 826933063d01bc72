//! mAA and clusterness of Image Matching Challenge 2025 on cases made by hand, each with its reasoning. A Python program after
//! the published scorer gave the same figures for each of them.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use scene3d_eval::metrics::imc::{Cluster, TrueScene, score};

/// Two thresholds that are not scored and two that are.
const THRESHOLDS: [f64; 4] = [0.001, 0.002, 0.01, 0.1];

/// `n` cameras on an arc, about 1 apart, named `PREFIX00`, `PREFIX01` and so on.
fn scene(prefix: &str, n: usize) -> TrueScene {
    let center = |i: usize| Vector3::new(i as f64, (i * i) as f64 * 0.1, 0.3 * (i % 3) as f64);
    let centers = (0..n).map(|i| (format!("{prefix}{i:02}"), center(i))).collect();
    TrueScene { centers, thresholds: THRESHOLDS.to_vec() }
}

/// A model without errors: the true centres in another frame and scale.
fn model(scene: &TrueScene) -> Cluster {
    let elsewhere = |x: &Vector3<f64>| Some(Vector3::new(5.0 - 2.0 * x.y, 2.0 * x.x, 2.0 * x.z + 1.0));
    scene.centers.iter().map(|(name, center)| (name.clone(), elsewhere(center))).collect()
}

/// The images of a cluster at these places, in the order of their names.
fn part(cluster: &Cluster, places: std::ops::Range<usize>) -> Cluster {
    cluster.iter().skip(places.start).take(places.len()).map(|(name, center)| (name.clone(), *center)).collect()
}

/// mAA, clusterness and score in percent, to six decimals.
fn scored(scenes: &[&TrueScene], clusters: &[Cluster]) -> [f64; 3] {
    let scenes: Vec<TrueScene> = scenes.iter().copied().cloned().collect();
    let score = score(&scenes, clusters);
    [score.maa_percent, score.clusterness_percent, score.score_percent].map(|percent| (percent * 1e6).round() / 1e6)
}

fn nan() -> Option<Vector3<f64>> {
    Some(Vector3::repeat(f64::NAN))
}

#[test]
fn a_nan_pose_is_in_its_cluster_and_never_registered() {
    let a = scene("a", 8);
    // 8 images, 2 of them without a pose: the other 6 fit exactly. Three are taken off: (6 - 3) / (8 - 3) = 3/5 at both scored
    // thresholds, mAA = 60 %. All 8 images are in the right cluster: 100 %. Harmonic mean: 2 x 60 x 100 / 160 = 75 %.
    for no_pose in [nan(), None] {
        let mut two_lost = model(&a);
        two_lost.insert("a00".to_owned(), no_pose);
        two_lost.insert("a01".to_owned(), no_pose);
        assert_eq!(scored(&[&a], &[two_lost]), [60.0, 100.0, 75.0]);
    }
    // One coordinate that is not finite is no pose either: 7 registered, 4/5.
    let mut one_lost = model(&a);
    one_lost.insert("a00".to_owned(), Some(Vector3::new(1.0, f64::INFINITY, 0.0)));
    assert_eq!(scored(&[&a], &[one_lost])[0], 80.0);
    // No pose at all: nothing registered, mAA 0; the images are clustered all the same; the harmonic mean with 0 is 0.
    let none = a.centers.keys().map(|name| (name.clone(), None)).collect();
    assert_eq!(scored(&[&a], &[none]), [0.0, 100.0, 0.0]);
}

#[test]
fn a_cluster_of_fewer_than_three_cameras_registers_none() {
    let a = scene("a", 8);
    // Two cameras make no triplet, so there is no similarity to register by; of (8 - 3) to register none are: 0 %. The other six
    // images are outliers by the prediction: in no cluster, so they cost nothing in clusterness.
    assert_eq!(scored(&[&a], &[part(&model(&a), 0..2)]), [0.0, 100.0, 0.0]);
    // Three cameras fit each other, but three are taken off: (3 - 3) / 5 = 0.
    assert_eq!(scored(&[&a], &[part(&model(&a), 0..3)]), [0.0, 100.0, 0.0]);
    // The fourth is the first that counts: (4 - 3) / 5 = 20 %; 2 x 20 x 100 / 120 = 33.3 %.
    assert_eq!(scored(&[&a], &[part(&model(&a), 0..4)]), [20.0, 100.0, 33.333_333]);
}

#[test]
fn a_true_scene_of_fewer_than_three_cameras_has_nothing_to_register() {
    let (a, two, three) = (scene("a", 8), scene("b", 2), scene("b", 3));
    // Alone: 2 thresholds x (2 - 3) = -2 to register, which is not positive: mAA 0.
    assert_eq!(scored(&[&two], &[model(&two)]), [0.0, 100.0, 0.0]);
    // Beside a scene of 8: the denominators are added before they are looked at, 2 x ((8 + 2) - 2 x 3) = 8, of which the larger
    // scene registers 2 x 5 = 10: 125 %. So does the published scorer; the challenge has no such scene.
    assert_eq!(scored(&[&a, &two], &[model(&a), model(&two)]), [125.0, 100.0, 111.111_111]);
    // Three cameras add nothing on either side: 10 of 2 x ((8 + 3) - 6) = 10.
    assert_eq!(scored(&[&a, &three], &[model(&a), model(&three)]), [100.0; 3]);
}

#[test]
fn one_image() {
    let (a, one) = (scene("a", 8), scene("o", 1));
    // A scene of one image alone: 2 x (1 - 3) is not positive, mAA 0.
    assert_eq!(scored(&[&one], &[model(&one)]), [0.0, 100.0, 0.0]);
    // Beside a scene of 8: 10 of 2 x ((8 + 1) - 6) = 6, 166.7 %; 2 x 166.7 x 100 / 266.7 = 125 %.
    assert_eq!(scored(&[&a, &one], &[model(&a), model(&one)]), [166.666_667, 100.0, 125.0]);
    // A cluster of one image of a scene of 8: nothing to register by, but it is in the right place.
    assert_eq!(scored(&[&a], &[part(&model(&a), 0..1)]), [0.0, 100.0, 0.0]);
}

#[test]
fn outliers_cost_clusterness_where_they_are_put_into_a_model() {
    let a = scene("a", 8);
    // Two of four true outliers were registered with scene a, one of them without a pose: 8 of the cluster's 10 images are right,
    // 80 %. The poses of outliers are compared with nothing: mAA 100 %. 2 x 100 x 80 / 180 = 88.9 %.
    let mut with_outliers = model(&a);
    with_outliers.insert("x0".to_owned(), Some(Vector3::new(1.0, 2.0, 3.0)));
    with_outliers.insert("x1".to_owned(), None);
    assert_eq!(scored(&[&a], &[with_outliers]), [100.0, 80.0, 88.888_889]);
    // A model of outliers only is given to no scene, as each has one that shares more: it costs nothing.
    let of_outliers: Cluster = (0..4).map(|i| (format!("x{i}"), Some(Vector3::new(1.0, 2.0, f64::from(i))))).collect();
    assert_eq!(scored(&[&a], &[model(&a), of_outliers]), [100.0; 3]);
}

#[test]
fn a_scene_whose_images_are_all_called_outliers_is_given_the_first_cluster() {
    let (a, b) = (scene("a", 8), scene("b", 5));
    // mAA: 10 of 2 x ((8 + 5) - 6) = 14, 71.4 %. Clusterness: a shares 8 of 8; b shares 0 of the 8 of the cluster it is given:
    // 8 / 16 = 50 %.
    assert_eq!(scored(&[&a, &b], &[model(&a)]), [71.428_571, 50.0, 58.823_529]);
    // Where everything is called an outlier there is no cluster to give: 0 of everything.
    assert_eq!(scored(&[&a, &b], &[]), [0.0; 3]);
}

#[test]
fn among_clusters_that_share_as_many_images_the_higher_maa_wins() {
    let a = scene("a", 8);
    let (mut wrong, right) = (part(&model(&a), 0..4), part(&model(&a), 4..8));
    // The first of two models of 4 images has one camera far off: 3 register, 3 - 3 = 0. The second registers 4 - 3 = 1 of 5 at
    // both thresholds: 20 %. In either order the second is taken.
    wrong.insert("a03".to_owned(), Some(Vector3::new(100.0, 0.0, 0.0)));
    for clusters in [[wrong.clone(), right.clone()], [right, wrong]] {
        assert_eq!(scored(&[&a], &clusters), [20.0, 100.0, 33.333_333]);
    }
}

#[test]
fn among_clusters_that_are_equal_in_both_the_first_is_taken() {
    let a = scene("a", 8);
    let (clean, mut mixed) = (part(&model(&a), 0..4), part(&model(&a), 4..8));
    mixed.insert("x".to_owned(), Some(Vector3::zeros()));
    // Both share 4 images and register 4 - 3 = 1 of 5 (20 %), but one holds an outlier: its clusterness is 4/5. The order decides:
    // 2 x 20 x 100 / 120 = 33.3 %, or 2 x 20 x 80 / 100 = 32 %.
    assert_eq!(scored(&[&a], &[clean.clone(), mixed.clone()]), [20.0, 100.0, 33.333_333]);
    assert_eq!(scored(&[&a], &[mixed, clean]), [20.0, 80.0, 32.0]);
}

#[test]
fn a_scene_in_two_models_has_the_larger_and_two_scenes_in_one_model_share_it() {
    let (a, b) = (scene("a", 8), scene("b", 5));
    // 8 images as 5 + 3: the larger model registers 5 - 3 = 2 of 5, 40 %; the smaller one costs nothing but the images it took.
    let halves = [part(&model(&a), 0..5), part(&model(&a), 5..8)];
    assert_eq!(scored(&[&a], &halves), [40.0, 100.0, 57.142_857]);
    // Two scenes in one model whose poses are right for each: both register all, (10 + 4) of (10 + 4). Each scene is given the model:
    // (8 + 5) / (13 + 13) = 50 %.
    let merged: BTreeMap<_, _> = model(&a).into_iter().chain(model(&b)).collect();
    assert_eq!(scored(&[&a, &b], &[merged]), [100.0, 50.0, 66.666_667]);
}
