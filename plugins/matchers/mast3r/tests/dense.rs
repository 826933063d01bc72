//! Dense matching on the small network by formula: reciprocal by brute force, exact in the original's pixels, and window by
//! window the same as the windows alone.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use std::cell::Cell;

use common::{formula_weights, golden, tiny_architecture};
use scene3d_mast3r::prepared::{PreparedImage, prepare, read};
use scene3d_mast3r::preprocess::Crop;
use scene3d_mast3r::windows::{choose, covers, windows};
use scene3d_mast3r::{Mast3r, Mast3rConfig, Mode, Network, Wanted};
use scene3d_sdk::scene::Correspondences;
use scene3d_sdk::{ErrorCode, ImageFeatures, NamedView, Prepared, SdkError};
use scene3d_tensor::Tensor;
use scene3d_torch::{Precision, TorchContext};
use tch::{Device, Kind};

/// Seeds so far apart that a pair takes no time.
const DENSE: Mast3rConfig = Mast3rConfig {
    mode: Mode::Dense,
    min_similarity: 0.0,
    min_confidence: 0.0,
    subsample: 48,
    border: 3,
    max_correspondences: 0,
    coarse_to_fine: false,
    max_windows: 16,
    max_image_size: 0,
    precision: Precision::Fp32,
};
const FINE: Mast3rConfig = Mast3rConfig { coarse_to_fine: true, ..DENSE };

fn matcher(config: &Mast3rConfig, num_threads: usize) -> Mast3r {
    let architecture = tiny_architecture();
    let weights = formula_weights(&architecture);
    let context = TorchContext::on(Device::Cpu, num_threads, Precision::Fp32).unwrap();
    Mast3r::of(config, Network::new(architecture, &weights, context).unwrap())
}

/// A photo as the host gives it.
struct Photo {
    rgb: Vec<u8>,
    /// `[width, height]`
    size: [u32; 2],
}

impl Photo {
    /// A golden photo, enlarged to `size`.
    fn golden(name: &str, size: [u32; 2]) -> Self {
        let image = golden("images").get(name).to_kind(Kind::Float).permute([2, 0, 1]).unsqueeze(0);
        let enlarged = image.upsample_bilinear2d([size[1].into(), size[0].into()], false, None, None);
        let bytes = enlarged.squeeze_dim(0).permute([1, 2, 0]).round().to_kind(Kind::Uint8).contiguous();
        Self { rgb: Vec::try_from(bytes.flatten(0, -1)).unwrap(), size }
    }

    /// What a window shows.
    fn cut(&self, window: &Crop) -> Self {
        let [left, top, width, height] = [window.origin, window.size].as_flattened().try_into().unwrap();
        let bytes = |y: u32| 3 * (y * self.size[0] + left) as usize..3 * (y * self.size[0] + left + width) as usize;
        Self { rgb: (top..top + height).flat_map(|y| self.rgb[bytes(y)].to_vec()).collect(), size: window.size }
    }

    /// Of an original of another size; without a keypoint.
    fn prepared(&self, matcher: &Mast3r, config: &Mast3rConfig, image_size: [u32; 2]) -> Prepared {
        let empty = |shape: &[i64]| Tensor::from_vec(Vec::<f32>::new(), shape).unwrap();
        let (keypoints, scores, descriptors) = (empty(&[0, 2]), empty(&[0]), empty(&[0, 1]));
        let [keypoints, scores, descriptors] = [&keypoints, &scores, &descriptors].map(Tensor::view);
        let [width, height] = self.size.map(i64::from);
        let pixels = Tensor::from_vec(self.rgb.clone(), &[height, width, 3]).unwrap();
        let features = ImageFeatures { keypoints, scores, descriptors, image_size, pixels: Some(pixels.view()) };
        prepare(matcher.network(), config, &features).unwrap()
    }
}

fn photos(size: [u32; 2]) -> [Photo; 2] {
    ["img0", "img1"].map(|name| Photo::golden(name, size))
}

fn prepared(matcher: &Mast3r, config: &Mast3rConfig, photos: &[Photo; 2]) -> [Prepared; 2] {
    photos.each_ref().map(|photo| photo.prepared(matcher, config, photo.size))
}

fn pair<'a>(matcher: &Mast3r, images: &'a [Prepared; 2]) -> [PreparedImage<'a>; 2] {
    images.each_ref().map(|image| read(matcher.network(), &NamedView::of(image)).unwrap())
}

fn correspond(matcher: &Mast3r, images: &[Prepared; 2]) -> Correspondences {
    matcher.correspond_batch(&[pair(matcher, images)], &|| Ok(())).unwrap().remove(0)
}

fn run(config: &Mast3rConfig, photos: &[Photo; 2]) -> Correspondences {
    let matcher = matcher(config, 1);
    correspond(&matcher, &prepared(&matcher, config, photos))
}

/// Whole pixel indices of both crops, `x + width * y`; fails for positions that are no pixel's centre.
fn pixels(found: &Correspondences, crop: &Crop) -> Vec<[i64; 2]> {
    let pixel = |px: [f32; 2]| {
        let index = crop.from_photo(px).map(|at| (at.round(), at - at.round()));
        assert!(index.iter().all(|(_, off)| off.abs() < 1e-3), "{px:?} is at {index:?}");
        index[0].0 as i64 + i64::from(crop.size[0]) * index[1].0 as i64
    };
    found.points.iter().map(|&[x1, y1, x2, y2]| [pixel([x1, y1]), pixel([x2, y2])]).collect()
}

#[test]
fn correspondences_are_reciprocal_in_one_direction_or_the_other() {
    let matcher = matcher(&DENSE, 1);
    let images = prepared(&matcher, &DENSE, &photos([320, 240]));
    let [image1, image2] = pair(&matcher, &images);
    let found = correspond(&matcher, &images);
    assert!(found.len() > 20, "{}", found.len());
    let forth = matcher.network().decode(&image1.tokens, &image2.tokens, Wanted::Descriptors).unwrap();
    let back = matcher.network().decode(&image2.tokens, &image1.tokens, Wanted::Descriptors).unwrap();
    let directions = [[&forth[0], &forth[1]], [&back[1], &back[0]]];
    let flat = |map: &tch::Tensor| map.select(0, 0).flatten(0, 1);
    let best = |from: &tch::Tensor, pixel: i64, to: &tch::Tensor| flat(to).mv(&flat(from).get(pixel));
    let crop = Crop::new([320, 240], 512).unwrap();
    for ([one, two], score) in pixels(&found, &crop).into_iter().zip(&found.scores) {
        let is_reciprocal = |views: &[&scene3d_mast3r::ViewMaps; 2]| {
            let [map1, map2] = views.map(|view| &view.descriptors);
            // within rounding: the kernel adds in another order
            let is_best = |products: tch::Tensor, pixel| {
                products.double_value(&[pixel]) > products.max().double_value(&[]) - 1e-6
            };
            is_best(best(map1, one, map2), two) && is_best(best(map2, two, map1), one)
        };
        let confidence = |views: &[&scene3d_mast3r::ViewMaps; 2]| {
            let [a, b] = [(views[0], one), (views[1], two)]
                .map(|(view, pixel)| view.descriptor_confidence.flatten(0, -1).double_value(&[pixel]));
            (a * b).sqrt()
        };
        let is_scored = |views: &_| (confidence(views) / (1.0 + confidence(views)) - f64::from(*score)).abs() < 1e-5;
        assert!(directions.iter().any(|views| is_reciprocal(views) && is_scored(views)), "{one} {two} {score}");
        for (pixel, [width, height]) in [(one, [512, 384]), (two, [512, 384])] {
            let (x, y) = (pixel % width, pixel / width);
            assert!((3..width - 3).contains(&x) && (3..height - 3).contains(&y), "{x} {y}");
        }
    }
}

#[test]
fn positions_are_those_of_the_original_whatever_the_host_reduced_it_to() {
    let matcher = matcher(&DENSE, 1);
    let photos = photos([320, 240]);
    let of = |sizes: [[u32; 2]; 2]| {
        let images = [0, 1].map(|image| photos[image].prepared(&matcher, &DENSE, sizes[image]));
        correspond(&matcher, &images)
    };
    let (same, other) = (of([[320, 240]; 2]), of([[640, 480], [1280, 240]]));
    let scaled: Vec<_> = same.points.iter().map(|&[x1, y1, x2, y2]| [2.0 * x1, 2.0 * y1, 4.0 * x2, y2]).collect();
    assert_eq!((other.points, other.scores), (scaled, same.scores));
}

#[test]
fn threads_and_batches_do_not_change_a_byte() {
    let photos = photos([320, 240]);
    let expected = run(&FINE, &photos);
    let matcher = matcher(&FINE, 2);
    let images = prepared(&matcher, &FINE, &photos);
    let turned = [images[1].as_slice(), images[0].as_slice()];
    let both = [pair(&matcher, &images), turned.map(|image| read(matcher.network(), &named(image)).unwrap())];
    let found = matcher.correspond_batch(&both, &|| Ok(())).unwrap();
    assert_eq!(found[0], expected);
    let back: Vec<[f32; 4]> = found[1].points.iter().map(|&[x1, y1, x2, y2]| [x2, y2, x1, y1]).collect();
    assert!(back.len() == expected.len() && back.iter().all(|point| expected.points.contains(point)));
    assert!(matcher.correspond_batch(&[], &|| Ok(())).unwrap().is_empty());
}

fn named(image: &[(String, Tensor)]) -> NamedView<'_> {
    NamedView(image.iter().map(|(name, tensor)| (name.as_str(), tensor.view())).collect())
}

#[test]
fn thresholds_keep_the_confident() {
    let photos = photos([320, 240]);
    let all = run(&DENSE, &photos);
    let mut scores = all.scores.clone();
    scores.sort_by(|a, b| b.total_cmp(a));
    let best = run(&Mast3rConfig { max_correspondences: 7, ..DENSE }, &photos);
    let mut best_scores = best.scores.clone();
    best_scores.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(best_scores, scores[..7]);
    assert!(best.points.iter().all(|point| all.points.contains(point)));
    // the score of a confidence c is c / (1 + c)
    let middle = f32::midpoint(scores[scores.len() / 2 - 1], scores[scores.len() / 2]);
    let confident = run(&Mast3rConfig { min_confidence: middle / (1.0 - middle), ..DENSE }, &photos);
    assert!(confident.scores.iter().all(|score| *score >= middle));
    assert_eq!(confident.len(), scores.iter().filter(|score| **score >= middle).count());
}

/// Matching one pair of windows inside large photos is matching these windows as photos of their own.
#[test]
fn a_pair_of_windows_is_matched_as_two_photos_of_their_own() {
    let photos = [Photo::golden("img0", [1100, 800]), Photo::golden("img1", [900, 700])];
    let coarse = run(&DENSE, &photos);
    let grids = photos.each_ref().map(|photo| windows(&Crop::new(photo.size, 512).unwrap()));
    let &[chosen] = choose(&coarse.points, [&grids[0], &grids[1]], 1).as_slice() else { panic!("one pair") };
    let pair = [&grids[0][chosen[0]], &grids[1][chosen[1]]];
    let own = run(&DENSE, &[photos[0].cut(pair[0]), photos[1].cut(pair[1])]);
    let offset = [pair[0].origin, pair[1].origin].as_flattened().to_vec();
    let shift = |point: &[f32; 4]| [0, 1, 2, 3].map(|entry| point[entry] + offset[entry] as f32);
    let mut expected: Vec<([f32; 4], f32)> = own.points.iter().map(shift).zip(own.scores).collect();
    let is_unseen = |(point, _): &([f32; 4], f32)| !covers(pair, *point);
    let unseen: Vec<_> = coarse.points.into_iter().zip(coarse.scores).filter(is_unseen).collect();
    assert!(!expected.is_empty() && !unseen.is_empty());
    expected.extend(unseen);
    expected.sort_by(|a, b| a.0.map(f32::to_bits).cmp(&b.0.map(f32::to_bits)));
    let fine = run(&Mast3rConfig { max_windows: 1, ..FINE }, &photos);
    assert_eq!(fine.points.into_iter().zip(fine.scores).collect::<Vec<_>>(), expected);
}

#[test]
fn as_many_windows_are_matched_as_are_needed_and_no_more_than_allowed() {
    let photos = photos([760, 570]);
    let coarse = run(&DENSE, &photos);
    let grid = windows(&Crop::new([760, 570], 512).unwrap());
    for max_windows in [2, 256] {
        let config = Mast3rConfig { max_windows, ..FINE };
        let matcher = matcher(&config, 1);
        let images = prepared(&matcher, &config, &photos);
        let num_batches = Cell::new(0);
        let count = || {
            num_batches.set(num_batches.get() + 1);
            Ok(())
        };
        let found = matcher.correspond_batch(&[pair(&matcher, &images)], &count).unwrap().remove(0);
        // on CPU, a pair of windows is a batch
        let chosen = choose(&coarse.points, [&grid, &grid], max_windows as usize);
        assert_eq!(num_batches.get(), chosen.len());
        let is_shown = |point: [f32; 4]| chosen.iter().any(|&[a, b]| covers([&grid[a], &grid[b]], point));
        for point in &found.points {
            let is_pixel = point.iter().all(|px| px.fract() == 0.5);
            assert!(if is_shown(*point) { is_pixel } else { coarse.points.contains(point) }, "{point:?}");
        }
        assert!(found.points.is_sorted_by(|a, b| a.map(f32::to_bits) < b.map(f32::to_bits)));
    }
}

#[test]
fn a_cancelled_pair_ends_between_windows() {
    let matcher = matcher(&FINE, 1);
    let images = prepared(&matcher, &FINE, &photos([1100, 800]));
    let error = matcher.correspond_batch(&[pair(&matcher, &images)], &|| Err(SdkError::cancelled())).unwrap_err();
    assert_eq!(SdkError::from(error).code, ErrorCode::CANCELLED);
}

#[test]
fn photos_are_held_only_where_windows_of_them_will_be_matched() {
    let small = photos([512, 384]);
    let large = photos([1100, 800]);
    let keypoints = Mast3rConfig { mode: Mode::Keypoints, ..FINE };
    for (config, photos, is_held) in
        [(&FINE, &large, true), (&FINE, &small, false), (&DENSE, &large, false), (&keypoints, &large, false)]
    {
        let matcher = matcher(config, 1);
        let image = photos[0].prepared(&matcher, config, photos[0].size);
        assert_eq!(NamedView::of(&image).find("pixels").is_some(), is_held);
    }
    // one that is not larger than the network's image is its own window
    let mixed = [Photo::golden("img0", [1100, 800]), Photo::golden("img1", [320, 240])];
    let grid = windows(&Crop::new([1100, 800], 512).unwrap());
    let found = run(&FINE, &mixed);
    assert!(found.len() > 20 && grid.len() > 1);
    assert!(found.points.iter().all(|point| (0.0..320.0).contains(&point[2]) && (0.0..240.0).contains(&point[3])));
}
