//! A matcher's config decides whether it finds matches of keypoints or correspondences of positions; the host knows
//! which before it runs, and checks either.
#![allow(clippy::unwrap_used)] // a helper of tests too

mod common;

use common::{check, linked, spawn};
use scene3d_abi::ErrorCode;
use scene3d_engine::{Instance, InstanceOptions, StagePlan};
use scene3d_tensor::Tensor;
use scene3d_wire::{ImageFeatures, NamedView, Prepared, PreparedPair};

fn plan(matcher: &str) -> StagePlan {
    let extractor = if matcher.contains("dense") { "" } else { "extractor = { plugin = \"dummy-extractor\" }\n" };
    let text = format!("[[features]]\n{extractor}matcher = {{ {matcher} }}\n[mapper]\nplugin = \"dummy-mapper\"\n");
    check(&linked(), &text).unwrap().features.remove(0).matcher
}

fn matcher(mode: &str) -> Instance {
    let plan = plan(&format!("plugin = \"dummy-matcher\", score = 0.5, mode = \"{mode}\""));
    spawn(&linked(), &plan, InstanceOptions::default()).unwrap()
}

/// An image without a keypoint.
fn prepared(matcher: &Instance, image_size: [u32; 2]) -> Prepared {
    let empty = |shape: &[i64]| Tensor::from_vec(Vec::<f32>::new(), shape).unwrap();
    let (keypoints, scores, descriptors) = (empty(&[0, 2]), empty(&[0]), empty(&[0, 4]));
    let [keypoints, scores, descriptors] = [&keypoints, &scores, &descriptors].map(Tensor::view);
    matcher.prepare(&ImageFeatures { keypoints, scores, descriptors, image_size, pixels: None }).unwrap()
}

#[test]
fn the_config_says_which_before_anything_runs() {
    assert!(!plan("plugin = \"dummy-matcher\"").finds_correspondences());
    assert!(plan("plugin = \"dummy-matcher\", mode = \"dense\"").finds_correspondences());
    assert!(!plan("plugin = \"hostile-matcher\"").finds_correspondences());
    assert!(matcher("dense").finds_correspondences() && !matcher("keypoints").finds_correspondences());
}

#[test]
fn correspondences_need_no_keypoints() {
    let matcher = matcher("dense");
    let images = [prepared(&matcher, [80, 40]), prepared(&matcher, [16, 16])];
    let [image1, image2] = images.each_ref().map(NamedView::of);
    let pairs = [PreparedPair { image1, image2 }];
    let found = matcher.correspond_pairs(&pairs, &[[[80, 40], [16, 16]]]).unwrap().remove(0);
    assert_eq!((found.len(), found.points[0], found.points[63]), (64, [5.0, 2.5, 1.0, 1.0], [75.0, 37.5, 15.0, 15.0]));
    assert_eq!(found.scores, [0.5; 64]);
}

#[test]
fn correspondences_outside_of_their_images_are_refused() {
    let matcher = matcher("dense");
    let images = [prepared(&matcher, [80, 40]), prepared(&matcher, [16, 16])];
    let [image1, image2] = images.each_ref().map(NamedView::of);
    let error = matcher.correspond_pairs(&[PreparedPair { image1, image2 }], &[[[80, 40], [16, 12]]]).unwrap_err();
    let expected = "its output is malformed: tensor `points`: correspondence [5.0, 32.5, 1.0, 13.0] is outside of its \
                    images of [[80, 40], [16, 12]] px";
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::INTERNAL, expected));
}

#[test]
fn a_matcher_asked_for_the_other_kind_is_an_error() {
    for (mode, missing) in [("dense", "matches"), ("keypoints", "points")] {
        let matcher = matcher(mode);
        let images = [prepared(&matcher, [80, 40]), prepared(&matcher, [16, 16])];
        let [image1, image2] = images.each_ref().map(NamedView::of);
        let pairs = [PreparedPair { image1, image2 }];
        let message = match missing {
            "matches" => matcher.match_pairs(&pairs, &[[0, 0]]).unwrap_err().message,
            _ => matcher.correspond_pairs(&pairs, &[[[80, 40], [16, 16]]]).unwrap_err().message,
        };
        assert!(message.contains(&format!("tensor `{missing}` is missing")), "{message}");
    }
    let matcher = matcher("dense");
    assert_eq!(matcher.correspond_pairs(&[], &[[[1, 1], [1, 1]]]).unwrap_err().code, ErrorCode::INVALID_INPUT);
}
