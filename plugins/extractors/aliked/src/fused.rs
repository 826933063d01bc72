//! The network over fused kernels: sampling, score head, detection and description each take a launch or a few, and the
//! feature map is never stored at full resolution.

use scene3d_kernels::{Branches, Candidates, Frame, Kernels, Suppression};
use scene3d_torch::{Result, TorchContext};
use tch::{Kind, Tensor};

use crate::image::Padding;
use crate::keypoints::Selection;
use crate::parameters::{Conv, DeformConv, DescriptorHead, Parameters, Residual};
use crate::torch_network::{BlockOutputs, Found, conv, refine, select};

/// Channels after the score head's first layer.
const HIDDEN: i64 = 8;

/// Kernels, and weights in the layouts they want.
pub struct Fused {
    kernels: Kernels,
    /// Blocks 3 and 4.
    pub deep: [Residual<FusedDeform>; 2],
    branches: [Linear; 4],
    /// Each branch's slice of the score head's first layer.
    slices: [Linear; 4],
    score_parameters: Tensor,
    head: FusedHead,
}

/// A deformable convolution: its columns are tap by tap, channels innermost.
pub struct FusedDeform {
    offsets: Conv,
    product: Linear,
}

/// `x W + b`
struct Linear {
    /// `[in, out]`
    weight: Tensor,
    /// `[out]`
    bias: Tensor,
}

struct FusedHead {
    offsets1: Linear,
    offsets2: Linear,
    sample: Linear,
    /// `[num_samples * dim, dim]`
    aggregation: Tensor,
}

/// What aggregation leaves of an image.
pub struct FusedMaps {
    /// `[height, width] f32`, 0..1
    pub scores: Tensor,
    branches: Branches,
    frame: Frame,
}

impl Linear {
    /// A convolution over windows in the order tap, channel.
    fn new(conv: &Conv) -> Result<Self> {
        let outputs = conv.weight.size()[0];
        let weight = conv.weight.f_permute([2, 3, 1, 0])?.f_reshape([-1, outputs])?.f_contiguous()?;
        Ok(Self { weight, bias: conv.bias.shallow_clone() })
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(self.bias.f_addmm(input, &self.weight)?)
    }
}

impl Fused {
    /// Lays out parameters that are on the kernels' device.
    pub fn new(kernels: Kernels, parameters: &Parameters, context: TorchContext) -> Result<Self> {
        let Parameters { block3, block4, aggregation, score_head, descriptor_head, .. } = parameters;
        let DescriptorHead { offsets1, offsets2, sample, aggregation: of_samples } = descriptor_head;
        let [b1, b2, b3, b4] = aggregation.each_ref().map(Linear::new);
        let quarter = parameters.sizes.dim / 4;
        let slice = |branch: i64| -> Result<Linear> {
            let weight = score_head[0].weight.f_narrow(1, branch * quarter, quarter)?;
            // one of the four brings the bias
            let bias =
                if branch == 0 { score_head[0].bias.shallow_clone() } else { score_head[0].bias.f_zeros_like()? };
            Linear::new(&Conv { weight, bias })
        };
        let weights = score_head[1..].iter().map(|conv| &conv.weight);
        let of_head = weights.chain(score_head[1..].iter().map(|conv| &conv.bias));
        let of_head: Vec<Tensor> = of_head.map(|tensor| tensor.to_kind(Kind::Float).flatten(0, -1)).collect();
        Ok(Self {
            deep: [FusedDeform::residual(block3)?, FusedDeform::residual(block4)?],
            branches: [b1?, b2?, b3?, b4?],
            slices: [slice(0)?, slice(1)?, slice(2)?, slice(3)?],
            score_parameters: Tensor::f_cat(&of_head, 0)?.f_to_device(context.device)?,
            head: FusedHead {
                offsets1: Linear::new(offsets1)?,
                offsets2: Linear::new(offsets2)?,
                sample: Linear::new(sample)?,
                aggregation: of_samples.f_reshape([-1, parameters.sizes.dim])?,
            },
            kernels,
        })
    }

    /// `[1, out, h, w]` of `input [1, in, h, w]`.
    pub fn deform_conv(&self, parameters: &FusedDeform, input: &Tensor) -> Result<Tensor> {
        let moves = conv(&parameters.offsets, input);
        let columns = self.kernels.deform_columns(&channels_last(input)?, &channels_last(&moves)?)?;
        let size = input.size();
        let product = parameters.product.forward(&columns)?;
        Ok(product.f_reshape([1, size[2], size[3], -1])?.f_permute([0, 3, 1, 2])?)
    }

    /// Branches and scores of the blocks.
    pub fn aggregate(&self, blocks: &BlockOutputs, padding: Padding, [height, width]: [i64; 2]) -> Result<FusedMaps> {
        let frame = Frame { height, width, top: padding.top as i64, left: padding.left as i64 };
        let branch = |index: usize| -> Result<[Tensor; 2]> {
            let block = channels_last(&blocks[index])?;
            let (size, channels) = (block.size(), block.size()[3]);
            let branch = self.branches[index].forward(&block.f_view([-1, channels])?)?.f_selu()?;
            let slice = self.slices[index].forward(&branch)?;
            Ok([branch.f_view([size[1], size[2], -1])?, slice.f_view([size[1], size[2], HIDDEN])?])
        };
        let [[b1, s1], [b2, s2], [b3, s3], [b4, s4]] = [branch(0)?, branch(1)?, branch(2)?, branch(3)?];
        let scores = self.kernels.score_head(&Branches([s1, s2, s3, s4]), &self.score_parameters, frame)?;
        Ok(FusedMaps { scores, branches: Branches([b1, b2, b3, b4]), frame })
    }

    /// Keypoints of an image; one number, how many they are, comes to the host.
    pub fn detect(&self, scores: &Tensor, selection: Selection) -> Result<Found> {
        let radius = selection.radius as i64;
        let suppression = suppression(selection);
        if !suppression.is_supported() {
            let maps = scores.f_unsqueeze(0)?.f_unsqueeze(0)?;
            return Ok(refine(&maps, &select(&maps, selection), radius));
        }
        let (candidates, num_found) = self.candidates(scores, selection, suppression)?;
        let peaks = self.kernels.refine(&scores.f_unsqueeze(0)?, &candidates, radius)?;
        let of_image = |tensor: &Tensor| -> Result<Tensor> { Ok(tensor.f_get(0)?.f_narrow(0, 0, num_found)?) };
        Ok(Found { normalized: of_image(&peaks.positions)?, scores: of_image(&peaks.scores)? })
    }

    fn candidates(&self, scores: &Tensor, selection: Selection, suppression: Suppression) -> Result<(Candidates, i64)> {
        let maps = scores.f_unsqueeze(0)?;
        let candidates = self.kernels.candidates(&maps, suppression)?;
        let num_found = candidates.counts.f_int64_value(&[0])?;
        if num_found > 0 || selection.threshold.is_none() {
            return Ok((candidates, num_found));
        }
        let threshold = scores.f_mean(Kind::Float)?.f_double_value(&[])? as f32;
        let candidates = self.kernels.candidates(&maps, Suppression { threshold, ..suppression })?;
        let num_found = candidates.counts.f_int64_value(&[0])?;
        Ok((candidates, num_found))
    }

    /// Descriptors `[N, dim]`, unit length.
    pub fn describe(&self, maps: &FusedMaps, normalized: &Tensor) -> Result<Tensor> {
        let num_keypoints = normalized.size()[0];
        let offsets = self.sample_offsets(maps, normalized)?;
        let samples = self.kernels.sddh_samples(&maps.branches, maps.frame, normalized, &offsets)?;
        let dim = samples.size()[2];
        let samples = self.head.sample.forward(&samples.f_view([-1, dim])?)?.f_selu()?;
        let of_keypoint = self.head.aggregation.size()[0];
        let descriptors = samples.f_view([num_keypoints, of_keypoint])?.f_matmul(&self.head.aggregation)?;
        self.kernels.unit_rows(&descriptors)?;
        Ok(descriptors)
    }

    /// `[N, 2 * num_samples]` px: dx of all samples, then dy, before the bound.
    fn sample_offsets(&self, maps: &FusedMaps, normalized: &Tensor) -> Result<Tensor> {
        let patches = self.kernels.sddh_patches(&maps.branches, maps.frame, normalized)?;
        self.head.offsets2.forward(&self.head.offsets1.forward(&patches)?.f_selu()?)
    }
}

impl FusedDeform {
    fn residual(block: &Residual<DeformConv>) -> Result<Residual<Self>> {
        let shared = |conv: &Conv| Conv { weight: conv.weight.shallow_clone(), bias: conv.bias.shallow_clone() };
        let deformable = |conv: &DeformConv| -> Result<Self> {
            Ok(Self { offsets: shared(&conv.offsets), product: Linear::new(&conv.conv)? })
        };
        let (conv1, conv2) = (deformable(&block.conv1)?, deformable(&block.conv2)?);
        Ok(Residual { conv1, conv2, downsample: shared(&block.downsample) })
    }
}

fn suppression(selection: Selection) -> Suppression {
    let radius = selection.radius as i64;
    Suppression {
        radius,
        border: radius,
        threshold: selection.threshold.unwrap_or(0.0),
        max_keypoints: selection.max_keypoints as i64,
        raster: false,
    }
}

/// `[1, h, w, c]` of `[1, c, h, w]`; no copy where the network runs channels-last.
fn channels_last(map: &Tensor) -> Result<Tensor> {
    Ok(map.f_permute([0, 2, 3, 1])?.f_contiguous()?)
}

#[cfg(test)]
impl Fused {
    /// Pixels `[N] i64` of the candidates, best first.
    pub fn pixels(&self, scores: &Tensor, selection: Selection) -> Result<Tensor> {
        let (candidates, num_found) = self.candidates(scores, selection, suppression(selection))?;
        let width = scores.size()[1];
        let positions = self.kernels.keypoints(&candidates, width)?.positions.get(0).narrow(0, 0, num_found);
        let positions = positions.to_kind(Kind::Int64);
        Ok(positions.select(1, 1) * width + positions.select(1, 0))
    }

    /// `[N, num_samples, 2]` (x, y) px, bounded, in the layout of the plain network.
    pub fn bounded_offsets(&self, maps: &FusedMaps, normalized: &Tensor) -> Result<Tensor> {
        let bound = maps.frame.height.max(maps.frame.width) as f64 / 4.0;
        let offsets = self.sample_offsets(maps, normalized)?.clamp(-bound, bound);
        Ok(offsets.reshape([normalized.size()[0], 2, -1]).transpose(1, 2))
    }

    /// `[N, dim]` of the unit-length map at normalised positions.
    pub fn features(&self, maps: &FusedMaps, normalized: &Tensor) -> Result<Tensor> {
        let offsets = Tensor::zeros([normalized.size()[0], 2], (Kind::Float, normalized.device()));
        Ok(self.kernels.sddh_samples(&maps.branches, maps.frame, normalized, &offsets)?.squeeze_dim(1))
    }
}
