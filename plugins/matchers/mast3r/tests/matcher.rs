//! The matcher as the host runs it, on the small network by formula: against a search of all, in batches, on any threads.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::{formula_weights, golden, tiny_architecture};
use scene3d_mast3r::prepared::{PreparedImage, prepare, read};
use scene3d_mast3r::{Mast3r, Mast3rConfig, Network, Wanted};
use scene3d_sdk::scene::Matches;
use scene3d_sdk::{ImageFeatures, NamedView};
use scene3d_tensor::Tensor;
use scene3d_torch::{Precision, TorchContext};
use tch::Device;

/// The goldens' photos are 320 x 240 px, which the network sees at 512 x 384: 1.6 px a pixel.
const PHOTO_SIZE: [u32; 2] = [320, 240];
const SCALE: f32 = 1.6;
const WIDTH: usize = 512;

fn matcher(num_threads: usize) -> Mast3r {
    let architecture = tiny_architecture();
    let weights = formula_weights(&architecture);
    let context = TorchContext::on(Device::Cpu, num_threads, Precision::Fp32).unwrap();
    let config = Mast3rConfig { min_similarity: -1.0, ..Mast3rConfig::default() };
    Mast3r::of(&config, Network::new(architecture, &weights, context).unwrap())
}

/// A golden photo, upright or lying on its side.
fn photo(name: &str, is_turned: bool) -> Tensor {
    let image = golden("images").get(name).shallow_clone();
    let image = if is_turned { image.transpose(0, 1).contiguous() } else { image };
    let bytes: Vec<u8> = Vec::try_from(image.flatten(0, -1)).unwrap();
    let [width, height] = if is_turned { [PHOTO_SIZE[1], PHOTO_SIZE[0]] } else { PHOTO_SIZE };
    Tensor::from_vec(bytes, &[i64::from(height), i64::from(width), 3]).unwrap()
}

/// Whole pixels of the network's image on a grid, as positions in the photo.
fn keypoints() -> Vec<[f32; 2]> {
    let pixels = (8..380).step_by(31).flat_map(|y| (8..380).step_by(29).map(move |x| [x as f32, y as f32]));
    pixels.map(|pixel| pixel.map(|index| (index + 0.5) / SCALE)).collect()
}

fn prepared(
    matcher: &Mast3r,
    pixels: Option<&Tensor>,
    keypoints: &[[f32; 2]],
) -> scene3d_mast3r::Result<PreparedImage<'static>> {
    let num = keypoints.len() as i64;
    let positions = Tensor::from_vec(keypoints.as_flattened().to_vec(), &[num, 2]).unwrap();
    let scores = Tensor::from_vec(vec![1.0_f32; keypoints.len()], &[num]).unwrap();
    let descriptors = Tensor::from_vec(vec![1.0_f32; keypoints.len()], &[num, 1]).unwrap();
    let size = pixels.map_or(PHOTO_SIZE, |pixels| [pixels.view().shape()[1] as u32, pixels.view().shape()[0] as u32]);
    let features = ImageFeatures {
        keypoints: positions.view(),
        scores: scores.view(),
        descriptors: descriptors.view(),
        image_size: size,
        pixels: pixels.map(Tensor::view),
    };
    // of an image that is read, the photo is borrowed
    let named: &'static _ = Box::leak(Box::new(prepare(matcher.network(), &Mast3rConfig::default(), &features)?));
    read(matcher.network(), &NamedView::of(named))
}

fn pair(matcher: &Mast3r, names: [&str; 2]) -> [PreparedImage<'static>; 2] {
    names.map(|name| prepared(matcher, Some(&photo(name, false)), &keypoints()).unwrap())
}

/// Both directions' descriptors of each keypoint, one behind the other.
fn descriptors(maps: [&tch::Tensor; 2], image: &PreparedImage<'_>) -> Vec<Vec<f32>> {
    let maps = maps.map(|map| Vec::<f32>::try_from(map.flatten(0, -1)).unwrap());
    let keypoints: Vec<f32> = Vec::try_from(image.keypoints.flatten(0, -1)).unwrap();
    let at = |xy: &[f32]| {
        let first = 24 * (xy[1].round() as usize * WIDTH + xy[0].round() as usize);
        maps.iter().flat_map(|map| map[first..first + 24].to_vec()).collect()
    };
    keypoints.chunks(2).map(at).collect()
}

#[test]
fn matches_are_those_of_a_search_of_all() {
    let matcher = matcher(1);
    let [image1, image2] = pair(&matcher, ["img0", "img1"]);
    let forth = matcher.network().decode(&image1.tokens, &image2.tokens, Wanted::Descriptors).unwrap();
    let back = matcher.network().decode(&image2.tokens, &image1.tokens, Wanted::Descriptors).unwrap();
    let of1 = descriptors([&forth[0].descriptors, &back[1].descriptors], &image1);
    let of2 = descriptors([&forth[1].descriptors, &back[0].descriptors], &image2);
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / 2.0;
    let best = |row: &[f32], others: &[Vec<f32>]| {
        let cosines: Vec<f32> = others.iter().map(|other| cosine(row, other)).collect();
        (0..others.len()).max_by(|&a, &b| cosines[a].total_cmp(&cosines[b])).unwrap()
    };
    let mutual = |i: &usize| best(&of2[best(&of1[*i], &of2)], &of1) == *i;
    let expected: Vec<[u32; 2]> =
        (0..of1.len()).filter(mutual).map(|i| [i as u32, best(&of1[i], &of2) as u32]).collect();
    let matches = matcher.match_batch(&[[image1, image2]]).unwrap().remove(0);
    assert_eq!(matches.indices, expected);
    assert!(expected.len() > 20, "{}", expected.len());
    for ([i, j], score) in matches.indices.iter().zip(&matches.scores) {
        let cosine = cosine(&of1[*i as usize], &of2[*j as usize]);
        assert!((score - f32::midpoint(1.0, cosine)).abs() < 1e-5, "{score} {cosine}");
    }
}

#[test]
fn a_pair_and_the_same_pair_the_other_way_round_have_the_same_matches() {
    let matcher = matcher(1);
    let forth = matcher.match_batch(&[pair(&matcher, ["img0", "img1"])]).unwrap().remove(0);
    let back = matcher.match_batch(&[pair(&matcher, ["img1", "img0"])]).unwrap().remove(0);
    let mut turned: Vec<[u32; 2]> = back.indices.iter().map(|[j, i]| [*i, *j]).collect();
    turned.sort_unstable();
    assert_eq!(forth.indices, turned);
}

#[test]
fn one_and_two_threads_give_the_same_bytes() {
    let matches = [1, 2].map(|num_threads| {
        let matcher = matcher(num_threads);
        matcher.match_batch(&[pair(&matcher, ["img0", "img1"])]).unwrap()
    });
    assert_eq!(matches[0], matches[1]);
}

#[test]
fn a_mixed_batch_gives_each_pair_its_matches() {
    let matcher = matcher(1);
    let turned = || prepared(&matcher, Some(&photo("img1", true)), &keypoints()).unwrap();
    let upright = || pair(&matcher, ["img0", "img1"]);
    let [first, _] = upright();
    let batched = matcher.match_batch(&[upright(), [first, turned()]]).unwrap();
    let alone: Vec<Matches> = [upright(), [upright().into_iter().next().unwrap(), turned()]]
        .into_iter()
        .map(|pair| matcher.match_batch(&[pair]).unwrap().remove(0))
        .collect();
    assert_eq!(batched, alone);
    assert!(!batched[1].is_empty());
}

#[test]
fn keypoints_outside_the_crop_stay_unmatched() {
    let matcher = matcher(1);
    // a square is cropped to 4:3: an eighth above and below is not seen
    let square = Tensor::from_vec(vec![128_u8; 3 * 200 * 200], &[200, 200, 3]).unwrap();
    let image = prepared(&matcher, Some(&square), &[[100.0, 10.0], [100.0, 100.0], [100.0, 190.0], [50.0, 60.0]]);
    assert_eq!(image.unwrap().indices, [1, 3]);
    let none = || prepared(&matcher, Some(&square), &[[100.0, 10.0]]).unwrap();
    assert!(matcher.match_batch(&[[none(), none()]]).unwrap()[0].is_empty());
    assert!(matcher.match_batch(&[]).unwrap().is_empty());
}

#[test]
fn images_that_can_not_be_matched_are_refused_with_the_reason() {
    let matcher = matcher(1);
    let message = |pixels: Option<&Tensor>| prepared(&matcher, pixels, &keypoints()).unwrap_err().to_string();
    assert_eq!(message(None), "MASt3R looks at photos, but was given no pixels");
    let narrow = Tensor::from_vec(vec![0_u8; 3 * 1000 * 20], &[20, 1000, 3]).unwrap();
    assert!(message(Some(&narrow)).contains("too narrow"), "{}", message(Some(&narrow)));
}
