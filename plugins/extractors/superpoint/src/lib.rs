//! SuperPoint: keypoints and descriptors by one small network (DeTone et al., "SuperPoint: self-supervised interest
//! point detection and description", CVPRW 2018), as re-trained under MIT by rpautrat/SuperPoint.
//!
//! On a CPU in fp32 the network is our own code (`cpu`); elsewhere it is torch (`torch_network`), on CUDA with
//! fused kernels for what comes after the network (`fused`).

mod config;
mod cpu;
mod dense;
mod detect;
mod fused;
mod torch_network;
mod units;

use scene3d_sdk::scene::pixel;
use scene3d_sdk::{
    CreateContext, Descriptor, Device, Extractor, Features, Host, ImageTensor, Named, NamedView, Result, SdkError,
    StageKind, Tensor, WeightSpec, describe, features_ports,
};
use scene3d_torch::{Precision, TorchContext, Weights, guard, transfers};

pub use config::SuperPointConfig;
use cpu::{CpuNetwork, Grey};
use dense::{CELL, DIM};
use torch_network::TorchNetwork;
use units::Units;

const WEIGHTS: &str = "superpoint";
/// Images that go through torch at once on a GPU; on a CPU one by one, so that a batch gives a single image's bits.
const MAX_BATCH: usize = 8;

/// The extractor.
pub struct SuperPoint {
    config: SuperPointConfig,
    network: Network,
}

enum Network {
    Cpu(Box<CpuNetwork>),
    Torch(Box<TorchNetwork>, TorchContext),
}

impl Extractor for SuperPoint {
    type Config = SuperPointConfig;

    fn descriptor() -> Descriptor {
        let summary = "SuperPoint keypoints and 256-dimensional descriptors, the MIT re-training";
        Descriptor {
            source: "DeTone et al., CVPRW 2018, arXiv:1712.07629; weights and layout of rpautrat/SuperPoint".to_owned(),
            outputs: features_ports(256, "unit length"),
            emits_family: Some("superpoint-open".to_owned()),
            max_long_side_key: Some("max_image_size".to_owned()),
            devices: ["cpu", "cuda"].map(str::to_owned).to_vec(),
            weights: vec![weight_spec()],
            ..describe(StageKind::Extractor, "superpoint", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: SuperPointConfig, context: &CreateContext<'_>) -> Result<Self> {
        let path = context.weight(WEIGHTS).map_err(|error| error.help(IMPORT_HELP))?;
        let torch = TorchContext::new(&context.host, config.precision)?;
        let weights = Weights::load(path)?;
        let extractor = Self::new(config, &weights, torch)?;
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

/// Shown where the weights are missing: no package registry has them.
const IMPORT_HELP: &str = "run `scene3d weights fetch superpoint`; or download superpoint_v6_from_tf.pth from the repository \
     rpautrat/SuperPoint on GitHub, folder weights, and run `scene3d weights import FILE --name superpoint`; .pth and \
     .safetensors are both read";

fn weight_spec() -> WeightSpec {
    WeightSpec {
        name: WEIGHTS.to_owned(),
        file: "superpoint_v6_from_tf.pth".to_owned(),
        sha256: String::new(),
        license: "MIT".to_owned(),
        sources: vec!["https://github.com/rpautrat/SuperPoint/raw/master/weights/superpoint_v6_from_tf.pth".to_owned()],
        when: None,
    }
}

impl SuperPoint {
    /// An extractor, without a host.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] for weights of another network.
    pub fn new(config: SuperPointConfig, weights: &Weights, context: TorchContext) -> scene3d_torch::Result<Self> {
        guard(|| {
            let units = Units::load(weights)?;
            let is_ours = context.is_cpu() && matches!(config.precision, Precision::Auto | Precision::Fp32);
            let network = if is_ours {
                Network::Cpu(Box::new(CpuNetwork::new(&units)?))
            } else {
                Network::Torch(Box::new(TorchNetwork::new(&units, context)?), context)
            };
            Ok(Self { config, network })
        })
    }

    /// Features of each image; `check_cancelled` is asked before each image or batch.
    ///
    /// # Errors
    /// `INVALID_INPUT` for pixels that are not `[H, W, 3] u8`; what `check_cancelled` returns.
    pub fn extract_images(
        &self,
        images: &[ImageTensor<'_>],
        threads: usize,
        check_cancelled: impl Fn() -> Result<()>,
    ) -> Result<Vec<Features>> {
        images.iter().try_for_each(check_image)?;
        let max_batch = if let Network::Torch(_, context) = &self.network
            && !context.is_cpu()
        {
            MAX_BATCH
        } else {
            1
        };
        let mut features = Vec::with_capacity(images.len());
        let same_size = images.chunk_by(|a, b| a.pixels.shape() == b.pixels.shape());
        for batch in same_size.flat_map(|images| images.chunks(max_batch)) {
            check_cancelled()?;
            features.extend(self.extract_batch(batch, threads)?);
        }
        Ok(features)
    }

    fn extract_batch(&self, images: &[ImageTensor<'_>], threads: usize) -> Result<Vec<Features>> {
        let [height, width] = image_sides(&images[0]);
        if height.min(width) < CELL {
            return images.iter().map(|_| no_features()).collect();
        }
        match &self.network {
            Network::Cpu(network) => images.iter().map(|image| self.extract_on_cpu(network, image, threads)).collect(),
            Network::Torch(network, context) => Ok(guard(|| self.extract_with_torch(network, context, images))?),
        }
    }

    fn extract_on_cpu(&self, network: &CpuNetwork, image: &ImageTensor<'_>, threads: usize) -> Result<Features> {
        let [height, width] = image_sides(image);
        let dense = network.run(&Grey::of_rgb(image.pixels.as_slice()?, height, width), threads);
        let detections = detect::detect(&dense.scores(), &self.config);
        let positions: Vec<[f32; 2]> = detections.iter().map(|detection| detection.position).collect();
        let num_keypoints = positions.len() as i64;
        let to_original = |[x, y]: &[f32; 2]| {
            let [original_width, original_height] = image.image_size;
            [
                pixel::rescale(pixel::from_index(*x), width as u32, original_width),
                pixel::rescale(pixel::from_index(*y), height as u32, original_height),
            ]
        };
        Ok(Features {
            keypoints: Tensor::from_vec(positions.iter().flat_map(to_original).collect(), &[num_keypoints, 2])?,
            scores: Tensor::from_vec(detections.iter().map(|detection| detection.score).collect(), &[num_keypoints])?,
            descriptors: Tensor::from_vec(dense.sample(&positions), &[num_keypoints, DIM as i64])?,
        })
    }

    fn extract_with_torch(
        &self,
        network: &TorchNetwork,
        context: &TorchContext,
        images: &[ImageTensor<'_>],
    ) -> scene3d_torch::Result<Vec<Features>> {
        let copied = |image: &ImageTensor<'_>| Ok(scene3d_tensor::torch::with_torch(image.pixels, tch::Tensor::copy)?);
        let pixels = images.iter().map(copied).collect::<scene3d_torch::Result<Vec<_>>>()?;
        let found = network.features(&tch::Tensor::stack(&pixels, 0), &self.config)?;
        let features = images.iter().zip(found).map(|(image, found)| {
            let [height, width] = image_sides(image);
            let scale = [image.image_size[0] as f32 / width as f32, image.image_size[1] as f32 / height as f32];
            let scale = tch::Tensor::from_slice(&scale).to_device(found.positions.device());
            Ok(Features {
                keypoints: context.export(&((&found.positions + 0.5) * scale))?,
                scores: context.export(&found.scores)?,
                descriptors: context.export(&found.descriptors)?,
            })
        });
        features.collect()
    }
}

fn check_image(image: &ImageTensor<'_>) -> Result<()> {
    if let ([_, _, 3], scene3d_sdk::DType::U8) = (image.pixels.shape(), image.pixels.dtype()) {
        return Ok(());
    }
    let (shape, dtype) = (image.pixels.shape(), image.pixels.dtype());
    Err(SdkError::invalid_input(format!("pixels are {shape:?} {dtype}, expected [H, W, 3] u8")))
}

/// `[height, width]` of a checked image.
fn image_sides(image: &ImageTensor<'_>) -> [usize; 2] {
    [0, 1].map(|axis| image.pixels.shape().get(axis).map_or(0, |side| *side as usize))
}

fn no_features() -> Result<Features> {
    Ok(Features {
        keypoints: Tensor::from_vec(Vec::<f32>::new(), &[0, 2])?,
        scores: Tensor::from_vec(Vec::<f32>::new(), &[0])?,
        descriptors: Tensor::from_vec(Vec::<f32>::new(), &[0, DIM as i64])?,
    })
}

scene3d_sdk::export_plugin!(extractor: SuperPoint);

#[cfg(test)]
mod tests;
