//! The kernel against a brute-force search in f64, and what it promises about ties, thresholds, threads and errors.
#![allow(clippy::unwrap_used)] // the whole file is tests

use scene3d_nearest::{Nearest, NearestConfig, prepare};
use scene3d_sdk::scene::Matches;
use scene3d_sdk::{ErrorCode, NamedView, Prepared, PreparedPair, Tensor};

/// Rows of unit length.
struct Descriptors {
    rows: Vec<Vec<f32>>,
    dim: usize,
}

impl Descriptors {
    fn random(num: usize, dim: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        Self { rows: (0..num).map(|_| unit((0..dim).map(|_| next()).collect())).collect(), dim }
    }

    /// The same rows in another order, each pushed a little, so that there are clear matches.
    fn disturbed(&self, amount: f32, seed: u64) -> Self {
        let noise = Self::random(self.rows.len(), self.dim, seed);
        let push = |(row, noise): (&Vec<f32>, &Vec<f32>)| {
            unit(row.iter().zip(noise).map(|(value, noise)| value + amount * noise).collect())
        };
        Self { rows: self.rows.iter().zip(&noise.rows).rev().map(push).collect(), dim: self.dim }
    }

    fn prepared(&self) -> Prepared {
        let values = self.rows.concat();
        let tensor = Tensor::from_vec(values, &[self.rows.len() as i64, self.dim as i64]).unwrap();
        prepare(tensor.view()).unwrap()
    }
}

fn unit(row: Vec<f32>) -> Vec<f32> {
    let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    row.into_iter().map(|value| value / norm).collect()
}

fn matches(config: NearestConfig, image1: &Descriptors, image2: &Descriptors, threads: usize) -> Matches {
    let (image1, image2) = (image1.prepared(), image2.prepared());
    let pair = PreparedPair { image1: NamedView::of(&image1), image2: NamedView::of(&image2) };
    Nearest::new(config).unwrap().match_pair(&pair, threads).unwrap()
}

/// (best, its similarity, second best similarity) of every row of `from`.
fn brute_force(from: &Descriptors, to: &Descriptors) -> Vec<Option<(usize, f64, f64)>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let of_row = |row: &Vec<f32>| {
        let similarities: Vec<f64> = to.rows.iter().map(|other| dot(row, other)).collect();
        let best = (0..similarities.len()).reduce(|a, b| if similarities[b] > similarities[a] { b } else { a })?;
        let others = similarities.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, s)| *s);
        Some((best, similarities[best], others.fold(f64::NEG_INFINITY, f64::max)))
    };
    from.rows.iter().map(of_row).collect()
}

fn oracle(config: &NearestConfig, image1: &Descriptors, image2: &Descriptors) -> Vec<[u32; 2]> {
    let (rows, columns) = (brute_force(image1, image2), brute_force(image2, image1));
    let passes = |best: f64, second: f64| {
        best >= f64::from(config.min_similarity)
            && (config.ratio_threshold == 1.0
                || (2.0 - 2.0 * best).sqrt() < f64::from(config.ratio_threshold) * (2.0 - 2.0 * second).sqrt())
    };
    let mut chosen: Vec<([u32; 2], f64)> = Vec::new();
    for (row, best) in rows.iter().enumerate() {
        let Some((column, similarity, second)) = *best else { continue };
        let Some((back, back_similarity, back_second)) = columns[column] else { continue };
        let is_mutual = back == row && passes(back_similarity, back_second);
        if passes(similarity, second) && (is_mutual || !config.mutual) {
            chosen.push(([row as u32, column as u32], similarity));
        }
    }
    let is_beaten = |pair: &([u32; 2], f64)| chosen.iter().any(|other| other.0[1] == pair.0[1] && other.1 > pair.1);
    chosen.iter().filter(|pair| !is_beaten(pair)).map(|(pair, _)| *pair).collect()
}

fn check_against_oracle(config: &NearestConfig, image1: &Descriptors, image2: &Descriptors) {
    let got = matches(config.clone(), image1, image2, 1);
    assert_eq!(got.indices, oracle(config, image1, image2), "{config:?} {}x{}", image1.rows.len(), image2.rows.len());
    for (pair, score) in got.indices.iter().zip(&got.scores) {
        let rows = image1.rows[pair[0] as usize].iter().zip(&image2.rows[pair[1] as usize]);
        let cosine: f64 = rows.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        assert!((f64::from(*score) - (1.0 + cosine) / 2.0).abs() < 1e-6, "score {score} of cosine {cosine}");
    }
}

#[test]
fn mutual_nearest_neighbours_are_those_of_brute_force() {
    for dim in [64, 128, 256] {
        for (num1, num2) in [(0, 0), (0, 7), (7, 0), (1, 1), (1, 100), (100, 7), (48, 96), (513, 100), (513, 513)] {
            let (image1, image2) = (Descriptors::random(num1, dim, 1), Descriptors::random(num2, dim, 2));
            check_against_oracle(&NearestConfig::default(), &image1, &image2);
        }
    }
}

#[test]
fn thresholds_and_one_way_matching_are_those_of_brute_force() {
    let image1 = Descriptors::random(513, 128, 3);
    let image2 = image1.disturbed(1.0, 4);
    let plain = NearestConfig::default();
    let configs = [
        NearestConfig { ratio_threshold: 0.8, ..plain.clone() },
        NearestConfig { min_similarity: 0.7, ..plain.clone() },
        NearestConfig { mutual: false, ..plain.clone() },
        NearestConfig { mutual: false, ratio_threshold: 0.8, min_similarity: 0.7 },
    ];
    for config in configs {
        check_against_oracle(&config, &image1, &image2);
        let kept = matches(config, &image1, &image2, 1).len();
        assert!((50..=513).contains(&kept), "{kept} matches say little about the thresholds");
    }
}

#[test]
fn an_image_matches_itself_and_a_single_candidate_passes_the_ratio_test() {
    let image = Descriptors::random(200, 64, 5);
    let ratio = NearestConfig { ratio_threshold: 0.8, ..NearestConfig::default() };
    let identity: Vec<[u32; 2]> = (0..200).map(|at| [at, at]).collect();
    assert_eq!(matches(ratio.clone(), &image, &image, 1).indices, identity);
    let single = Descriptors::random(1, 64, 6);
    assert_eq!(matches(ratio, &single, &single, 1).indices, [[0, 0]]);
}

#[test]
fn of_equal_descriptors_the_lowest_index_wins_and_fails_the_ratio_test() {
    let mut image = Descriptors::random(150, 64, 7);
    for (copy, of) in [(9, 3), (60, 3), (149, 3), (20, 19)] {
        image.rows[copy] = image.rows[of].clone();
    }
    let got = matches(NearestConfig::default(), &image, &image, 1).indices;
    assert_eq!(got, oracle(&NearestConfig::default(), &image, &image));
    assert!(got.contains(&[3, 3]) && got.contains(&[19, 19]));
    assert!([9, 20, 60, 149].iter().all(|copy| got.iter().all(|pair| !pair.contains(copy))));
    let ratio = NearestConfig { ratio_threshold: 0.99, ..NearestConfig::default() };
    assert!(matches(ratio, &image, &image, 1).indices.iter().all(|pair| pair[0] != 3 && pair[0] != 19));
}

#[test]
fn negative_similarities_are_matched_too_until_a_threshold_forbids_it() {
    let image1 = Descriptors { rows: vec![vec![1.0, 0.0]], dim: 2 };
    let image2 = Descriptors { rows: vec![vec![-1.0, 0.0]], dim: 2 };
    let got = matches(NearestConfig::default(), &image1, &image2, 1);
    assert_eq!((got.indices, got.scores), (vec![[0, 0]], vec![0.0]));
    let positive = NearestConfig { min_similarity: 0.0, ..NearestConfig::default() };
    assert!(matches(positive, &image1, &image2, 1).is_empty());
}

#[test]
fn threads_do_not_change_a_bit() {
    let image1 = Descriptors::random(513, 128, 8);
    let image2 = image1.disturbed(0.5, 9);
    for config in [NearestConfig::default(), NearestConfig { ratio_threshold: 0.9, ..NearestConfig::default() }] {
        let one = matches(config.clone(), &image1, &image2, 1);
        let bits = |matches: &Matches| matches.scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
        for threads in [2, 3, 64] {
            let many = matches(config.clone(), &image1, &image2, threads);
            assert_eq!((&one.indices, bits(&one)), (&many.indices, bits(&many)), "{threads} threads");
        }
        assert!(one.len() > 400);
    }
}

#[test]
fn different_dimensions_are_refused_naming_both() {
    let (image1, image2) = (Descriptors::random(5, 128, 1).prepared(), Descriptors::random(5, 256, 1).prepared());
    let pair = PreparedPair { image1: NamedView::of(&image1), image2: NamedView::of(&image2) };
    let error = Nearest::new(NearestConfig::default()).unwrap().match_pair(&pair, 1).unwrap_err();
    assert_eq!(error.code, ErrorCode::INVALID_INPUT);
    assert_eq!(error.message, "image 1 has descriptors of 128 dimensions, image 2 of 256, expected the same");
}

#[test]
fn unusable_descriptors_and_configs_are_refused() {
    let wrong_type = Tensor::from_vec(vec![0_u8; 4], &[2, 2]).unwrap();
    let wrong_rank = Tensor::from_vec(vec![0.0_f32; 4], &[4]).unwrap();
    let not_finite = Tensor::from_vec(vec![1.0, 0.0, f32::NAN, 0.0], &[2, 2]).unwrap();
    for (tensor, message) in [
        (wrong_type, "tensor has dtype u8, expected f32"),
        (wrong_rank, "descriptors have shape [4], expected [N, D]"),
        (not_finite, "descriptor of keypoint 1 is not finite, expected unit length"),
    ] {
        assert_eq!(prepare(tensor.view()).unwrap_err().message, message);
    }
    for (ratio_threshold, min_similarity) in [(0.0, 0.0), (1.1, 0.0), (f32::NAN, 0.0), (1.0, 1.5), (1.0, f32::NAN)] {
        let config = NearestConfig { mutual: true, ratio_threshold, min_similarity };
        assert_eq!(Nearest::new(config).unwrap_err().code, ErrorCode::INVALID_CONFIG);
    }
}
