//! The network as a composition of torch operations, for devices other than the CPU and for precisions below fp32.

use scene3d_kernels::Kernels;
use scene3d_torch::{Result, TorchContext};
use tch::{Device, Kind, Tensor};

use crate::fused::Fused;
use crate::image::Padding;
use crate::keypoints::Selection;
use crate::parameters::{Conv, DeformConv, DescriptorHead, Parameters, Residual};

/// Temperature of the soft-argmax.
const TEMPERATURE: f64 = 0.1;

/// Parameters on the device and the element type of the convolutions.
pub struct TorchNetwork {
    context: TorchContext,
    parameters: Parameters,
    fused: Option<Fused>,
}

/// Outputs of the blocks at 1, 1/2, 1/8, 1/32 of the padded image, `[1, c, h, w]`.
pub type BlockOutputs = [Tensor; 4];

/// Maps of the unpadded image, f32.
pub struct Maps {
    /// `[1, 1, h, w]`, 0..1
    pub scores: Tensor,
    /// `[1, dim, h, w]`, unit length over channels
    pub features: Tensor,
}

/// Keypoints of one image, best pixel first.
pub struct Found {
    /// `[N, 2]` (x, y) in -1..1 over the centres of the corner pixels
    pub normalized: Tensor,
    /// `[N]`
    pub scores: Tensor,
}

impl TorchNetwork {
    /// Moves the parameters to the context's device; takes fused kernels where there are some for it.
    pub fn new(parameters: Parameters, context: TorchContext) -> Result<Self> {
        Self::with_kernels(parameters, context, Kernels::on(context.device)?)
    }

    /// As [`Self::new`], with these kernels or none.
    pub fn with_kernels(parameters: Parameters, context: TorchContext, kernels: Option<Kernels>) -> Result<Self> {
        let parameters = parameters.to(context.device, context.kind, kernels.is_some())?;
        let fused = kernels.map(|kernels| Fused::new(kernels, &parameters, context)).transpose()?;
        Ok(Self { context, parameters, fused })
    }

    /// Keypoints and descriptors `[N, dim]` of `pixels [h, w, 3] u8`.
    pub fn run(&self, pixels: &Tensor, selection: Selection) -> Result<(Found, Tensor)> {
        let image = self.image(pixels)?;
        let size = image.size();
        let padding = Padding::of(size[2] as usize, size[3] as usize);
        let blocks = self.encode(&pad(&image, padding))?;
        if let Some(fused) = &self.fused {
            let maps = fused.aggregate(&blocks, padding, [size[2], size[3]])?;
            let found = fused.detect(&maps.scores, selection)?;
            let descriptors = fused.describe(&maps, &found.normalized)?;
            return Ok((found, descriptors));
        }
        let maps = self.aggregate(&blocks, padding, [size[2], size[3]]);
        let found = refine(&maps.scores, &select(&maps.scores, selection), selection.radius as i64);
        let descriptors = if found.scores.numel() == 0 {
            // torch can't infer sides of empty tensors
            Tensor::zeros([0, self.parameters.sizes.dim], (Kind::Float, self.context.device))
        } else {
            describe(&self.parameters.descriptor_head, &maps.features, &found.normalized)
        };
        Ok((found, descriptors))
    }

    /// `[1, 3, h, w]` in 0..1 of `[h, w, 3] u8`.
    pub fn image(&self, pixels: &Tensor) -> Result<Tensor> {
        let image = pixels.f_to_device(self.context.device)?.f_to_kind(Kind::Float)?.f_div_scalar(255.0)?;
        Ok(image.f_permute([2, 0, 1])?.f_unsqueeze(0)?)
    }

    /// Blocks of a padded image.
    pub fn encode(&self, padded: &Tensor) -> Result<BlockOutputs> {
        let Parameters { block1: [conv1, conv2], block2, block3, block4, .. } = &self.parameters;
        let input = padded.to_kind(self.context.kind);
        let x1 = conv(conv2, &conv(conv1, &input).selu()).selu();
        let x2 = residual(block2, &pool(&x1, 2), |parameters, input| Ok(conv(parameters, input)))?;
        let plain =
            |block, input: &Tensor| residual(block, input, |parameters, input| Ok(deform_conv(parameters, input)));
        let (x3, x4) = if let Some(fused) = &self.fused {
            let deep = |block, input: &Tensor| {
                residual(block, input, |parameters, input| fused.deform_conv(parameters, input))
            };
            let x3 = deep(&fused.deep[0], &pool(&x2, 4))?;
            let x4 = deep(&fused.deep[1], &pool(&x3, 4))?;
            (x3, x4)
        } else {
            let x3 = plain(block3, &pool(&x2, 4))?;
            let x4 = plain(block4, &pool(&x3, 4))?;
            (x3, x4)
        };
        Ok([x1, x2, x3, x4])
    }

    /// What runs fused.
    #[cfg(test)]
    pub fn fused(&self) -> Option<&Fused> {
        self.fused.as_ref()
    }

    /// Parameters on the device.
    #[cfg(test)]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Score and feature map of the blocks.
    pub fn aggregate(&self, blocks: &BlockOutputs, padding: Padding, [height, width]: [i64; 2]) -> Maps {
        let padded = [padding.height as i64, padding.width as i64];
        let branches = blocks.iter().zip(&self.parameters.aggregation).map(|(block, branch)| {
            let branch = conv(branch, block).selu();
            if branch.size()[2..] == padded { branch } else { branch.upsample_bilinear2d(padded, true, None, None) }
        });
        let features = Tensor::cat(&branches.collect::<Vec<_>>(), 1);
        let [score1, score2, score3, score4] = &self.parameters.score_head;
        let hidden = conv(score3, &conv(score2, &conv(score1, &features).selu()).selu()).selu();
        let scores = conv(score4, &hidden).to_kind(Kind::Float).sigmoid();
        let crop =
            |map: &Tensor| map.narrow(2, padding.top as i64, height).narrow(3, padding.left as i64, width).contiguous();
        Maps { scores: crop(&scores), features: unit_length(&crop(&features).to_kind(Kind::Float)) }
    }
}

impl Parameters {
    /// The same parameters elsewhere, in memory with the channels last if asked for; those of the descriptor head stay f32.
    fn to(self, device: Device, kind: Kind, channels_last: bool) -> Result<Self> {
        let map = |conv: Conv, kind: Kind| -> Result<Conv> {
            let to = |tensor: Tensor| tensor.f_to_device(device)?.f_to_kind(kind);
            let weight = to(conv.weight)?;
            let weight = if channels_last { with_channels_last(&weight)? } else { weight };
            Ok(Conv { weight, bias: to(conv.bias)? })
        };
        let trunk = |conv: Conv| map(conv, kind);
        let deformable = |conv: DeformConv| -> Result<DeformConv> {
            Ok(DeformConv { offsets: trunk(conv.offsets)?, conv: trunk(conv.conv)? })
        };
        let deform_block = |block: Residual<DeformConv>| -> Result<Residual<DeformConv>> {
            Ok(Residual {
                conv1: deformable(block.conv1)?,
                conv2: deformable(block.conv2)?,
                downsample: trunk(block.downsample)?,
            })
        };
        let [b1, b2] = self.block1;
        let [a1, a2, a3, a4] = self.aggregation;
        let [s1, s2, s3, s4] = self.score_head;
        let head = self.descriptor_head;
        Ok(Self {
            sizes: self.sizes,
            block1: [trunk(b1)?, trunk(b2)?],
            block2: Residual {
                conv1: trunk(self.block2.conv1)?,
                conv2: trunk(self.block2.conv2)?,
                downsample: trunk(self.block2.downsample)?,
            },
            block3: deform_block(self.block3)?,
            block4: deform_block(self.block4)?,
            aggregation: [trunk(a1)?, trunk(a2)?, trunk(a3)?, trunk(a4)?],
            score_head: [trunk(s1)?, trunk(s2)?, trunk(s3)?, trunk(s4)?],
            descriptor_head: DescriptorHead {
                offsets1: map(head.offsets1, Kind::Float)?,
                offsets2: map(head.offsets2, Kind::Float)?,
                sample: map(head.sample, Kind::Float)?,
                aggregation: head.aggregation.f_to_device(device)?,
            },
        })
    }
}

/// The same tensor, its second axis innermost in memory: convolutions of such weights keep their maps so.
fn with_channels_last(weight: &Tensor) -> Result<Tensor> {
    Ok(weight.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?)
}

/// Replicates the sides outwards.
pub fn pad(image: &Tensor, padding: Padding) -> Tensor {
    let size = image.size();
    let (top, left) = (padding.top as i64, padding.left as i64);
    let (bottom, right) = (padding.height as i64 - size[2] - top, padding.width as i64 - size[3] - left);
    image.replication_pad2d([left, right, top, bottom])
}

fn pool(input: &Tensor, factor: i64) -> Tensor {
    input.avg_pool2d([factor, factor], [factor, factor], [0, 0], false, true, None::<i64>)
}

pub fn conv(conv: &Conv, input: &Tensor) -> Tensor {
    let margin = conv.weight.size()[2] / 2;
    input.conv2d(&conv.weight, Some(&conv.bias), [1, 1], [margin, margin], [1, 1], 1)
}

fn residual<C>(block: &Residual<C>, input: &Tensor, apply: impl Fn(&C, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let hidden = apply(&block.conv1, input)?.selu();
    Ok((apply(&block.conv2, &hidden)? + conv(&block.downsample, input)).selu())
}

/// Deformable convolution (Dai et al., ICCV 2017): one sampling over all taps, then one product.
fn deform_conv(parameters: &DeformConv, input: &Tensor) -> Tensor {
    let (_, channels, height, width) = size4(input);
    let bound = height.max(width) as f64 / 4.0;
    let moves =
        conv(&parameters.offsets, input).clamp(-bound, bound).to_kind(Kind::Float).reshape([9, 2, height, width]);
    let range = |size: i64| Tensor::arange(size, (Kind::Float, input.device()));
    let taps = range(9);
    let tap_y = taps.floor_divide_scalar(3).reshape([9, 1, 1]) - 1.0;
    let tap_x = taps.remainder(3).reshape([9, 1, 1]) - 1.0;
    let y = moves.select(1, 0) + range(height).reshape([1, height, 1]) + tap_y;
    let x = moves.select(1, 1) + range(width).reshape([1, 1, width]) + tap_x;
    // align_corners=false: its scale exists for maps of one pixel, too
    let normalize = |position: Tensor, size: i64| (position * 2.0 + 1.0) / size as f64 - 1.0;
    let grid = Tensor::stack(&[normalize(x, width), normalize(y, height)], -1).reshape([1, 9 * height, width, 2]);
    let samples = sample(&input.to_kind(Kind::Float), &grid, false).to_kind(input.kind());
    let columns = samples.reshape([channels * 9, height * width]);
    let weight = &parameters.conv.weight;
    let product = weight.reshape([-1, channels * 9]).matmul(&columns).reshape([1, -1, height, width]);
    product + parameters.conv.bias.reshape([1, -1, 1, 1])
}

/// Bilinear, zeros outside.
fn sample(map: &Tensor, grid: &Tensor, align_corners: bool) -> Tensor {
    const BILINEAR: i64 = 0;
    const ZEROS: i64 = 0;
    map.grid_sampler_2d(grid, BILINEAR, ZEROS, align_corners)
}

fn unit_length(features: &Tensor) -> Tensor {
    features / features.norm_scalaropt_dim(2, [1], true).clamp_min(1e-12)
}

fn size4(tensor: &Tensor) -> (i64, i64, i64, i64) {
    let size = tensor.size();
    (size[0], size[1], size[2], size[3])
}

/// Refines `pixels [N]` (flat indices) by a soft-argmax over the raw `scores [1, 1, h, w]` around them.
pub fn refine(scores: &Tensor, pixels: &Tensor, radius: i64) -> Found {
    let (_, _, height, width) = size4(scores);
    let weights = window_weights(scores, pixels, radius);
    let [dx, dy] = mean_steps(&weights, radius);
    let y = pixels.floor_divide_scalar(width) + dy;
    let x = pixels.remainder(width) + dx;
    let normalize = |position: Tensor, size: i64| position / (size - 1) as f64 * 2.0 - 1.0;
    let normalized = Tensor::stack(&[normalize(x, width), normalize(y, height)], 1);
    let scores = sample(scores, &normalized.reshape([1, 1, -1, 2]), true).flatten(0, -1);
    Found { normalized, scores }
}

/// Softmax `[N, (2 radius + 1)^2]` of the scores around each pixel, not normalised.
fn window_weights(scores: &Tensor, pixels: &Tensor, radius: i64) -> Tensor {
    let width = scores.size()[3];
    let [dx, dy] = steps(radius, scores.device());
    let patches = scores.flatten(0, -1).take(&(pixels.unsqueeze(1) + dy * width + dx));
    ((&patches - patches.amax([1], true)) / TEMPERATURE).exp()
}

/// Steps (x, y) `[(2 radius + 1)^2] i64` from a pixel to those of its window, px.
fn steps(radius: i64, device: Device) -> [Tensor; 2] {
    let side = 2 * radius + 1;
    let along = Tensor::arange_start(-radius, radius + 1, (Kind::Int64, device));
    [along.reshape([1, -1]), along.reshape([-1, 1])].map(|step| step.expand([side, side], false).flatten(0, -1))
}

/// Mean steps (x, y) `[N]`, px.
fn mean_steps(weights: &Tensor, radius: i64) -> [Tensor; 2] {
    steps(radius, weights.device()).map(|step| weighted_mean(weights, &step))
}

fn weighted_mean(weights: &Tensor, values: &Tensor) -> Tensor {
    let sum = |terms: &Tensor| terms.sum_dim_intlist([1].as_slice(), false, Kind::Float);
    sum(&(weights * values)) / sum(weights)
}

/// Mean squared distance `[N]` from the refined position under the same softmax, in squared radii.
#[cfg(test)]
pub fn dispersity(scores: &Tensor, pixels: &Tensor, radius: i64) -> Tensor {
    let weights = window_weights(scores, pixels, radius);
    let ([dx, dy], [x, y]) = (steps(radius, scores.device()), mean_steps(&weights, radius));
    let squares = [(dx, x), (dy, y)].map(|(step, mean)| ((step - mean.unsqueeze(1)) / radius as f64).square());
    weighted_mean(&weights, &(&squares[0] + &squares[1]))
}

/// Scores that are kept, zero elsewhere, `[1, 1, h, w]`.
fn suppress(scores: &Tensor, radius: i64) -> Tensor {
    let side = 2 * radius + 1;
    let max = |map: &Tensor| map.max_pool2d([side, side], [1, 1], [radius, radius], [1, 1], false);
    let zeros = scores.zeros_like();
    let mut keep = scores.eq_tensor(&max(scores));
    for _ in 0..2 {
        let suppressed = max(&keep.to_kind(Kind::Float)).gt(0.0);
        let remaining = zeros.where_self(&suppressed, scores);
        let maxima = remaining.eq_tensor(&max(&remaining));
        keep = keep.logical_or(&maxima.logical_and(&suppressed.logical_not()));
    }
    scores.where_self(&keep, &zeros)
}

/// Flat indices `[N]` of the pixels that suppression keeps and the selection chooses, best first; equal scores in
/// raster order.
pub fn select(scores: &Tensor, selection: Selection) -> Tensor {
    let (_, _, height, width) = size4(scores);
    let border = selection.radius as i64;
    let inside = scores.zeros_like();
    let rows = inside.narrow(2, border, height - 2 * border);
    let _ = rows.narrow(3, border, width - 2 * border).fill_(1.0);
    let kept = suppress(scores, border) * inside;
    let kept_above = |threshold: f64| kept.flatten(0, -1).gt(threshold).nonzero().flatten(0, -1);
    let mut pixels = kept_above(f64::from(selection.threshold.unwrap_or(0.0)));
    if pixels.numel() == 0 && selection.threshold.is_some() {
        pixels = kept_above(scores.mean(Kind::Float).double_value(&[]));
    }
    let (_, order) = scores.flatten(0, -1).take(&pixels).sort_stable(true, 0, true);
    let num_pixels = order.size()[0].min(selection.max_keypoints as i64);
    pixels.index_select(0, &order.narrow(0, 0, num_pixels))
}

/// Descriptors `[N, dim]` of `normalized [N, 2]` on `features [1, dim, h, w]`.
pub fn describe(head: &DescriptorHead, features: &Tensor, normalized: &Tensor) -> Tensor {
    let (_, dim, height, width) = size4(features);
    let num_keypoints = normalized.size()[0];
    let last = Tensor::from_slice(&[width as f32 - 1.0, height as f32 - 1.0]).to_device(features.device());
    // these operations in this order: see cpu/describe.rs
    let positions = (normalized / 2.0 + 0.5) * &last;
    let offsets = sample_offsets(head, features, &positions);
    let moved = positions.unsqueeze(1) + offsets;
    let grid = (moved * 2.0 / &last - 1.0).reshape([1, 1, -1, 2]);
    let samples = sample(features, &grid, true);
    let samples = conv(&head.sample, &samples).selu().reshape([dim, num_keypoints, -1]).permute([1, 2, 0]);
    let aggregation = head.aggregation.reshape([-1, dim]);
    unit_length(&samples.reshape([num_keypoints, -1]).matmul(&aggregation))
}

/// `[N, num_samples, 2]` (x, y) px.
pub fn sample_offsets(head: &DescriptorHead, features: &Tensor, positions: &Tensor) -> Tensor {
    let (_, dim, height, width) = size4(features);
    let num_keypoints = positions.size()[0];
    let anchors = positions.to_kind(Kind::Int64) - 1;
    let steps = Tensor::arange(3, (Kind::Int64, features.device()));
    // at most `size - 4`, as the reference does without its compiled operation
    let columns = anchors.select(1, 0).clamp(0, width - 4).reshape([-1, 1, 1]) + steps.reshape([1, 1, 3]);
    let rows = anchors.select(1, 1).clamp(0, height - 4).reshape([-1, 1, 1]) + steps.reshape([1, 3, 1]);
    let patches = features.reshape([dim, -1]).index_select(1, &(rows * width + columns).flatten(0, -1));
    let patches = patches.reshape([dim, num_keypoints, 3, 3]).permute([1, 0, 2, 3]);
    let offsets1 = &head.offsets1;
    let hidden = patches.conv2d(&offsets1.weight, Some(&offsets1.bias), [1, 1], [0, 0], [1, 1], 1).selu();
    let bound = height.max(width) as f64 / 4.0;
    let offsets = conv(&head.offsets2, &hidden).clamp(-bound, bound);
    offsets.reshape([num_keypoints, 2, -1]).transpose(1, 2)
}
