//! What the stage promises of batches, threads and odd images, on both implementations.

use scene3d_sdk::{Features, ImageTensor, Tensor};
use scene3d_torch::testing::{Golden, find_weights};
use scene3d_torch::{Precision, TorchContext};
use tch::Device;

use crate::torch_network::TorchNetwork;
use crate::{Aliked, Config, Model, Parameters};

/// `[h, w, 3]` pixels of one image.
struct Pixels(Tensor, [u32; 2]);

impl Pixels {
    fn new(height: usize, width: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Self {
        let values = (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).flat_map(|(y, x)| pixel(y, x)).collect();
        let tensor = Tensor::from_vec::<u8>(values, &[height as i64, width as i64, 3]).unwrap();
        Self(tensor, [width as u32, height as u32])
    }

    /// A part of the goldens' first image.
    fn photo(height: usize, width: usize) -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/images.safetensors");
        let image = Vec::<u8>::try_from(Golden::load(&path).get("img0").flatten(0, -1)).unwrap();
        Self::new(height, width, |y, x| std::array::from_fn(|c| image[(y * 320 + x) * 3 + c]))
    }

    fn view(&self) -> ImageTensor<'_> {
        ImageTensor { pixels: self.0.view(), image_size: self.1 }
    }
}

fn stage(max_keypoints: u32) -> Option<Aliked> {
    stage_of(&Config { max_keypoints, ..Config::default() })
}

fn stage_of(config: &Config) -> Option<Aliked> {
    let config = Config { model: Model::T16, ..config.clone() };
    let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
    Some(Aliked::new(&config, &find_weights("aliked-t16.pth")?, context).unwrap())
}

/// The same network as torch operations.
fn torch_stage(max_keypoints: u32) -> Option<Aliked> {
    torch_stage_of(&Config { max_keypoints, ..Config::default() })
}

fn torch_stage_of(config: &Config) -> Option<Aliked> {
    let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
    let parameters = Parameters::read(&find_weights("aliked-t16.pth")?, Model::T16.sizes()).unwrap();
    Some(stage_of(config)?.with_torch_network(TorchNetwork::new(parameters, context).unwrap(), context))
}

fn extract(stage: &mut Aliked, images: &[&Pixels], num_threads: usize) -> Vec<[Vec<f32>; 3]> {
    let views: Vec<_> = images.iter().map(|image| image.view()).collect();
    stage.extract_images(&views, num_threads, || Ok(())).unwrap().iter().map(values).collect()
}

fn values(features: &Features) -> [Vec<f32>; 3] {
    [&features.keypoints, &features.scores, &features.descriptors]
        .map(|tensor| tensor.view().as_slice::<f32>().unwrap().to_vec())
}

#[test]
fn batches_of_mixed_sizes_equal_singles_whatever_the_threads() {
    let Some(mut cpu) = stage(200) else { return };
    let images = [Pixels::photo(240, 320), Pixels::photo(97, 131), Pixels::photo(64, 200), Pixels::photo(240, 320)];
    let images: Vec<_> = images.iter().collect();
    let singles: Vec<_> = images.iter().flat_map(|image| extract(&mut stage(200).unwrap(), &[image], 1)).collect();
    assert!(singles.iter().all(|[keypoints, scores, _]| keypoints.len() == 400 && scores.len() == 200));
    for num_threads in [1, 2, 3] {
        assert_eq!(extract(&mut cpu, &images, num_threads), singles, "{num_threads} threads");
    }
}

#[test]
fn tiny_images_have_no_features_and_are_no_error() {
    for stage in [stage(100), torch_stage(100)] {
        let Some(mut stage) = stage else { return };
        for (height, width) in [(1, 1), (4, 100), (100, 4), (0, 0)] {
            let found = extract(&mut stage, &[&Pixels::photo(height, width)], 1);
            assert_eq!(found, [const { [Vec::<f32>::new(), Vec::new(), Vec::new()] }], "{height}x{width}");
        }
        for (height, width) in [(5, 5), (5, 64), (33, 7)] {
            let [[keypoints, scores, descriptors]] = &extract(&mut stage, &[&Pixels::photo(height, width)], 1)[..]
            else {
                panic!("one image, one result")
            };
            assert_eq!((keypoints.len(), descriptors.len()), (2 * scores.len(), 64 * scores.len()));
            let is_inside =
                |at: &[f32]| (0.0..=width as f32).contains(&at[0]) && (0.0..=height as f32).contains(&at[1]);
            assert!(keypoints.chunks(2).all(is_inside), "{height}x{width}: {keypoints:?}");
        }
    }
}

#[test]
fn grey_and_flat_images_give_finite_features() {
    let grey = Pixels::photo(120, 160);
    let grey = Pixels::new(120, 160, |y, x| [grey.0.view().as_slice::<u8>().unwrap()[(y * 160 + x) * 3 + 1]; 3]);
    let flat = Pixels::new(120, 160, |_, _| [128; 3]);
    for stage in [stage(100), torch_stage(100)] {
        let Some(mut stage) = stage else { return };
        let found = extract(&mut stage, &[&grey, &flat], 1);
        assert_eq!(found[0][1].len(), 100);
        assert!(found.iter().flatten().flatten().all(|value| value.is_finite()));
    }
}

#[test]
fn both_implementations_place_keypoints_alike_in_the_original_image() {
    let (Some(mut cpu), Some(mut torch)) = (stage(50), torch_stage(50)) else { return };
    let mut photo = Pixels::photo(230, 300);
    photo.1 = [600, 690];
    let ([on_cpu], [on_torch]) = (&extract(&mut cpu, &[&photo], 1)[..], &extract(&mut torch, &[&photo], 1)[..]) else {
        panic!("one image, one result")
    };
    for (tensor, limit) in [(0, 1.5e-3), (1, 1e-4), (2, 1e-3)] {
        let differences = on_cpu[tensor].iter().zip(&on_torch[tensor]).map(|(a, b)| (a - b).abs());
        assert_eq!(on_cpu[tensor].len(), on_torch[tensor].len());
        let worst = differences.fold(0.0, f32::max);
        assert!(worst < limit, "output {tensor} differs by {worst}");
    }
    assert!(on_cpu[0].chunks(2).any(|at| at[0] > 300.0) && on_cpu[0].chunks(2).any(|at| at[1] > 230.0));
}

#[test]
fn a_threshold_keeps_only_what_scores_above() {
    let config = Config { detection_threshold: Some(0.6), ..Config::default() };
    for (all, some) in [(stage(2048), stage_of(&config)), (torch_stage(2048), torch_stage_of(&config))] {
        let (Some(mut all), Some(mut some)) = (all, some) else { return };
        let all = extract(&mut all, &[&Pixels::photo(240, 320)], 1);
        let some = extract(&mut some, &[&Pixels::photo(240, 320)], 1);
        assert!(!some[0][1].is_empty() && some[0][1].len() < all[0][1].len());
        assert_eq!(all[0][0][..some[0][0].len()], some[0][0]);
    }
}

#[test]
fn where_nothing_scores_above_the_threshold_what_is_above_the_mean_does() {
    let unreachable = Config { detection_threshold: Some(1.0), max_keypoints: 10_000, ..Config::default() };
    for (all, some) in [(stage(10_000), stage_of(&unreachable)), (torch_stage(10_000), torch_stage_of(&unreachable))] {
        let (Some(mut all), Some(mut some)) = (all, some) else { return };
        let all = extract(&mut all, &[&Pixels::photo(240, 320)], 1);
        let some = extract(&mut some, &[&Pixels::photo(240, 320)], 1);
        // the best of all, and not all of them
        assert!(!some[0][1].is_empty() && some[0][1].len() < all[0][1].len(), "{} keypoints", some[0][1].len());
        assert_eq!(all[0][0][..some[0][0].len()], some[0][0]);
    }
}

#[test]
fn weights_of_another_model_are_refused_by_name() {
    let Some(weights) = find_weights("aliked-t16.pth") else { return };
    let error = Parameters::read(&weights, Model::N32.sizes()).unwrap_err().to_string();
    assert!(error.contains("block1.bn1") && error.contains("expected shape [16], got [8]"), "{error}");
}

#[test]
fn below_fp32_the_torch_operations_still_find_the_scene() {
    let Some(weights) = find_weights("aliked-t16.pth") else { return };
    let config = Config { model: Model::T16, max_keypoints: 100, ..Config::default() };
    let context = TorchContext::on(Device::Cpu, 1, Precision::Bf16).unwrap();
    let mut half = Aliked::new(&config, &weights, context).unwrap();
    let photo = Pixels::photo(240, 320);
    let ([half], [full]) =
        (&extract(&mut half, &[&photo], 1)[..], &extract(&mut stage(300).unwrap(), &[&photo], 1)[..])
    else {
        panic!("one image, one result")
    };
    let is_near = |a: &[f32]| full[0].chunks(2).any(|b| (a[0] - b[0]).abs().max((a[1] - b[1]).abs()) < 1.0);
    let num_near = half[0].chunks(2).filter(|at| is_near(at)).count();
    assert!(num_near > 80, "{num_near} of 100 keypoints lie within 1 px of an fp32 keypoint");
}
