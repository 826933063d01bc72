//! Kernels on the CPU against torch's operations, in every element type, and what they refuse.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

use scene3d_kernels::{Branches, Frame, Kernels, Suppression};
use tch::{Device, Kind, Tensor};

const CPU_F32: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Values in -1..1 of no pattern, the same in every run.
fn noise(shape: &[i64], seed: i64) -> Tensor {
    let number: i64 = shape.iter().product();
    let index = Tensor::arange(number, (Kind::Double, Device::Cpu)) + seed as f64 * 7919.0;
    let hashed = (index * 12.9898).sin() * 43758.5453;
    ((&hashed - hashed.floor()) * 2.0 - 1.0).to_kind(Kind::Float).reshape(shape)
}

/// How far a type's numbers lie apart below 1.
const KINDS: [(Kind, f64); 3] = [(Kind::Float, 1e-6), (Kind::BFloat16, 4e-3), (Kind::Half, 5e-4)];

fn check_close(what: &str, got: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(got.size(), expected.size(), "{what}");
    let difference = (got.to_kind(Kind::Float) - expected.to_kind(Kind::Float)).abs().max().double_value(&[]);
    assert!(difference <= tolerance, "{what}: {difference} > {tolerance}");
}

/// Convolution without offsets is convolution; with whole offsets, of a moved map.
#[test]
fn columns_of_whole_moves_are_those_of_a_moved_map() {
    let kernels = Kernels::twin();
    for (kind, tolerance) in KINDS {
        let map = noise(&[2, 5, 9, 13], 1).to_kind(kind);
        let weight = noise(&[4, 5, 3, 3], 2);
        let rows = weight.permute([2, 3, 1, 0]).reshape([45, 4]);
        for (dy, dx) in [(0, 0), (1, -2), (-3, 3)] {
            let offsets = Tensor::from_slice(&[f64::from(dy), f64::from(dx)]).repeat([9]);
            let offsets = offsets.expand([2, 9, 13, 18], true).contiguous().to_kind(kind);
            let columns = kernels.deform_columns(&map.permute([0, 2, 3, 1]).contiguous(), &offsets).unwrap();
            let got = columns.to_kind(Kind::Float).matmul(&rows).reshape([2, 9, 13, 4]).permute([0, 3, 1, 2]);
            let moved = map.to_kind(Kind::Float).constant_pad_nd([6, 6, 6, 6]);
            let moved = moved.narrow(2, i64::from(5 + dy), 11).narrow(3, i64::from(5 + dx), 15);
            let expected = moved.conv2d(&weight, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1);
            // the same numbers in another order of summing; no rounding of the samples, which are the map's
            check_close(&format!("{kind:?} {dy} {dx}"), &got, &expected, 1e-5_f64.max(tolerance * 1e-2));
        }
        // a quarter of the longer side is the bound: 13 / 4
        let far = kernels.deform_columns(&map.permute([0, 2, 3, 1]).contiguous(), &full([2, 9, 13, 18], 50.0, kind));
        let bound = kernels.deform_columns(&map.permute([0, 2, 3, 1]).contiguous(), &full([2, 9, 13, 18], 3.25, kind));
        assert_eq!(far.unwrap(), bound.unwrap());
    }
}

fn full(shape: [i64; 4], value: f64, kind: Kind) -> Tensor {
    Tensor::full(shape, value, (kind, Device::Cpu))
}

#[test]
fn the_score_head_is_its_convolutions() {
    let kernels = Kernels::twin();
    let frame = Frame { height: 61, width: 90, top: 2, left: 3 };
    // sums of some tens of terms stay near 1, where f32 has 1e-7
    let weights = |shape: [i64; 4], seed: i64| noise(&shape, seed) / ((shape[1] * 9) as f64).sqrt();
    let (w1, w2, w3) = (weights([4, 8, 3, 3], 3), weights([4, 4, 3, 3], 4), weights([1, 4, 3, 3], 5));
    let (b1, b2, b3) = (noise(&[4], 6), noise(&[4], 7), noise(&[1], 8));
    let flat: Vec<Tensor> = [&w1, &w2, &w3, &b1, &b2, &b3].map(|tensor| tensor.flatten(0, -1)).into();
    let parameters = Tensor::cat(&flat, 0);
    for (kind, _) in KINDS {
        let slices: Vec<Tensor> =
            [1, 2, 8, 32].map(|divisor| noise(&[1, 8, 64 / divisor, 96 / divisor], divisor).to_kind(kind)).into();
        let enlarge = |slice: &Tensor| slice.to_kind(Kind::Float).upsample_bilinear2d([64, 96], true, None, None);
        let sum = slices.iter().map(enlarge).reduce(|sum, slice| sum + slice).unwrap();
        let conv = |input: &Tensor, weight: &Tensor, bias: &Tensor| {
            input.conv2d(weight, Some(bias), [1, 1], [1, 1], [1, 1], 1)
        };
        let expected = conv(&conv(&conv(&sum.selu(), &w1, &b1).selu(), &w2, &b2).selu(), &w3, &b3).sigmoid();
        let expected = expected.narrow(2, 2, 61).narrow(3, 3, 90).squeeze();
        let last = |map: &Tensor| map.squeeze_dim(0).permute([1, 2, 0]).contiguous();
        let [s1, s2, s3, s4] = [0, 1, 2, 3].map(|index| last(&slices[index]));
        let got = kernels.score_head(&Branches([s1, s2, s3, s4]), &parameters, frame).unwrap();
        // both read the same rounded slices and go on in f32
        check_close(&format!("{kind:?}"), &got, &expected, 2e-6);
    }
}

/// Bilinear samples of the enlarged, normalised map at positions between pixels, outside and at the bound of the offsets.
#[test]
fn descriptors_are_sampled_from_the_map_that_is_never_made() {
    let kernels = Kernels::twin();
    let frame = Frame { height: 61, width: 90, top: 2, left: 3 };
    let normalized = Tensor::cat(&[noise(&[40, 2], 11), Tensor::from_slice2(&[[-1.0_f32, -1.0], [1.0, 1.0]])], 0);
    let offsets = noise(&[42, 10], 12) * 40.0;
    for (kind, _) in KINDS {
        let maps = [1, 2, 8, 32].map(|divisor| noise(&[1, 16, 64 / divisor, 96 / divisor], 20 + divisor).to_kind(kind));
        let enlarge = |map: &Tensor| map.to_kind(Kind::Float).upsample_bilinear2d([64, 96], true, None, None);
        let map = Tensor::cat(&maps.each_ref().map(enlarge), 1).narrow(2, 2, 61).narrow(3, 3, 90);
        let map = &map / map.norm_scalaropt_dim(2, [1], true);
        let branches = Branches(maps.each_ref().map(|map| map.squeeze_dim(0).permute([1, 2, 0]).contiguous()));
        let last = Tensor::from_slice(&[89.0_f32, 60.0]);
        let moves = Tensor::stack(&[offsets.narrow(1, 0, 5), offsets.narrow(1, 5, 5)], 2).clamp(-22.5, 22.5);
        let positions = ((&normalized / 2.0 + 0.5) * &last).unsqueeze(1) + moves;
        let grid = (positions * 2.0 / &last - 1.0).reshape([1, 1, -1, 2]);
        let expected = map.grid_sampler(&grid, 0, 0, true).reshape([64, 42, 5]).permute([1, 2, 0]);
        let got = kernels.sddh_samples(&branches, frame, &normalized, &offsets).unwrap();
        // torch goes to -1..1 and back: a position in px is off by some units in the last place of 90
        check_close(&format!("{kind:?}"), &got, &expected, 3e-5);
        let patches = kernels.sddh_patches(&branches, frame, &normalized).unwrap().reshape([42, 9, 64]);
        let first = map.narrow(2, 0, 3).narrow(3, 0, 3).reshape([64, 9]).transpose(0, 1);
        check_close("patch at the first pixel", &patches.get(40), &first, 1e-6);
        // at the last pixel the patch is shifted inwards, to size - 4
        let shifted = map.narrow(2, 57, 3).narrow(3, 86, 3).reshape([64, 9]).transpose(0, 1);
        check_close("patch at the last pixel", &patches.get(41), &shifted, 1e-6);
    }
}

#[test]
fn plateaus_and_equal_scores_come_in_raster_order_up_to_the_limit() {
    let kernels = Kernels::twin();
    let flat = Tensor::full([1, 70, 100], 0.5, CPU_F32);
    let suppression = Suppression { radius: 2, border: 2, threshold: 0.1, max_keypoints: 4000, raster: false };
    let positions = |suppression: Suppression| {
        let candidates = kernels.candidates(&flat, suppression).unwrap();
        let count = candidates.counts.int64_value(&[0]);
        let positions = kernels.keypoints(&candidates, 100).unwrap().positions.get(0).narrow(0, 0, count);
        Vec::<f32>::try_from(positions.flatten(0, -1)).unwrap()
    };
    let raster: Vec<f32> = (2..68).flat_map(|y| (2..98).flat_map(move |x| [x as f32, y as f32])).collect();
    // of 6336 pixels of one score the first 4000
    assert_eq!(positions(suppression), raster[..8000]);
    assert_eq!(positions(Suppression { max_keypoints: 1, ..suppression }), raster[..2]);
    assert!(positions(Suppression { threshold: 0.5, ..suppression }).is_empty());
}

#[test]
fn rows_come_to_unit_length_and_zero_rows_stay() {
    let rows = Tensor::cat(&[noise(&[5, 200], 30), Tensor::zeros([1, 200], CPU_F32)], 0);
    let expected = &rows / rows.norm_scalaropt_dim(2, [1], true).clamp_min(1e-12);
    Kernels::twin().unit_rows(&rows).unwrap();
    check_close("rows", &rows, &expected, 1e-6);
}

#[test]
fn what_does_not_fit_is_refused() {
    let kernels = Kernels::twin();
    let refused = |result: scene3d_torch::Result<Tensor>, reason: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    let map = noise(&[1, 4, 4, 8], 40);
    refused(kernels.deform_columns(&map, &noise(&[1, 4, 4, 17], 41)), "offsets are");
    refused(
        kernels.deform_columns(&map.to_kind(Kind::Double), &noise(&[1, 4, 4, 18], 41).to_kind(Kind::Double)),
        "Double",
    );
    refused(kernels.deform_columns(&map.transpose(1, 2), &noise(&[1, 4, 4, 18], 41)), "expected contiguous tensors");
    refused(kernels.cell_scores(&map), "expected [B, h, w, 65]");
    let frame = Frame { height: 30, width: 30, top: 1, left: 1 };
    let branches = |sides: [i64; 4]| Branches(sides.map(|side| noise(&[side, side, 8], 42)));
    let parameters = noise(&[477], 43);
    refused(kernels.score_head(&branches([32, 16, 4, 2]), &parameters, frame), "branches have shapes");
    refused(kernels.score_head(&branches([32, 16, 4, 1]), &parameters.narrow(0, 0, 476), frame), "477 parameters");
    let outside = Frame { left: 3, ..frame };
    refused(kernels.score_head(&branches([32, 16, 4, 1]), &parameters, outside), "branches have shapes");
    assert!(Kernels::on(Device::Cpu).unwrap().is_none());
}
