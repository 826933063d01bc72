//! Reciprocal nearest neighbours against the reference's pixels, exactly, by all searches; and against brute force.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::golden;
use scene3d_kernels::Kernels;
use scene3d_mast3r::pixel_pairs::{Decoding, PixelPairs, pixel_pairs, symmetric_pixel_pairs};
use scene3d_mast3r::reciprocal::{
    Cached, CpuSearch, DeviceSearch, Search, TorchSearch, View, WalkRule, reciprocal_pairs,
};
use scene3d_torch::testing::Golden;
use tch::{Kind, Tensor};

/// Descriptors `[H, W, 24] f32` of both views.
fn maps(golden: &Golden) -> [Tensor; 2] {
    ["desc1", "desc2"].map(|name| golden.get(name).to_kind(Kind::Float))
}

fn searches(maps: &[Tensor; 2]) -> (CpuSearch, Cached<CpuSearch>, TorchSearch) {
    let both = [&maps[0], &maps[1]];
    let cpu = || CpuSearch::new(both, 2).unwrap();
    (cpu(), Cached::new(cpu()), TorchSearch::new(both).unwrap())
}

/// Pairs of `(x, y)` as pairs of pixels.
fn golden_pairs(golden: &Golden, prefix: &str) -> Vec<[u32; 2]> {
    let pixels = |view: usize, width: i64| {
        let xy = golden.get(&format!("{prefix}_xy{view}")).to_kind(Kind::Int64);
        Vec::<i64>::try_from(xy.select(1, 0) + xy.select(1, 1) * width).unwrap()
    };
    pixels(1, 48).into_iter().zip(pixels(2, 56)).map(|(a, b)| [a as u32, b as u32]).collect()
}

fn confidences(golden: &Golden) -> [Vec<f32>; 2] {
    ["conf1", "conf2"].map(|name| Vec::try_from(golden.get(name).flatten(0, -1)).unwrap())
}

fn rule(subsample: u32, pixel_tolerance: f32) -> WalkRule {
    WalkRule { subsample, pixel_tolerance }
}

#[test]
fn pairs_are_exactly_the_references() {
    let golden = golden("mast3r_fast_nn");
    let maps = maps(&golden);
    let (mut cpu, mut cached, mut torch) = searches(&maps);
    let kernels = Kernels::twin();
    let mut device = DeviceSearch::new(&kernels, [&maps[0], &maps[1]]).unwrap();
    for (prefix, rule) in [("s8", rule(8, 0.0)), ("s4", rule(4, 0.0)), ("s1", rule(1, 0.0)), ("s8_tol5", rule(8, 5.0))]
    {
        let expected = golden_pairs(&golden, prefix);
        assert!(!expected.is_empty());
        assert_eq!(reciprocal_pairs(&mut cpu, View::First, rule).unwrap(), expected, "{prefix}");
        assert_eq!(reciprocal_pairs(&mut cached, View::First, rule).unwrap(), expected, "{prefix} cached");
        assert_eq!(reciprocal_pairs(&mut torch, View::First, rule).unwrap(), expected, "{prefix} torch");
        assert_eq!(reciprocal_pairs(&mut device, View::First, rule).unwrap(), expected, "{prefix} kernels");
        let of_second = reciprocal_pairs(&mut cpu, View::Second, rule).unwrap();
        assert_eq!(reciprocal_pairs(&mut device, View::Second, rule).unwrap(), of_second, "{prefix} kernels, back");
    }
}

#[test]
fn pixel_pairs_are_exactly_the_references() {
    let golden = golden("mast3r_fast_nn");
    let (_, mut search, _) = searches(&maps(&golden));
    let [confidences1, confidences2] = confidences(&golden);
    let decoding = Decoding { search: &mut search, confidences: [&confidences1, &confidences2] };
    let got = pixel_pairs(decoding, rule(8, 0.0)).unwrap();
    let expected = Vec::<f32>::try_from(golden.get("corres_conf")).unwrap();
    assert_eq!(got, PixelPairs { pixels: golden_pairs(&golden, "corres"), confidences: expected });
}

#[test]
fn symmetric_pixel_pairs_join_both_decodings() {
    let golden = golden("mast3r_fast_nn");
    let maps = maps(&golden);
    let (_, mut forth, _) = searches(&maps);
    // the other decoding: the same images, descriptors a little off
    let other = [0, 1].map(|view| &maps[view] + (&maps[view] * 37.0).sin() * 0.05);
    let (_, mut back, _) = searches(&other);
    let [confidences1, confidences2] = confidences(&golden);
    let doubled: Vec<f32> = confidences1.iter().map(|confidence| 2.0 * confidence).collect();
    let found = |search: &mut Cached<CpuSearch>, confidences: [&[f32]; 2]| {
        pixel_pairs(Decoding { search, confidences }, rule(4, 0.0)).unwrap().pixels
    };
    let only_forth = found(&mut forth, [&confidences1, &confidences2]);
    let only_back = found(&mut back, [&doubled, &confidences2]);
    let decodings = [
        Decoding { search: &mut forth, confidences: [&confidences1, &confidences2] },
        Decoding { search: &mut back, confidences: [&doubled, &confidences2] },
    ];
    let both = symmetric_pixel_pairs(decodings, rule(4, 0.0)).unwrap();
    let mut expected = [only_forth.clone(), only_back.clone()].concat();
    expected.sort_unstable();
    expected.dedup();
    assert!(only_forth != only_back && expected.len() < only_forth.len() + only_back.len());
    assert_eq!(both.pixels, expected);
    for ([a, b], confidence) in both.pixels.iter().zip(&both.confidences) {
        let first = if only_forth.contains(&[*a, *b]) { &confidences1 } else { &doubled };
        assert_eq!(*confidence, (first[*a as usize] * confidences2[*b as usize]).sqrt());
    }
}

/// Every pixel's nearest, of sizes that fill no panel or strip, by all searches and thread counts.
#[test]
fn nearest_pixels_are_those_of_brute_force() {
    let golden = golden("mast3r_fast_nn");
    let [map1, map2] = maps(&golden);
    for (size1, size2) in [([1, 1], [1, 1]), ([1, 5], [7, 7]), ([9, 11], [1, 49]), ([40, 48], [44, 56])] {
        let crop = |map: &Tensor, size: [i64; 2]| map.narrow(0, 0, size[0]).narrow(1, 0, size[1]).contiguous();
        let (map1, map2) = (crop(&map1, size1), crop(&map2, size2));
        let queries: Vec<u32> = (0..(size1[0] * size1[1]) as u32).collect();
        let expected = brute_force(&map1, &map2);
        let mut torch = TorchSearch::new([&map1, &map2]).unwrap();
        assert_eq!(torch.nearest(View::First, &queries).unwrap(), expected);
        assert_eq!(torch.nearest(View::First, &[]).unwrap(), [0_u32; 0]);
        // every pixel again below: of equal products the lower pixel wins
        let twice = Tensor::cat(&[&map2, &map2], 0);
        for num_threads in [1, 3] {
            let mut cpu = CpuSearch::new([&map1, &twice], num_threads).unwrap();
            assert_eq!(cpu.nearest(View::First, &queries).unwrap(), expected);
            assert_eq!(cpu.nearest(View::First, &[]).unwrap(), [0_u32; 0]);
        }
        let kernels = Kernels::twin();
        let mut device = DeviceSearch::new(&kernels, [&map1, &twice]).unwrap();
        assert_eq!(device.nearest(View::First, &queries).unwrap(), expected);
        assert_eq!(device.nearest(View::First, &[]).unwrap(), [0_u32; 0]);
    }
}

/// For each pixel of the first map, the pixel of the second with the largest product, the first of equals.
fn brute_force(map1: &Tensor, map2: &Tensor) -> Vec<u32> {
    let [values1, values2] = [map1, map2].map(|map| Vec::<f32>::try_from(map.flatten(0, -1)).unwrap());
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).fold(0.0_f32, |sum, (a, b)| a.mul_add(*b, sum));
    let nearest = |query: &[f32]| {
        let products = values2.chunks_exact(24).map(|other| product(query, other)).enumerate();
        let better = |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
        products.fold((0, f32::NEG_INFINITY), better).0 as u32
    };
    values1.chunks_exact(24).map(nearest).collect()
}

#[test]
fn maps_that_do_not_belong_together_are_refused() {
    let golden = golden("mast3r_fast_nn");
    let [map1, map2] = maps(&golden);
    let error = CpuSearch::new([&map1, &map2.narrow(2, 0, 23)], 1).unwrap_err().to_string();
    assert!(error.contains("expected [H, W, D] with one D"), "{error}");
    assert!(TorchSearch::new([&map1.narrow(0, 0, 0), &map2]).is_err());
    let wide = map1.repeat([1, 1, 2]);
    let error = DeviceSearch::new(&Kernels::twin(), [&wide, &wide]).unwrap_err().to_string();
    assert!(error.contains("up to 32 channels"), "{error}");
}
