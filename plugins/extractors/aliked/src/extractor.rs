//! The stage: images in, features out.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use scene3d_sdk::scene::pixel;
use scene3d_sdk::{
    CreateContext, Descriptor, Device, Extractor, Features, Host, ImageTensor, Named, NamedView, Result, SdkError,
    Tensor,
};
use scene3d_torch::{Precision, TorchContext, Weights, guard, transfers};

use crate::cpu::{CpuNetwork, Workspace};
use crate::descriptor::{descriptor, weight_name};
use crate::image::RgbImage;
use crate::keypoints::{Detections, ScoreMap, Selection};
use crate::parameters::Parameters;
use crate::torch_network::TorchNetwork;
use crate::{Config, StepTimes};

/// Smaller images have no keypoint: the 3x3 patch and its shift need 4 pixels, and a border is left out.
const MIN_SIDE: usize = 5;

/// The plugin's stage.
pub struct Aliked {
    network: Network,
    selection: Selection,
    dim: usize,
}

enum Network {
    Cpu { network: Box<CpuNetwork>, workspaces: Vec<Workspace> },
    Torch { network: Box<TorchNetwork>, context: TorchContext },
}

impl Extractor for Aliked {
    type Config = Config;

    fn descriptor() -> Descriptor {
        descriptor()
    }

    fn create(config: Config, context: &CreateContext<'_>) -> Result<Self> {
        // keypoint positions suffer below fp32, and this network is small
        let precision = if config.precision == Precision::Auto { Precision::Fp32 } else { config.precision };
        let torch = TorchContext::new(&context.host, precision)?;
        let weights = Weights::load(context.weight(&weight_name(config.model))?)?;
        let extractor = Self::new(&config, &weights, torch)?;
        weights.warn_unused(&context.host, |name| name.ends_with("num_batches_tracked"));
        Ok(extractor)
    }

    fn extract(&mut self, images: &[ImageTensor<'_>], host: &Host<'_>) -> Result<Vec<Features>> {
        self.extract_images(images, host.threads(), || host.check_cancelled())
    }

    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        Ok(transfers::copy_to(device, tensors)?)
    }
}

impl Aliked {
    /// An extractor with weights from wherever, without a host.
    ///
    /// # Errors
    /// `INCOMPATIBLE` for weights of another network.
    pub fn new(config: &Config, weights: &Weights, context: TorchContext) -> scene3d_torch::Result<Self> {
        let sizes = config.model.sizes();
        let parameters = guard(|| Parameters::read(weights, sizes))?;
        let network = if context.is_cpu() && context.kind == tch::Kind::Float {
            Network::Cpu { network: Box::new(CpuNetwork::new(&parameters)?), workspaces: Vec::new() }
        } else {
            Network::Torch { network: Box::new(TorchNetwork::new(parameters, context)?), context }
        };
        let selection = Selection {
            max_keypoints: config.max_keypoints as usize,
            threshold: config.detection_threshold,
            radius: config.nms_radius as usize,
        };
        Ok(Self { network, selection, dim: sizes.dim as usize })
    }

    /// Features of each image; `check_cancelled` is asked before each.
    ///
    /// # Errors
    /// `INVALID_INPUT` for pixels that are not `[H, W, 3] u8`; what `check_cancelled` returns.
    pub fn extract_images(
        &mut self,
        images: &[ImageTensor<'_>],
        num_threads: usize,
        check_cancelled: impl Fn() -> Result<()> + Sync,
    ) -> Result<Vec<Features>> {
        let selection = self.selection;
        match &mut self.network {
            Network::Cpu { network, workspaces } => {
                workspaces.resize_with(num_threads.min(images.len()).max(1), Workspace::default);
                let extract = |image: &ImageTensor<'_>, workspace: &mut Workspace| {
                    check_cancelled()?;
                    on_cpu(network, image, selection, self.dim, workspace)
                };
                in_parallel(images, workspaces, extract)
            }
            Network::Torch { network, context } => {
                let extract = |image| {
                    check_cancelled()?;
                    on_torch(network, context, image, selection, self.dim)
                };
                images.iter().map(extract).collect()
            }
        }
    }
}

#[cfg(test)]
impl Aliked {
    /// The same stage over torch operations.
    pub(crate) fn with_torch_network(self, network: TorchNetwork, context: TorchContext) -> Self {
        Self { network: Network::Torch { network: Box::new(network), context }, ..self }
    }
}

/// One workspace a thread; results in the order of the images, whichever thread had which.
fn in_parallel<'a>(
    images: &[ImageTensor<'a>],
    workspaces: &mut [Workspace],
    extract: impl Fn(&ImageTensor<'a>, &mut Workspace) -> Result<Features> + Sync,
) -> Result<Vec<Features>> {
    if let [workspace] = workspaces {
        return images.iter().map(|image| extract(image, workspace)).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = |workspace: &mut Workspace| {
        while let Some((number, image)) = next_of(images, &next) {
            let features = extract(image, workspace);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, features));
        }
    };
    thread::scope(|scope| -> Result<()> {
        for workspace in workspaces {
            let named = thread::Builder::new().name("aliked".to_owned());
            let spawned = named.spawn_scoped(scope, || work(workspace));
            spawned.map_err(|error| SdkError::unavailable(format!("can't start a thread: {error}")))?;
        }
        Ok(())
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, features)| features).collect()
}

fn next_of<'i, 'a>(images: &'i [ImageTensor<'a>], next: &AtomicUsize) -> Option<(usize, &'i ImageTensor<'a>)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    images.get(number).map(|image| (number, image))
}

fn on_cpu(
    network: &CpuNetwork,
    image: &ImageTensor<'_>,
    selection: Selection,
    dim: usize,
    workspace: &mut Workspace,
) -> Result<Features> {
    let [height, width] = size_of(image)?;
    if is_too_small([height, width], selection) {
        return no_features(dim);
    }
    let rgb = RgbImage { pixels: image.pixels.as_slice()?, height, width };
    let (found, descriptors) = network.run(rgb, selection, workspace, &mut StepTimes::default());
    let keypoints = in_original_px(&found, [height, width], image.image_size);
    features(keypoints, found.scores, descriptors, dim)
}

fn on_torch(
    network: &TorchNetwork,
    context: &TorchContext,
    image: &ImageTensor<'_>,
    selection: Selection,
    dim: usize,
) -> Result<Features> {
    let size = size_of(image)?;
    if is_too_small(size, selection) {
        return no_features_on(context, dim);
    }
    let run = |pixels: &tch::Tensor| guard(|| network.run(pixels, selection));
    let (found, descriptors) = scene3d_tensor::torch::with_torch(image.pixels, run)??;
    let keypoints = guard(|| {
        let two = |a: f32, b: f32| tch::Tensor::from_slice(&[a, b]).to_device(context.device);
        let [height, width] = size.map(|side| side as f32);
        let [original_width, original_height] = image.image_size.map(|side| side as f32);
        let px = (&found.normalized + 1.0) / 2.0 * two(width - 1.0, height - 1.0) + 0.5;
        Ok(px * two(original_width / width, original_height / height))
    })?;
    Ok(Features {
        keypoints: context.export(&keypoints)?,
        scores: context.export(&found.scores)?,
        descriptors: context.export(&descriptors)?,
    })
}

fn no_features_on(context: &TorchContext, dim: usize) -> Result<Features> {
    let empty = |shape: &[i64]| context.export(&tch::Tensor::zeros(shape, (tch::Kind::Float, context.device)));
    Ok(Features { keypoints: empty(&[0, 2])?, scores: empty(&[0])?, descriptors: empty(&[0, dim as i64])? })
}

fn size_of(image: &ImageTensor<'_>) -> Result<[usize; 2]> {
    match *image.pixels.shape() {
        [height, width, 3] => Ok([height as usize, width as usize]),
        ref other => Err(SdkError::invalid_input(format!("pixels have shape {other:?}, expected [H, W, 3]"))),
    }
}

fn is_too_small([height, width]: [usize; 2], selection: Selection) -> bool {
    height.min(width) < MIN_SIDE.max(2 * selection.radius + 1)
}

/// To the original image, with the centre of its top-left pixel at (0.5, 0.5).
fn in_original_px(found: &Detections, [height, width]: [usize; 2], image_size: [u32; 2]) -> Vec<f32> {
    let map = ScoreMap { scores: &[], height, width };
    let to_original = |&normalized: &[f32; 2]| {
        let [x, y] = map.position(normalized).map(pixel::from_index);
        [pixel::rescale(x, width as u32, image_size[0]), pixel::rescale(y, height as u32, image_size[1])]
    };
    found.normalized.iter().flat_map(to_original).collect()
}

fn no_features(dim: usize) -> Result<Features> {
    features(Vec::new(), Vec::new(), Vec::new(), dim)
}

fn features(keypoints: Vec<f32>, scores: Vec<f32>, descriptors: Vec<f32>, dim: usize) -> Result<Features> {
    let num_keypoints = scores.len() as i64;
    Ok(Features {
        keypoints: Tensor::from_vec(keypoints, &[num_keypoints, 2])?,
        scores: Tensor::from_vec(scores, &[num_keypoints])?,
        descriptors: Tensor::from_vec(descriptors, &[num_keypoints, dim as i64])?,
    })
}
