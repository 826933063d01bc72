//! Whole runs that match fewer pairs than all: neighbours in a sequence, loop closures, the most similar images.

use std::collections::BTreeSet;

use scene3d_scene::synthetic::{SceneSpec, SyntheticScene};
use scene3d_tests::aliked_run::{AlikedRuns, items_and_reused};
use scene3d_tests::rendered;

/// Place on the orbit of each photo in the order of their names: out along one side and back along the other, so that
/// the first and the last are neighbours.
const PLACES: [u64; 8] = [0, 2, 4, 6, 7, 5, 3, 1];
const NUM_ALL_PAIRS: usize = 28;

fn there_and_back() -> SyntheticScene {
    let num_images = PLACES.len();
    let mut scene = rendered(&SceneSpec { num_images, image_size: [480, 360], ..SceneSpec::default() });
    let photos = PLACES.map(|place| scene.images[place as usize].jpeg.clone());
    scene.images.iter_mut().zip(photos).for_each(|(image, jpeg)| image.jpeg = jpeg);
    scene
}

/// Pairs of places that a run matched; it must register all photos, and take the features of an earlier run if any.
fn matched(runs: &AlikedRuns, more: &[&str]) -> BTreeSet<[u64; 2]> {
    let settings: Vec<&str> = more.iter().flat_map(|setting| ["--set", setting]).collect();
    let is_resumed = runs.path("out").exists();
    let resume: &[&str] = if is_resumed { &["--resume"] } else { &[] };
    let events = runs.reconstruct("out", &[settings.as_slice(), resume].concat());
    let [items, reused] = items_and_reused(&events, "extract");
    assert_eq!(reused, if is_resumed { items } else { 0 }, "{more:?}");
    let report = runs.json("out/report.json");
    assert_eq!(report["statistics"]["num_registered"], PLACES.len(), "{more:?}");
    let pairs = report["pairs"].as_array().unwrap();
    assert_eq!(items_and_reused(&events, "pair")[0], pairs.len() as u64);
    let place = |id: &serde_json::Value| PLACES[id.as_u64().unwrap() as usize - 1];
    let sorted = |[a, b]: [u64; 2]| [a.min(b), a.max(b)];
    pairs.iter().map(|pair| sorted([place(&pair["image1"]), place(&pair["image2"])])).collect()
}

#[test]
fn sequential_pairs_are_neighbours_and_loop_closures_join_the_ends() {
    let Some(runs) = AlikedRuns::of(&there_and_back()) else { return };
    let window = |size: usize| -> BTreeSet<[u64; 2]> {
        let pair = |a: u64, b: u64| [a.min(b), a.max(b)];
        (1..=size).flat_map(|step| PLACES.windows(step + 1).map(move |w| pair(w[0], w[step]))).collect()
    };
    let sequence = ["pairing.method=sequential", "pairing.window=2"];
    let without = matched(&runs, &sequence);
    assert_eq!(without, window(2));
    assert_eq!(without.len(), 7 + 6);
    assert!(!without.contains(&[0, 1]), "the ends are not in one window");

    let with = matched(&runs, &[sequence.as_slice(), &["pairing.loop_closures=2"]].concat());
    assert!(with.is_superset(&without) && with.contains(&[0, 1]), "{with:?}");
    // two for each image at most, and where cameras stand side by side
    assert!(with.len() > without.len() && with.len() <= without.len() + 2 * PLACES.len(), "{with:?}");
    assert!(with.len() < NUM_ALL_PAIRS);
    let closures: Vec<_> = with.difference(&without).collect();
    assert!(closures.iter().all(|[a, b]| b - a <= 3), "{closures:?}");
}

#[test]
fn retrieval_pairs_are_the_most_similar_images() {
    let Some(runs) = AlikedRuns::of(&there_and_back()) else { return };
    let mut last = BTreeSet::new();
    for num_neighbors in [2, 3] {
        let setting = format!("pairing.num_neighbors={num_neighbors}");
        let pairs = matched(&runs, &["pairing.method=retrieval", &setting]);
        let num_partners = |place: u64| pairs.iter().filter(|pair| pair.contains(&place)).count();
        assert!((0..8).all(|place| num_partners(place) >= num_neighbors), "{pairs:?}");
        // each chooses so many, and a choice may be mutual
        assert!((4 * num_neighbors..=8 * num_neighbors).contains(&pairs.len()), "{pairs:?}");
        assert!(pairs.len() < NUM_ALL_PAIRS && pairs.is_superset(&last), "{pairs:?}");
        let num_neighbours = pairs.iter().filter(|[a, b]| b - a == 1).count();
        assert!(num_neighbours >= 6, "of 7 pairs side by side only {num_neighbours}: {pairs:?}");
        last = pairs;
    }
}
