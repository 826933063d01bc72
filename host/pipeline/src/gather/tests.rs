//! Gathering on made-up scenes: tracks have the length that they should, whatever the noise and the order.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;

const IMAGE_SIZE: [f32; 2] = [800.0, 600.0];
const NUM_IMAGES: u32 = 6;
const RULE: GatherRule = GatherRule { cell_px: 4.0, max_error_px: 3.0, max_keypoints: 0 };

fn gathered_of(found: &BTreeMap<ImagePair, Correspondences>, rule: GatherRule, num_threads: usize) -> Gathered {
    gather(found, rule, num_threads, &Cancel::default()).unwrap()
}

struct Random(u32);

impl Random {
    /// In -1..1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Projections of points, `[point][image]`, by pinhole cameras side by side; in no image two are nearer than 12 px.
fn projections() -> Vec<Vec<[f32; 2]>> {
    let mut random = Random(1);
    let mut points: Vec<Vec<[f32; 2]>> = Vec::new();
    while points.len() < 300 {
        let [x, y, z] = [6.0 * random.next(), 4.0 * random.next(), 6.0 + 2.0 * random.next()];
        let of_image = |image: u32| [400.0 + 500.0 * (x - image as f32 * 0.4) / z, 300.0 + 500.0 * y / z];
        let point: Vec<_> = (0..NUM_IMAGES).map(of_image).collect();
        let is_inside = point.iter().all(|p| (0..2).all(|axis| (2.0..IMAGE_SIZE[axis] - 2.0).contains(&p[axis])));
        if is_inside && points.iter().all(|other| point.iter().zip(other).all(|(a, b)| distance(*a, *b) >= 12.0)) {
            points.push(point);
        }
    }
    points
}

fn pairs() -> impl Iterator<Item = ImagePair> {
    let all = (0..NUM_IMAGES).flat_map(|a| (a + 1..NUM_IMAGES).map(move |b| [a, b]));
    all.map(|[a, b]| ImagePair { image1: ImageId(a + 1), image2: ImageId(b + 1) })
}

/// Each pair finds three of four points, each end up to 1 px off along each axis, otherwise in every pair.
fn observed(points: &[Vec<[f32; 2]>]) -> BTreeMap<ImagePair, Correspondences> {
    let mut random = Random(2);
    let found = pairs().map(|pair| {
        let mut of_pair = Correspondences::default();
        for point in points {
            let [a, b] = [pair.image1, pair.image2].map(|image| point[image.0 as usize - 1]);
            let noisy = [a[0], a[1], b[0], b[1]].map(|px| px + random.next());
            let score = 0.5 + 0.5 * random.next();
            if random.next() < 0.5 {
                of_pair.points.push(noisy);
                of_pair.scores.push(score);
            }
        }
        (pair, of_pair)
    });
    found.collect()
}

/// The point whose projection is nearest.
fn truth(points: &[Vec<[f32; 2]>], image: ImageId, position: [f32; 2]) -> usize {
    let of = |point: &usize| distance(points[*point][image.0 as usize - 1], position);
    (0..points.len()).min_by(|a, b| of(a).total_cmp(&of(b))).unwrap()
}

#[test]
fn noisy_correspondences_of_different_pairs_form_whole_tracks() {
    let points = projections();
    let found = observed(&points);
    let gathered = gathered_of(&found, RULE, 1);
    // observations of a point by image: which images must be in its track
    let mut seen_in: Vec<BTreeMap<ImageId, u32>> = vec![BTreeMap::new(); points.len()];
    for (pair, correspondences) in &found {
        for point in &correspondences.points {
            let true_point = truth(&points, pair.image1, [point[0], point[1]]);
            *seen_in[true_point].entry(pair.image1).or_default() += 1;
            *seen_in[true_point].entry(pair.image2).or_default() += 1;
        }
    }
    for (image, keypoints) in &gathered.keypoints {
        let mut of_points: Vec<usize> =
            keypoints.positions.iter().map(|&position| truth(&points, *image, position)).collect();
        of_points.sort_unstable();
        let expected: Vec<usize> = (0..points.len()).filter(|&point| seen_in[point].contains_key(image)).collect();
        // one keypoint a point and image, however many pairs saw it
        assert_eq!(of_points, expected);
    }
    for (pair, correspondences) in &found {
        let of = |x: f32, y: f32| truth(&points, pair.image1, [x, y]);
        let positions = &gathered.keypoints[&pair.image1].positions;
        let matched = gathered.matches[pair].indices.iter().map(|indices| positions[indices[0] as usize]);
        let mut matched: Vec<usize> = matched.map(|[x, y]| of(x, y)).collect();
        matched.sort_unstable();
        // found in the order of the points
        assert_eq!(matched, correspondences.points.iter().map(|&[x, y, ..]| of(x, y)).collect::<Vec<_>>());
    }
    let mut lengths = BTreeMap::new();
    seen_in.iter().for_each(|seen_in| *lengths.entry(seen_in.len()).or_insert(0) += 1);
    assert!(lengths[&6] > 250, "tracks by length: {lengths:?}");
}

#[test]
fn every_correspondence_is_a_match_within_the_maximum_error() {
    let found = observed(&projections());
    let gathered = gathered_of(&found, RULE, 1);
    for (pair, correspondences) in &found {
        let matches = &gathered.matches[pair];
        assert_eq!(matches.len(), correspondences.len());
        assert!(is_within(&gathered, *pair, correspondences, RULE.max_error_px));
    }
}

/// Whether each match stands for a correspondence of its score with both ends within so many px.
fn is_within(gathered: &Gathered, pair: ImagePair, correspondences: &Correspondences, max_error_px: f32) -> bool {
    let matches = &gathered.matches[&pair];
    let [keypoints1, keypoints2] = [pair.image1, pair.image2].map(|image| &gathered.keypoints[&image].positions);
    matches.indices.iter().zip(&matches.scores).all(|(&[one, two], score)| {
        let (a, b) = (keypoints1[one as usize], keypoints2[two as usize]);
        correspondences.points.iter().zip(&correspondences.scores).any(|(point, other)| {
            let errors = [distance(a, [point[0], point[1]]), distance(b, [point[2], point[3]])];
            other == score && errors.iter().all(|error| *error <= max_error_px * 1.0001)
        })
    })
}

/// Positions anywhere, so dense that nothing is clear.
fn clutter() -> BTreeMap<ImagePair, Correspondences> {
    let mut random = Random(3);
    let mut number = |to: f32| (random.next() + 1.0) * 0.5 * to;
    let of_pair = |pair| {
        let points: Vec<_> = (0..2000).map(|_| [number(120.0), number(90.0), number(120.0), number(90.0)]).collect();
        let scores = points.iter().map(|point| (point[0] * 7.31).fract()).collect();
        (pair, Correspondences { points, scores })
    };
    pairs().map(of_pair).collect()
}

#[test]
fn clutter_keeps_to_the_rule() {
    let found = clutter();
    for rule in [RULE, GatherRule { cell_px: 16.0, max_error_px: 0.5, max_keypoints: 40 }] {
        let gathered = gathered_of(&found, rule, 1);
        for (pair, correspondences) in &found {
            assert!(is_within(&gathered, *pair, correspondences, rule.max_error_px));
            for side in [0, 1] {
                let mut ends: Vec<u32> = gathered.matches[pair].indices.iter().map(|indices| indices[side]).collect();
                ends.sort_unstable();
                assert!(ends.windows(2).all(|two| two[0] != two[1]));
            }
        }
        for keypoints in gathered.keypoints.values() {
            let cell = |position: &[f32; 2]| position.map(|px| (px / rule.cell_px) as i64);
            let mut cells: Vec<_> = keypoints.positions.iter().map(cell).collect();
            cells.sort_unstable();
            assert!(cells.windows(2).all(|two| two[0] != two[1]) && cells.len() > 30);
            assert!(keypoints.scores.is_sorted_by(|a, b| a >= b));
            assert!(rule.max_keypoints == 0 || keypoints.len() == rule.max_keypoints);
        }
    }
}

#[test]
fn neither_the_order_of_images_and_pairs_nor_threads_have_an_influence() {
    for found in [observed(&projections()), clutter()] {
        // the same images numbered the other way round: pairs come in another order, with their sides swapped
        let renumbered = |image: ImageId| ImageId(NUM_IMAGES + 1 - image.0);
        let turned_pair = |pair: ImagePair| ImagePair::new(renumbered(pair.image1), renumbered(pair.image2)).unwrap();
        let turn = |(pair, of_pair): (&ImagePair, &Correspondences)| {
            let points = of_pair.points.iter().rev().map(|&[x1, y1, x2, y2]| [x2, y2, x1, y1]).collect();
            (turned_pair(*pair), Correspondences { points, scores: of_pair.scores.iter().rev().copied().collect() })
        };
        let turned = gathered_of(&found.iter().map(turn).collect(), RULE, 3);
        let gathered = gathered_of(&found, RULE, 1);
        for (image, keypoints) in &gathered.keypoints {
            assert_eq!(turned.keypoints[&renumbered(*image)], *keypoints);
        }
        for (pair, matches) in &gathered.matches {
            let mut indices: Vec<_> =
                turned.matches[&turned_pair(*pair)].indices.iter().map(|&[one, two]| [two, one]).collect();
            indices.sort_unstable();
            assert_eq!(indices, matches.indices);
        }
    }
}

#[test]
fn nothing_found_is_nothing_gathered() {
    let pair = pairs().next().unwrap();
    let gathered = gathered_of(&BTreeMap::from([(pair, Correspondences::default())]), RULE, 1);
    assert!(gathered.matches[&pair].is_empty() && gathered.keypoints.values().all(Keypoints::is_empty));
    assert_eq!(gathered_of(&BTreeMap::new(), RULE, 1), Gathered::default());
}
