//! Parity of both networks and both detections with the reference, and determinism.

use std::path::Path;

use scene3d_kernels::{Kernels, num_twin_launches};
use scene3d_sdk::{Features, ImageTensor, Tensor};
use scene3d_torch::testing::{Golden, Tolerance, assert_close, find_weights, num_launches};
use scene3d_torch::{Precision, TorchContext, Weights};
use tch::{Device, Kind};

use super::*;
use crate::dense::{Dense, NUM_LOGITS};

const SCENE3D_WEIGHTS: &str = "superpoint_scene3d.safetensors";

fn golden(name: &str) -> Golden {
    Golden::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name))
}

/// `img0` of the goldens, `[240, 320, 3] u8`.
fn golden_image() -> tch::Tensor {
    golden("superpoint_scene3d.safetensors").get("image").shallow_clone()
}

fn formula_weights() -> Weights {
    let parameters = Units::parameters();
    Weights::from_formula(parameters.iter().map(|(name, shape)| (name.as_str(), shape.as_slice()))).unwrap()
}

fn golden_config(precision: Precision) -> SuperPointConfig {
    SuperPointConfig { max_keypoints: 256, precision, ..SuperPointConfig::default() }
}

fn extractor(weights: &Weights, config: SuperPointConfig) -> SuperPoint {
    let context = TorchContext::on(Device::Cpu, 1, config.precision).unwrap();
    SuperPoint::new(config, weights, context).unwrap()
}

/// Dense values in the goldens' layout, `[C, h, w]` and `[H, W]`.
struct DenseTensors {
    backbone: tch::Tensor,
    logits: tch::Tensor,
    descriptors: tch::Tensor,
    scores: tch::Tensor,
}

fn dense_of_cpu(weights: &Weights, image: &tch::Tensor) -> DenseTensors {
    let network = CpuNetwork::new(&Units::load(weights).unwrap()).unwrap();
    let (height, width, _) = image.size3().unwrap();
    let pixels = Vec::<u8>::try_from(image.flatten(0, -1)).unwrap();
    let grey = Grey::of_rgb(&pixels, height as usize, width as usize);
    let (map, dense) = (network.backbone(&grey, 1), network.run(&grey, 1));
    let cells_first = |values: &[f32], channels: i64| {
        let shape = [dense.height as i64, dense.width as i64, channels];
        tch::Tensor::from_slice(values).view(shape).permute([2, 0, 1])
    };
    let backbone: Vec<f32> = (0..map.height).flat_map(|y| map.row(y).to_vec()).collect();
    let scores = dense.scores();
    DenseTensors {
        backbone: cells_first(&backbone, map.channels as i64),
        logits: cells_first(&dense.logits, NUM_LOGITS as i64),
        descriptors: cells_first(&dense.descriptors, DIM as i64),
        scores: tch::Tensor::from_slice(&scores.values).view([scores.height as i64, scores.width as i64]),
    }
}

fn dense_of_torch(weights: &Weights, image: &tch::Tensor, precision: Precision) -> DenseTensors {
    let context = TorchContext::on(Device::Cpu, 1, precision).unwrap();
    let network = TorchNetwork::new(&Units::load(weights).unwrap(), context).unwrap();
    let pixels = image.unsqueeze(0);
    let (backbone, dense) = tch::no_grad(|| (network.backbone(&pixels), network.run(&pixels)));
    DenseTensors {
        backbone: backbone.squeeze_dim(0),
        logits: dense.logits.squeeze_dim(0),
        descriptors: dense.descriptors.squeeze_dim(0),
        scores: dense.scores().squeeze_dim(0),
    }
}

fn every_fourth(tensor: &tch::Tensor) -> tch::Tensor {
    tensor.slice(1, None, None, 4).slice(2, None, None, 4)
}

fn check_dense(golden: &Golden, dense: &DenseTensors) {
    golden.assert_close("backbone_s4", &every_fourth(&dense.backbone), Tolerance::Relative(1e-5));
    golden.assert_close("detector_logits_s4", &every_fourth(&dense.logits), Tolerance::Relative(1e-5));
    golden.assert_close("descriptor_map_s4", &every_fourth(&dense.descriptors), Tolerance::Absolute(5e-6));
    if golden.contains("score_dense") {
        golden.assert_close("score_dense", &dense.scores, Tolerance::Absolute(3e-5));
    }
}

#[test]
fn dense_maps_of_formula_weights_are_the_references() {
    let (golden, weights, image) = (golden("superpoint_formula.safetensors"), formula_weights(), golden_image());
    check_dense(&golden, &dense_of_cpu(&weights, &image));
    check_dense(&golden, &dense_of_torch(&weights, &image, Precision::Fp32));
}

#[test]
fn dense_maps_of_trained_weights_are_the_references() {
    let Some(weights) = find_weights(SCENE3D_WEIGHTS) else { return };
    let (golden, image) = (golden("superpoint_scene3d.safetensors"), golden_image());
    check_dense(&golden, &dense_of_cpu(&weights, &image));
    check_dense(&golden, &dense_of_torch(&weights, &image, Precision::Fp32));
}

fn image_tensor(image: &tch::Tensor) -> Tensor {
    let pixels = Vec::<u8>::try_from(image.contiguous().flatten(0, -1)).unwrap();
    Tensor::from_vec(pixels, &image.size()).unwrap()
}

/// Features of images at their own size.
fn extract(extractor: &SuperPoint, images: &[&tch::Tensor], threads: usize) -> Vec<Features> {
    let tensors: Vec<Tensor> = images.iter().map(|image| image_tensor(image)).collect();
    let views: Vec<ImageTensor<'_>> = tensors
        .iter()
        .map(|tensor| {
            let shape = tensor.view().shape();
            ImageTensor { pixels: tensor.view(), image_size: [shape[1] as u32, shape[0] as u32] }
        })
        .collect();
    extractor.extract_images(&views, threads, || Ok(())).unwrap()
}

fn values(tensor: &Tensor) -> &[f32] {
    tensor.view().as_slice::<f32>().unwrap()
}

/// (x, y) as px index, score, row; the golden's are compared as sets.
fn by_position(keypoints: &[f32], offset: f32) -> Vec<([i64; 2], usize)> {
    let pairs = keypoints.as_chunks::<2>().0.iter();
    let mut sorted: Vec<_> = pairs.enumerate().map(|(row, p)| (p.map(|value| (value - offset) as i64), row)).collect();
    sorted.sort_unstable();
    sorted
}

fn check_features(golden: &Golden, features: &Features) {
    let vector = |name: &str| Vec::<f32>::try_from(golden.get(name).contiguous().flatten(0, -1)).unwrap();
    let (expected, got) = (by_position(&vector("keypoints"), 0.0), by_position(values(&features.keypoints), 0.5));
    let positions = |list: &[([i64; 2], usize)]| list.iter().map(|(position, _)| *position).collect::<Vec<_>>();
    // the golden's smallest gap at the cut is 6.6e-7, above the 1e-6 within which sets may differ only just: they agree
    assert_eq!(positions(&got), positions(&expected));
    let rows = |list: &[([i64; 2], usize)]| {
        tch::Tensor::from_slice(&list.iter().map(|(_, row)| *row as i64).collect::<Vec<_>>())
    };
    let (got_rows, expected_rows) = (rows(&got), rows(&expected));
    let compare = |name: &str, got: &Tensor, limit: f64| {
        let got = tch::Tensor::from_slice(values(got)).view(golden.get(name).size().as_slice());
        let expected = golden.get(name).index_select(0, &expected_rows);
        assert_close(name, &got.index_select(0, &got_rows), &expected, Tolerance::Absolute(limit));
    };
    compare("scores", &features.scores, 3e-5);
    compare("descriptors", &features.descriptors, 5e-6);
}

#[test]
fn keypoints_scores_and_descriptors_are_the_references() {
    let Some(weights) = find_weights(SCENE3D_WEIGHTS) else { return };
    let (golden, image) = (golden("superpoint_scene3d.safetensors"), golden_image());
    check_features(&golden, &extract(&extractor(&weights, golden_config(Precision::Fp32)), &[&image], 1)[0]);
    let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
    for kernels in [None, Some(Kernels::twin())] {
        let torch = with_kernels(&weights, golden_config(Precision::Fp32), context, kernels);
        check_features(&golden, &extract(&torch, &[&image], 1)[0]);
    }
}

/// Torch's network, and after it these kernels or torch's operations.
fn with_kernels(
    weights: &Weights,
    config: SuperPointConfig,
    context: TorchContext,
    kernels: Option<Kernels>,
) -> SuperPoint {
    let network = TorchNetwork::with_kernels(&Units::load(weights).unwrap(), context, kernels);
    SuperPoint { config, network: Network::Torch(Box::new(network), context) }
}

/// The numbers of docs/launches.md, for one image and for a batch of two.
#[test]
fn a_batch_takes_few_launches() {
    let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
    let count = |kernels: Option<Kernels>, num_images: i64| {
        let network = TorchNetwork::with_kernels(&Units::load(&formula_weights()).unwrap(), context, kernels);
        let pixels = golden_image().unsqueeze(0).repeat([num_images, 1, 1, 1]);
        let run = || tch::no_grad(|| network.features(&pixels, &golden_config(Precision::Fp32))).unwrap();
        let before = num_twin_launches();
        let (_, of_torch) = num_launches(run);
        [of_torch, num_twin_launches() - before]
    };
    let twin = || Some(Kernels::twin());
    let counts = [count(None, 1), count(None, 2), count(twin(), 1), count(twin(), 2)];
    assert_eq!(counts, [[104, 0], [149, 0], [56, 5], [56, 5]]);
}

#[test]
fn bf16_in_torch_stays_near_fp32() {
    let image = golden_image();
    let weights = formula_weights();
    let (single, half) =
        (dense_of_torch(&weights, &image, Precision::Fp32), dense_of_torch(&weights, &image, Precision::Bf16));
    assert_close("backbone", &half.backbone, &single.backbone, Tolerance::Relative(4e-2));
    assert_close("descriptors", &half.descriptors, &single.descriptors, Tolerance::Absolute(4e-2));
    assert_eq!((half.backbone.kind(), half.logits.kind()), (Kind::BFloat16, Kind::Float));
}

fn crop(image: &tch::Tensor, height: i64, width: i64) -> tch::Tensor {
    image.narrow(0, 3, height).narrow(1, 5, width)
}

#[test]
fn our_network_is_torchs_at_sides_that_fill_no_tile_or_cell() {
    let (weights, image) = (formula_weights(), golden_image());
    for (height, width) in [(8, 8), (9, 17), (15, 39), (37, 100), (53, 203)] {
        let image = crop(&image, height, width);
        let (ours, torch) = (dense_of_cpu(&weights, &image), dense_of_torch(&weights, &image, Precision::Fp32));
        assert_close("backbone", &ours.backbone, &torch.backbone, Tolerance::Relative(1e-5));
        assert_close("logits", &ours.logits, &torch.logits, Tolerance::Relative(1e-5));
        assert_close("descriptors", &ours.descriptors, &torch.descriptors, Tolerance::Absolute(5e-6));
        assert_close("scores", &ours.scores, &torch.scores, Tolerance::Absolute(1e-6));
    }
}

#[test]
fn both_detections_find_the_same() {
    let (weights, image) = (formula_weights(), golden_image());
    let dense = dense_of_cpu(&weights, &image);
    let (height, width) = dense.scores.size2().unwrap();
    let scores = dense::ScoreMap {
        values: Vec::try_from(dense.scores.flatten(0, -1)).unwrap(),
        height: height as usize,
        width: width as usize,
    };
    let cases = [
        (100, 4, 4),
        (4096, 4, 4),
        (100_000, 4, 4),
        (4000, 1, 0),
        (300, 2, 7),
        (200, 3, 4),
        (50, 0, 200),
        (50, 2, 200),
    ];
    for (max_keypoints, nms_radius, remove_borders) in cases {
        let config = SuperPointConfig { max_keypoints, nms_radius, remove_borders, ..SuperPointConfig::default() };
        let ours = detect::detect(&scores, &config);
        let torch = torch_network::detect(&dense.scores, &config).unwrap();
        let positions: Vec<f32> = ours.iter().flat_map(|detection| detection.position).collect();
        assert_eq!(positions, Vec::<f32>::try_from(torch.positions.flatten(0, -1)).unwrap());
        let ours: Vec<f32> = ours.iter().map(|detection| detection.score).collect();
        assert_eq!(ours, Vec::<f32>::try_from(torch.scores).unwrap());
        assert_eq!(ours.is_empty(), remove_borders == 200);
        check_kernels(&dense.scores, &config, &positions, &ours);
    }
}

/// The same by the kernels' twins, of a batch whose other image is flat, where they can do it.
fn check_kernels(scores: &tch::Tensor, config: &SuperPointConfig, positions: &[f32], expected: &[f32]) {
    let (suppression, kernels) = (fused::suppression(config), Kernels::twin());
    assert_eq!(suppression.is_supported(), (1..=4).contains(&config.nms_radius) && config.max_keypoints <= 4096);
    if !suppression.is_supported() {
        assert!(kernels.candidates(&scores.unsqueeze(0), suppression).is_err());
        return;
    }
    let maps = tch::Tensor::stack(&[&scores.zeros_like(), scores], 0);
    let candidates = kernels.candidates(&maps, suppression).unwrap();
    assert_eq!(Vec::<i32>::try_from(&candidates.counts).unwrap(), [0, expected.len() as i32]);
    let peaks = kernels.keypoints(&candidates, scores.size()[1]).unwrap();
    let of_image = |tensor: &tch::Tensor| {
        Vec::<f32>::try_from(tensor.get(1).narrow(0, 0, expected.len() as i64).flatten(0, -1)).unwrap()
    };
    assert_eq!(of_image(&peaks.positions), positions);
    assert_eq!(of_image(&peaks.scores), expected);
}

fn bits(features: &Features) -> [Vec<u32>; 3] {
    [&features.keypoints, &features.scores, &features.descriptors]
        .map(|tensor| values(tensor).iter().map(|value| value.to_bits()).collect())
}

#[test]
fn batches_and_threads_do_not_change_a_bit() {
    let (weights, image) = (formula_weights(), golden_image());
    let images = [image.shallow_clone(), crop(&image, 100, 150), image.flip([1]), crop(&image, 100, 150)];
    let images: Vec<&tch::Tensor> = images.iter().collect();
    for precision in [Precision::Fp32, Precision::Bf16] {
        let extractor = extractor(&weights, golden_config(precision));
        let batch: Vec<_> = extract(&extractor, &images, 1).iter().map(bits).collect();
        let singles: Vec<_> = images.iter().map(|image| bits(&extract(&extractor, &[*image], 1)[0])).collect();
        assert!(batch == singles, "{precision:?}");
        let threaded: Vec<_> = extract(&extractor, &images, 2).iter().map(bits).collect();
        assert!(batch == threaded, "{precision:?}");
        assert!(batch.iter().all(|[keypoints, ..]| keypoints.len() > 20));
    }
}

#[test]
fn keypoints_come_back_in_the_original_image() {
    let (weights, image) = (formula_weights(), golden_image());
    for precision in [Precision::Fp32, Precision::Bf16] {
        let extractor = extractor(&weights, golden_config(precision));
        let tensor = image_tensor(&image);
        let at = |image_size| {
            let view = ImageTensor { pixels: tensor.view(), image_size };
            values(&extractor.extract_images(&[view], 1, || Ok(())).unwrap()[0].keypoints).to_vec()
        };
        let (same, scaled) = (at([320, 240]), at([640, 1200]));
        assert!(same[0].fract() == 0.5 && same[1].fract() == 0.5);
        let expected: Vec<f32> = same.as_chunks::<2>().0.iter().flat_map(|[x, y]| [x * 2.0, y * 5.0]).collect();
        assert_eq!(scaled, expected);
    }
}

#[test]
fn tiny_images_have_no_features_and_other_pixels_are_refused() {
    let extractor = extractor(&formula_weights(), SuperPointConfig::default());
    for (height, width) in [(0, 0), (1, 1), (7, 100), (100, 7)] {
        let image = tch::Tensor::zeros([height, width, 3], (Kind::Uint8, Device::Cpu));
        let features = &extract(&extractor, &[&image], 1)[0];
        assert_eq!(features.descriptors.view().shape(), [0, 256]);
        assert_eq!(features.keypoints.view().shape(), [0, 2]);
    }
    let grey = Tensor::from_vec(vec![0_u8; 100], &[10, 10]).unwrap();
    let view = ImageTensor { pixels: grey.view(), image_size: [10, 10] };
    let error = extractor.extract_images(&[view], 1, || Ok(())).unwrap_err();
    assert_eq!(error.message, "pixels are [10, 10] u8, expected [H, W, 3] u8");
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let weights = Weights::from_formula([("conv1a.weight", &[64, 1, 3, 3][..])]).unwrap();
    let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
    let Err(error) = SuperPoint::new(SuperPointConfig::default(), &weights, context) else { panic!("accepted") };
    assert!(error.to_string().contains("`backbone.0.0.conv.weight`"), "{error}");
}

#[test]
fn a_flat_score_map_has_sharp_descriptors_at_its_edge() {
    // bilinear sampling takes zero outside, so at the corner only the corner cell counts
    let mut descriptors = vec![0.0; 4 * DIM];
    (0..4).for_each(|cell| descriptors[cell * DIM + cell] = 2.0);
    let dense = Dense::new(vec![0.0; 4 * NUM_LOGITS], descriptors, 2, 2);
    let sampled = dense.sample(&[[0.0, 0.0], [7.5, 3.5]]);
    assert_eq!(sampled[0], 1.0);
    let half = 0.5_f32.sqrt();
    assert!((sampled[DIM] - half).abs() < 1e-6 && (sampled[DIM + 1] - half).abs() < 1e-6);
}
