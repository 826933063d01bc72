//! Parity with the reference's goldens (cvg/LightGlue `1fd587b`, torch 2.11.0, CPU, fp32), and bf16 against fp32.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::{Case, features_of, pair_of};
use scene3d_lightglue::assignment::{LogAssignment, similarity};
use scene3d_lightglue::exit::{ExitLogits, ExitRule};
use scene3d_lightglue::matching::{PairOutcome, match_batch};
use scene3d_torch::Precision;
use scene3d_torch::testing::{Golden, Tolerance, assert_close};
use tch::{Kind, Tensor};

/// Every 16th token.
fn sampled(tokens: &Tensor) -> Tensor {
    tokens.slice(0, 0, None, 16)
}

/// `log P` with its dustbins, `[M + 1, N + 1]`.
fn log_assignment(similarity: &Tensor, logits: &[ExitLogits]) -> Tensor {
    let [z0, z1] = [0, 1].map(|image| logits[image].matchability.as_slice());
    let values = Vec::<f32>::try_from(&similarity.flatten(0, 1)).unwrap();
    let LogAssignment { rows, columns } = LogAssignment::new(&values, [z0, z1]);
    let inner = similarity * 2.0 + Tensor::from_slice(&rows).unsqueeze(1) + Tensor::from_slice(&columns);
    let dustbins = [z0, z1].map(|z| Tensor::from_slice(z).neg().log_sigmoid());
    let upper = Tensor::cat(&[inner, dustbins[0].unsqueeze(1)], 1);
    let lower = Tensor::cat(&[dustbins[1].shallow_clone(), Tensor::zeros([1], (Kind::Float, tch::Device::Cpu))], 0);
    Tensor::cat(&[upper, lower.unsqueeze(0)], 0)
}

/// The layers one by one on both images: tokens after the first and the last, similarity, `log P`.
fn run_all_layers(case: &Case) -> ([Tensor; 2], [Tensor; 2], Tensor, Tensor) {
    let [image0, image1] = pair_of(case);
    let lengths = [image0.tokens.size()[0] as usize, image1.tokens.size()[0] as usize];
    let cat = |a: &Tensor, b: &Tensor| Tensor::cat(&[a, b], 0);
    let rotation = cat(&image0.rotation, &image1.rotation);
    let projected = cat(&image0.projected, &image1.projected);
    let mut tokens = cat(&image0.tokens, &image1.tokens);
    let split = |tokens: &Tensor| [0, 1].map(|i| tokens.narrow(0, (i * lengths[0]) as i64, lengths[i] as i64).copy());
    let mut first = None;
    for (index, layer) in case.network.layers().iter().enumerate() {
        if index > 0 {
            tokens = case.network.attend_within(&layer.self_block, &tokens, &rotation, &lengths).unwrap();
        }
        let projected = Some(&projected).filter(|_| index == 0);
        tokens = case.network.attend_across(&layer.cross_block, &tokens, projected, &lengths).unwrap();
        first.get_or_insert_with(|| split(&tokens));
    }
    let layer = case.network.layers().last().unwrap();
    let last = split(&tokens);
    let similarity = similarity(&layer.assignment, &last);
    let logits = ExitLogits::read(&layer.exit.apply(&tokens), &lengths).unwrap();
    let log_assignment = log_assignment(&similarity, &logits);
    (first.unwrap(), last, similarity, log_assignment)
}

#[test]
fn layers_with_released_weights_agree_with_the_reference() {
    let Some(case) = Case::released(Precision::Fp32) else { return };
    let golden = &case.golden;
    let [keypoints, descriptors] = features_of(&case, 0);
    golden.assert_close("input_proj0_s16", &sampled(&case.network.embed(&descriptors)), Tolerance::Relative(1e-4));
    assert_rotation(golden, &case.network.rotation(&keypoints));
    let [image0, _] = pair_of(&case);
    golden.assert_close("layer0_self0_s16", &sampled(&image0.tokens), Tolerance::Relative(1e-4));

    let (first, last, similarity, log_assignment) = run_all_layers(&case);
    for image in [0, 1] {
        golden.assert_close(&format!("layer0_desc{image}_s16"), &sampled(&first[image]), Tolerance::Relative(1e-4));
        golden.assert_close(&format!("last_desc{image}_s16"), &sampled(&last[image]), Tolerance::Relative(1e-4));
    }
    let sampled_similarity = similarity.slice(0, 0, None, 4).slice(1, 0, None, 4);
    golden.assert_close("similarity_s4", &sampled_similarity, Tolerance::Relative(1e-4));
    golden.assert_close("log_assignment", &log_assignment, Tolerance::Absolute(2e-2));
}

/// The golden has cosines and sines repeated pairwise, `[2, tokens, 64]`.
fn assert_rotation(golden: &Golden, rotation: &Tensor) {
    let [cos, sin] =
        [0, 1].map(|part| sampled(&rotation.narrow(1, 32 * part, 32)).repeat_interleave_self_int(2, 1, None));
    let expected = golden.get("posenc0_s16");
    let got = Tensor::stack(&[cos, sin], 0).reshape(expected.size());
    assert_close("posenc0_s16", &got, expected, Tolerance::Absolute(1e-5));
}

#[test]
fn layers_with_formula_weights_agree_with_the_reference() {
    let case = Case::formula();
    let (first, last, _, log_assignment) = run_all_layers(&case);
    case.golden.assert_close("layer0_desc0_s16", &sampled(&first[0]), Tolerance::Relative(1e-5));
    case.golden.assert_close("last_desc0_s16", &sampled(&last[0]), Tolerance::Relative(1e-5));
    let sampled = log_assignment.slice(0, 0, None, 4).slice(1, 0, None, 4);
    case.golden.assert_close("log_assignment_s4", &sampled, Tolerance::Absolute(3e-3));
}

fn outcome(case: &Case, rule: &ExitRule) -> PairOutcome {
    tch::no_grad(|| match_batch(&case.network, rule, 0.1, &[pair_of(case)])).unwrap().remove(0)
}

/// Golden matches as index pairs, in order of image 0.
fn golden_matches(golden: &Golden, prefix: &str) -> Vec<[u32; 2]> {
    let of_first =
        Vec::<i64>::try_from(&golden.get(&format!("{prefix}matches0")).flatten(0, -1).to_kind(Kind::Int64)).unwrap();
    let matched = of_first.iter().enumerate().filter(|(_, j)| **j >= 0);
    matched.map(|(i, &j)| [i as u32, j as u32]).collect()
}

#[test]
fn full_depth_finds_the_references_matches() {
    let Some(case) = Case::released(Precision::Fp32) else { return };
    let outcome = outcome(&case, &ExitRule::new(1.0, 1.0, true));
    assert_eq!(outcome.matches.indices, golden_matches(&case.golden, ""));
    assert_eq!((outcome.matches.len(), outcome.num_layers), (151, 9));
    let scores = Vec::<f32>::try_from(&case.golden.get("matching_scores0").flatten(0, -1)).unwrap();
    for ([row, _], score) in outcome.matches.indices.iter().zip(&outcome.matches.scores) {
        assert!((score - scores[*row as usize]).abs() < 2e-4);
    }
}

#[test]
fn adaptive_depth_and_width_are_the_references() {
    let Some(case) = Case::released(Precision::Fp32) else { return };
    let outcome = outcome(&case, &ExitRule::new(0.95, 0.99, true));
    assert_eq!(outcome.matches.indices, golden_matches(&case.golden, "adaptive_"));
    assert_eq!((outcome.matches.len(), outcome.num_layers), (153, 5));
    for image in [0, 1] {
        let expected = case.golden.get(&format!("adaptive_prune{image}")).flatten(0, -1).to_kind(Kind::Int64);
        let expected = Vec::<i64>::try_from(&expected).unwrap();
        let got: Vec<i64> = outcome.num_keypoint_layers[image].iter().map(|&count| i64::from(count)).collect();
        assert_eq!(got, expected, "image {image}");
        assert!(expected.contains(&1) && expected.contains(&5));
    }
}

#[test]
fn bf16_keeps_the_matches() {
    let Some(exact) = Case::released(Precision::Fp32) else { return };
    let Some(rounded) = Case::released(Precision::Bf16) else { return };
    for rule in [ExitRule::new(1.0, 1.0, true), ExitRule::new(0.95, 0.99, true)] {
        let expected = outcome(&exact, &rule).matches.indices;
        let got = outcome(&rounded, &rule).matches.indices;
        let kept = expected.iter().filter(|pair| got.contains(pair)).count();
        eprintln!("bf16 keeps {kept} of {} matches and finds {}", expected.len(), got.len());
        assert!(kept as f64 >= 0.99 * expected.len() as f64);
    }
}
