//! The matcher as the host runs it: the same bytes whatever the threads and the batch, and images without keypoints.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::{Case, features_of};
use scene3d_lightglue::exit::ExitRule;
use scene3d_lightglue::matching::{PairOutcome, match_batch};
use scene3d_lightglue::network::{ImageTokens, Network};
use scene3d_lightglue::parameters::rename;
use scene3d_torch::testing::find_weights;
use scene3d_torch::{Precision, TorchContext};
use tch::{Device, Tensor};

/// The first `num` keypoints of a golden image, prepared.
fn first_keypoints(case: &Case, image: usize, num: i64) -> ImageTokens {
    let [keypoints, descriptors] = features_of(case, image).map(|tensor| tensor.narrow(0, 0, num));
    tch::no_grad(|| case.network.prepare(&keypoints, &descriptors)).unwrap()
}

fn outcomes(case: &Case, pairs: &[[ImageTokens; 2]]) -> Vec<PairOutcome> {
    tch::no_grad(|| match_batch(&case.network, &ExitRule::new(0.95, 0.99, true), 0.1, pairs)).unwrap()
}

fn bytes(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(&tensor.to_kind(tch::Kind::Float).flatten(0, -1)).unwrap()
}

#[test]
fn images_with_few_or_no_keypoints_have_few_or_no_matches() {
    for precision in [Precision::Fp32, Precision::Auto] {
        let Some(case) = Case::released(precision) else { return };
        for (num1, num2, max_matches) in [(0, 0, 0), (0, 256, 0), (256, 0, 0), (1, 256, 1), (256, 1, 1), (1, 1, 1)] {
            let pair = [first_keypoints(&case, 0, num1), first_keypoints(&case, 1, num2)];
            let matches = outcomes(&case, &[pair]).remove(0).matches;
            assert!(matches.len() <= max_matches, "{num1} and {num2} keypoints: {matches:?}");
        }
    }
}

#[test]
fn an_image_matches_itself() {
    let Some(case) = Case::released(Precision::Auto) else { return };
    let pair = [first_keypoints(&case, 0, 256), first_keypoints(&case, 0, 256)];
    let matches = outcomes(&case, &[pair]).remove(0).matches;
    let identical = matches.indices.iter().filter(|[i, j]| i == j).count();
    assert!(identical == matches.len() && identical > 240, "{identical} of {}", matches.len());
}

#[test]
fn a_mixed_batch_gives_each_pair_its_matches() {
    let Some(case) = Case::released(Precision::Fp32) else { return };
    let numbers = [(256, 256), (0, 9), (100, 256), (256, 256), (30, 7)];
    let pairs = numbers.map(|(num1, num2)| [first_keypoints(&case, 0, num1), first_keypoints(&case, 1, num2)]);
    let batched = outcomes(&case, &pairs);
    for ((num1, num2), batched) in numbers.into_iter().zip(&batched) {
        let alone = outcomes(&case, &[[first_keypoints(&case, 0, num1), first_keypoints(&case, 1, num2)]]).remove(0);
        assert_eq!(alone.matches.indices, batched.matches.indices, "{num1} and {num2} keypoints");
        assert_eq!(alone.num_layers, batched.num_layers);
        assert_eq!(alone.num_keypoint_layers, batched.num_keypoint_layers);
    }
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    for precision in [Precision::Fp32, Precision::Auto] {
        let Some(weights) = find_weights("aliked_lightglue.pth") else { return };
        let weights = weights.rename(rename);
        let results = [1, 2].map(|num_threads| {
            let mut case = Case::released(precision)?;
            case.network =
                Network::new(&weights, TorchContext::on(Device::Cpu, num_threads, precision).unwrap()).unwrap();
            let pair = [first_keypoints(&case, 0, 256), first_keypoints(&case, 1, 250)];
            let prepared: Vec<_> = pair.iter().map(|image| (bytes(&image.tokens), bytes(&image.projected))).collect();
            Some((prepared, outcomes(&case, &[pair])))
        });
        assert!(results[0] == results[1], "{precision:?}");
    }
}
