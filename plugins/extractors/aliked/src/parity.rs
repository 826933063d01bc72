//! Both implementations against goldens of the reference, and the stage's promises.

use std::path::Path;

use scene3d_torch::testing::{Golden, Tolerance, find_weights, num_launches};
use scene3d_torch::{Precision, TorchContext, Weights};
use tch::{Device, Kind, Tensor};

use scene3d_kernels::{Kernels, num_twin_launches};

use crate::cpu::map::Map;
use crate::cpu::{CpuNetwork, Workspace};
use crate::fused::{Fused, FusedMaps};
use crate::image::{Padding, RgbImage};
use crate::keypoints::{ScoreMap, Selection};
use crate::parameters::Conv;
use crate::torch_network::{TorchNetwork, describe, dispersity, pad, refine, sample_offsets, select};
use crate::{Model, Parameters, StepTimes};

const SELECTION: Selection = Selection { max_keypoints: 256, threshold: None, radius: 2 };
const HEIGHT: usize = 240;
const WIDTH: usize = 320;

/// Keypoints whose golden offsets are stored.
const NUM_OFFSETS: i64 = 64;

fn golden(file: &str) -> Golden {
    Golden::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(file))
}

fn image0() -> Tensor {
    golden("images.safetensors").get("img0").shallow_clone()
}

fn bytes(image: &Tensor) -> Vec<u8> {
    Vec::try_from(image.flatten(0, -1)).unwrap()
}

fn weights(model: Model) -> Option<Weights> {
    find_weights(&format!("aliked-{}.pth", model.name()))
}

/// How far a score may lie from its golden.
const SCORE_TOLERANCE: f64 = 1e-4;
/// Keypoints may come in another order than the golden's only where their scores are nearer than this.
const ORDER_TOLERANCE: f32 = 1e-5;
/// Scores that are off by at most t move the dispersity by at most t / temperature times the deviation, under the softmax,
/// of the squared distances: it is the softmax's mean of them, and minimal at the refined position. They lie in 0 to 2
/// squared radii where the maximum is the mean, too, so their deviation is at most 1.
const DISPERSITY_TOLERANCE: f64 = SCORE_TOLERANCE / 0.1;

/// What an implementation found, in the goldens' layouts.
struct Run {
    /// `[c, h, w]`
    blocks: [Tensor; 4],
    /// `[18, h, w]`, of either deformable convolution of block 3
    block3_offsets: Tensor,
    /// `[h, w]`
    scores: Tensor,
    /// `[dim, h, w]`, every 16-th or 32-nd pixel
    features: Tensor,
    /// `[N] i64`, `y * w + x` of each keypoint's maximum
    pixels: Tensor,
    normalized: Tensor,
    keypoint_scores: Tensor,
    dispersity: Tensor,
    /// `[64, num_samples, 2]`
    offsets: Tensor,
    descriptors: Tensor,
}

#[test]
fn cpu_kernels_agree_with_the_reference() {
    for model in [Model::T16, Model::N16rot, Model::N32] {
        if let Some(weights) = weights(model) {
            check(model, |golden, step| run_cpu(&weights, model, golden, step));
        }
    }
}

#[test]
fn torch_operations_agree_with_the_reference() {
    for model in [Model::T16, Model::N16rot, Model::N32] {
        if let Some(weights) = weights(model) {
            check(model, |golden, step| run_torch(&weights, model, golden, step));
        }
    }
}

#[test]
fn fused_kernels_agree_with_the_reference() {
    for model in [Model::T16, Model::N16rot, Model::N32] {
        if let Some(weights) = weights(model) {
            check(model, |golden, step| run_fused(&weights, model, golden, step));
        }
    }
}

/// Tolerances: goldens README, about 10 times the reference's own fp32-vs-fp64 difference.
fn check(model: Model, run: impl Fn(&Golden, usize) -> Run) {
    let golden = golden(&format!("aliked_{}.safetensors", model.name()));
    let (features, score_map, step) = if golden.contains("score_map") {
        ("feature_map_s16", "score_map", 16)
    } else {
        ("feature_map_s32", "score_map_s4", 32)
    };
    let run = run(&golden, step);
    for (block, name) in run.blocks.iter().zip(["block1_s16", "block2_s8", "block3_s4", "block4"]) {
        let step = name.split_once("_s").map_or(1, |(_, step)| step.parse().unwrap());
        golden.assert_close(name, &every(block, step), Tolerance::Relative(1e-5));
    }
    golden.assert_close("block3_offsets_s4", &every(&run.block3_offsets, 4), Tolerance::Relative(1e-5));
    golden.assert_close(features, &run.features, Tolerance::Absolute(2e-5));
    let step = if score_map == "score_map" { 1 } else { 4 };
    golden.assert_close(score_map, &every(&run.scores, step), Tolerance::Absolute(SCORE_TOLERANCE));
    golden.assert_close("sddh_offsets", &run.offsets, Tolerance::Absolute(5e-4));
    check_keypoints(&golden, &run);
}

fn check_keypoints(golden: &Golden, run: &Run) {
    let px = run.normalized.shallow_clone() / 2.0 + 0.5;
    let px = px * Tensor::from_slice(&[WIDTH as f32 - 1.0, HEIGHT as f32 - 1.0]);
    assert_eq!(px.size(), golden.get("keypoints").size());
    let places = Tensor::from_slice(&places_of_goldens(golden, run));
    let sorted = |tensor: &Tensor| tensor.index_select(0, &places);
    golden.assert_close("keypoints", &sorted(&px), Tolerance::Absolute(5e-4));
    golden.assert_close("keypoints_norm", &sorted(&run.normalized), Tolerance::Absolute(5e-4 * 2.0 / HEIGHT as f64));
    golden.assert_close("scores", &sorted(&run.keypoint_scores), Tolerance::Absolute(SCORE_TOLERANCE));
    golden.assert_close("dispersity", &sorted(&run.dispersity), Tolerance::Absolute(DISPERSITY_TOLERANCE));
    let cosine =
        (sorted(&run.descriptors) * golden.get("descriptors")).sum_dim_intlist([1].as_slice(), false, Kind::Float);
    let worst = cosine.min().double_value(&[]);
    assert!(worst > 0.99999, "descriptor cosine {worst}");
}

/// Where the keypoint of each golden's pixel stands among ours: all are there, in the same order but for nearly equal
/// scores.
fn places_of_goldens(golden: &Golden, run: &Run) -> Vec<i64> {
    let pixels = Vec::<i64>::try_from(&run.pixels).unwrap();
    let scores = Vec::<f32>::try_from(run.scores.flatten(0, -1).take(&run.pixels)).unwrap();
    let expected = Vec::<i64>::try_from(golden.get("nms_index").to_kind(Kind::Int64)).unwrap();
    assert_eq!(pixels.len(), expected.len());
    let place = |pixel: &i64| pixels.iter().position(|ours| ours == pixel);
    let places: Vec<usize> =
        expected.iter().map(|pixel| place(pixel).unwrap_or_else(|| panic!("no keypoint at pixel {pixel}"))).collect();
    for (rank, &earlier) in places.iter().enumerate() {
        for &later in places[rank + 1..].iter().filter(|&&later| later < earlier) {
            let gap = (scores[earlier] - scores[later]).abs();
            assert!(gap < ORDER_TOLERANCE, "keypoints {later} and {earlier} are swapped, their scores differ by {gap}");
        }
    }
    let num_moved = places.iter().enumerate().filter(|(rank, place)| rank != *place).count();
    eprintln!("nms_index: {} keypoints, {num_moved} at another place", places.len());
    places.into_iter().map(|place| place as i64).collect()
}

fn every(map: &Tensor, step: i64) -> Tensor {
    let last = map.dim() as i64 - 1;
    map.slice(last - 1, 0, None::<i64>, step).slice(last, 0, None::<i64>, step).contiguous()
}

fn run_cpu(weights: &Weights, model: Model, golden: &Golden, step: usize) -> Run {
    let parameters = Parameters::read(weights, model.sizes()).unwrap();
    let [c1, c2, c3, c4] = model.sizes().channels;
    let num_samples = model.sizes().num_samples;
    let network = CpuNetwork::new(&parameters).unwrap();
    let mut workspace = Workspace::default();
    let pixels = bytes(&image0());
    let image = RgbImage { pixels: &pixels, height: HEIGHT, width: WIDTH };
    let (found, descriptors) = network.run(image, SELECTION, &mut workspace, &mut StepTimes::default());
    let Workspace { blocks, aggregated, scores, describe, .. } = &mut workspace;
    let block3_offsets = network.encoder.block3_offsets(pulp::Arch::new(), blocks);
    let field = network.field(blocks, aggregated, [HEIGHT, WIDTH]);
    let sampled: Vec<[usize; 2]> =
        (0..HEIGHT).step_by(step).flat_map(|y| (0..WIDTH).step_by(step).map(move |x| [y, x])).collect();
    let dim = model.sizes().dim;
    let mut features = vec![0.0; sampled.len() * dim as usize];
    field.evaluate(pulp::Arch::new(), &sampled, (&mut Vec::new(), &mut Vec::new()), &mut features);
    let positions: Vec<f32> = Vec::try_from(golden_positions(golden).flatten(0, -1)).unwrap();
    let positions: Vec<[f32; 2]> = positions.chunks(2).map(|at| [at[0], at[1]]).collect();
    network.describer.offsets(pulp::Arch::new(), &field, &positions, describe);
    let offsets = Tensor::from_slice(&describe.offsets).reshape([NUM_OFFSETS, -1]).narrow(1, 0, 2 * num_samples);
    let map = ScoreMap { scores, height: HEIGHT, width: WIDTH };
    let dispersity: Vec<f32> = found.pixels.iter().map(|&pixel| SELECTION.dispersity(map, pixel)).collect();
    let pixels: Vec<i64> = found.pixels.iter().map(|&pixel| pixel as i64).collect();
    let shape = [HEIGHT as i64, WIDTH as i64];
    let [x1, x2, x3, x4] = &blocks.outputs;
    Run {
        blocks: [planes(x1, c1), planes(x2, c2), planes(x3, c3), planes(x4, c4)],
        block3_offsets: planes(&block3_offsets, 18),
        scores: Tensor::from_slice(scores).reshape(shape),
        features: Tensor::from_slice(&features)
            .reshape([HEIGHT.div_ceil(step) as i64, WIDTH.div_ceil(step) as i64, dim])
            .permute([2, 0, 1]),
        pixels: Tensor::from_slice(&pixels),
        dispersity: Tensor::from_slice(&dispersity),
        normalized: Tensor::from_slice(found.normalized.as_flattened()).reshape([-1, 2]),
        keypoint_scores: Tensor::from_slice(&found.scores),
        offsets: offsets.reshape([NUM_OFFSETS, 2, num_samples]).transpose(1, 2),
        descriptors: Tensor::from_slice(&descriptors).reshape([-1, dim]),
    }
}

/// `[channels, h, w]` without margins and padding channels.
fn planes(map: &Map, channels: i64) -> Tensor {
    let values: Vec<f32> = (0..map.height).flat_map(|y| map.inner(y).to_vec()).collect();
    let shape = [map.height as i64, map.width as i64, map.channels as i64];
    Tensor::from_slice(&values).reshape(shape).narrow(2, 0, channels).permute([2, 0, 1])
}

/// Un-truncated positions of the first golden keypoints, px.
fn golden_positions(golden: &Golden) -> Tensor {
    let last = Tensor::from_slice(&[WIDTH as f32 - 1.0, HEIGHT as f32 - 1.0]);
    (golden.get("keypoints_norm").narrow(0, 0, NUM_OFFSETS) / 2.0 + 0.5) * last
}

fn run_torch(weights: &Weights, model: Model, golden: &Golden, step: usize) -> Run {
    tch::no_grad(|| {
        let parameters = Parameters::read(weights, model.sizes()).unwrap();
        let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
        let network = TorchNetwork::new(parameters, context).unwrap();
        let padding = Padding::of(HEIGHT, WIDTH);
        let blocks = network.encode(&pad(&network.image(&image0()).unwrap(), padding)).unwrap();
        let maps = network.aggregate(&blocks, padding, [HEIGHT as i64, WIDTH as i64]);
        let pixels = select(&maps.scores, SELECTION);
        let found = refine(&maps.scores, &pixels, SELECTION.radius as i64);
        let head = &network.parameters().descriptor_head;
        Run {
            block3_offsets: block3_offsets(network.parameters(), &blocks[1]),
            features: every(&maps.features.squeeze_dim(0), step as i64),
            scores: maps.scores.squeeze(),
            offsets: sample_offsets(head, &maps.features, &golden_positions(golden)),
            descriptors: describe(head, &maps.features, &found.normalized),
            dispersity: dispersity(&maps.scores, &pixels, SELECTION.radius as i64),
            pixels,
            normalized: found.normalized,
            keypoint_scores: found.scores,
            blocks: blocks.map(|block| block.squeeze_dim(0)),
        }
    })
}

/// The twins of the kernels.
fn run_fused(weights: &Weights, model: Model, golden: &Golden, step: usize) -> Run {
    tch::no_grad(|| {
        let parameters = Parameters::read(weights, model.sizes()).unwrap();
        let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
        let network = TorchNetwork::with_kernels(parameters, context, Some(Kernels::twin())).unwrap();
        let fused = network.fused().unwrap();
        let padding = Padding::of(HEIGHT, WIDTH);
        let blocks = network.encode(&pad(&network.image(&image0()).unwrap(), padding)).unwrap();
        let maps = fused.aggregate(&blocks, padding, [HEIGHT as i64, WIDTH as i64]).unwrap();
        let pixels = fused.pixels(&maps.scores, SELECTION).unwrap();
        let found = fused.detect(&maps.scores, SELECTION).unwrap();
        let score_map = maps.scores.unsqueeze(0).unsqueeze(0);
        Run {
            block3_offsets: block3_offsets(network.parameters(), &blocks[1]),
            features: fused_features(fused, &maps, step as i64),
            offsets: fused.bounded_offsets(&maps, &golden.get("keypoints_norm").narrow(0, 0, NUM_OFFSETS)).unwrap(),
            descriptors: fused.describe(&maps, &found.normalized).unwrap(),
            dispersity: dispersity(&score_map, &pixels, SELECTION.radius as i64),
            scores: maps.scores,
            pixels,
            normalized: found.normalized,
            keypoint_scores: found.scores,
            blocks: blocks.map(|block| block.squeeze_dim(0)),
        }
    })
}

/// The numbers of docs/launches.md.
#[test]
fn an_image_takes_few_launches() {
    let Some(weights) = weights(Model::N16rot) else { return };
    let count = |kernels: Option<Kernels>| {
        let parameters = Parameters::read(&weights, Model::N16rot.sizes()).unwrap();
        let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
        let network = TorchNetwork::with_kernels(parameters, context, kernels).unwrap();
        let run = || tch::no_grad(|| network.run(&image0(), SELECTION)).unwrap();
        let before = num_twin_launches();
        let (_, of_torch) = num_launches(run);
        [of_torch, num_twin_launches() - before]
    };
    assert_eq!([count(None), count(Some(Kernels::twin()))], [[248, 0], [55, 11]]);
}

/// `[dim, h, w]` of every `step`-th pixel.
fn fused_features(fused: &Fused, maps: &FusedMaps, step: i64) -> Tensor {
    let along = |size: usize| Tensor::arange_start_step(0, size as i64, step, (Kind::Float, Device::Cpu));
    let (rows, columns) = (along(HEIGHT), along(WIDTH));
    let grid = Tensor::meshgrid_indexing(&[&columns, &rows], "xy");
    let last = [WIDTH, HEIGHT].map(|size| size as f64 - 1.0);
    let normalized = Tensor::stack(&[&grid[0] / last[0] * 2.0 - 1.0, &grid[1] / last[1] * 2.0 - 1.0], -1);
    let features = fused.features(maps, &normalized.reshape([-1, 2])).unwrap();
    features.reshape([rows.size()[0], columns.size()[0], -1]).permute([2, 0, 1])
}

fn block3_offsets(parameters: &Parameters, x2: &Tensor) -> Tensor {
    let Conv { weight, bias } = &parameters.block3.conv1.offsets;
    let pooled = x2.avg_pool2d([4, 4], [4, 4], [0, 0], false, true, None::<i64>);
    pooled.conv2d(weight, Some(bias), [1, 1], [1, 1], [1, 1], 1).squeeze_dim(0)
}
