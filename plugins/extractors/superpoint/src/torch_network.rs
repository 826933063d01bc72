//! The network and the detection as torch operations: on CUDA, and on CPU for bf16.

use scene3d_kernels::Kernels;
use scene3d_torch::{Result, TorchContext};
use tch::{Kind, Tensor};

use crate::SuperPointConfig;
use crate::dense::{CELL, NUM_LOGITS};
use crate::fused;
use crate::units::{Unit, Units, is_pooled};

/// Rounds of the reference's `simple_nms` after the first.
const NUM_ROUNDS: usize = 2;

/// All units on their device, weights in their element type.
pub struct TorchNetwork {
    units: Units,
    context: TorchContext,
    kernels: Option<Kernels>,
}

/// Dense output of a batch, f32.
pub struct DenseBatch {
    /// `[B, 65, h, w]`
    pub logits: Tensor,
    /// `[B, 256, h, w]`, unit length
    pub descriptors: Tensor,
}

/// Keypoints and descriptors of one image.
pub struct TorchFeatures {
    /// `[N, 2] f32`, (x, y), px index, whole numbers
    pub positions: Tensor,
    /// `[N] f32`
    pub scores: Tensor,
    /// `[N, 256] f32`, unit length
    pub descriptors: Tensor,
}

/// Keypoints of one image.
pub struct TorchDetections {
    /// `[N, 2] f32`, (x, y), px index, whole numbers
    pub positions: Tensor,
    /// `[N] f32`
    pub scores: Tensor,
}

impl TorchNetwork {
    /// Moves the units to the device; takes fused kernels where there are some for it.
    pub fn new(units: &Units, context: TorchContext) -> Result<Self> {
        Ok(Self::with_kernels(units, context, Kernels::on(context.device)?))
    }

    /// As [`Self::new`], with these kernels or none.
    pub fn with_kernels(units: &Units, context: TorchContext, kernels: Option<Kernels>) -> Self {
        let place = |unit: &Unit| {
            let cast = |tensor: &Tensor| tensor.to_device(context.device).to_kind(context.kind);
            // channels innermost in memory, as the kernels read them: the network's maps stay so
            let weight = |tensor: &Tensor| match kernels {
                Some(_) => cast(tensor).permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
                None => cast(tensor),
            };
            let vector = |tensor: &Tensor| cast(tensor).view([1, -1, 1, 1]);
            Unit {
                weight: weight(&unit.weight),
                bias: cast(&unit.bias),
                scale: vector(&unit.scale),
                shift: vector(&unit.shift),
                has_relu: unit.has_relu,
            }
        };
        let place_all = |units: &[Unit]| units.iter().map(place).collect();
        let units = Units {
            backbone: place_all(&units.backbone),
            detector: place_all(&units.detector),
            descriptor: place_all(&units.descriptor),
        };
        Self { units, context, kernels }
    }

    /// Features of each image of `pixels [B, H, W, 3] u8`.
    pub fn features(&self, pixels: &Tensor, config: &SuperPointConfig) -> Result<Vec<TorchFeatures>> {
        let [logits, descriptors] = self.heads(pixels);
        if let Some(kernels) = &self.kernels
            && let Some(features) = fused::features(kernels, &logits, &descriptors, config)?
        {
            return Ok(features);
        }
        let dense = DenseBatch { logits, descriptors: normalize(&descriptors, 1) };
        let scores = dense.scores();
        let of_image = |image: i64| {
            let TorchDetections { positions, scores } = detect(&scores.f_get(image)?, config)?;
            Ok(TorchFeatures { descriptors: dense.sample(image, &positions), positions, scores })
        };
        (0..pixels.size()[0]).map(of_image).collect()
    }

    /// Dense output of `pixels [B, H, W, 3] u8`.
    #[cfg(test)]
    pub fn run(&self, pixels: &Tensor) -> DenseBatch {
        let [logits, descriptors] = self.heads(pixels);
        DenseBatch { logits, descriptors: normalize(&descriptors, 1) }
    }

    /// Logits `[B, 65, h, w]` and descriptors `[B, 256, h, w]` of any length, f32.
    fn heads(&self, pixels: &Tensor) -> [Tensor; 2] {
        let backbone = self.backbone(pixels);
        [&self.units.detector, &self.units.descriptor].map(|units| {
            units.iter().fold(backbone.shallow_clone(), |map, unit| unit.forward(&map)).to_kind(Kind::Float)
        })
    }

    /// `[B, 128, h, w]` of `pixels [B, H, W, 3] u8`.
    pub fn backbone(&self, pixels: &Tensor) -> Tensor {
        let rgb = pixels.to_device(self.context.device).to_kind(Kind::Float) / 255.0;
        let weights = Tensor::from_slice(&[0.299_f32, 0.587, 0.114]).to_device(self.context.device);
        let grey = (rgb * weights).sum_dim_intlist([-1_i64].as_slice(), false, Kind::Float).unsqueeze(1);
        let mut map = grey.to_kind(self.context.kind);
        for (index, unit) in self.units.backbone.iter().enumerate() {
            map = unit.forward(&map);
            if is_pooled(index) {
                map = map.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
            }
        }
        map
    }
}

impl Unit {
    fn forward(&self, input: &Tensor) -> Tensor {
        let padding = self.weight.size()[2] / 2;
        let output = input.conv2d(&self.weight, Some(&self.bias), [1, 1], [padding, padding], [1, 1], 1);
        let output = if self.has_relu { output.relu() } else { output };
        &self.shift + &self.scale * output
    }
}

impl DenseBatch {
    /// Score maps `[B, 8 h, 8 w]`.
    pub fn scores(&self) -> Tensor {
        let probabilities = self.logits.softmax(1, Kind::Float).narrow(1, 0, NUM_LOGITS as i64 - 1);
        probabilities.pixel_shuffle(CELL as i64).squeeze_dim(1)
    }

    /// Descriptors `[N, 256]` of one image of the batch at px indices `[N, 2]`.
    pub fn sample(&self, index: i64, positions: &Tensor) -> Tensor {
        let map = self.descriptors.narrow(0, index, 1);
        let (height, width) = (map.size()[2] * CELL as i64, map.size()[3] * CELL as i64);
        let sides = Tensor::from_slice(&[width as f32, height as f32]).to_device(map.device());
        let grid: Tensor = (positions + 0.5) / sides * 2.0 - 1.0;
        // bilinear, zeros outside
        let sampled = map.grid_sampler(&grid.view([1, 1, -1, 2]), 0, 0, false);
        normalize(&sampled.view([map.size()[1], -1]).transpose(0, 1), 1)
    }
}

/// [`crate::detect::detect`] on a score map `[H, W]` on any device.
pub fn detect(scores: &Tensor, config: &SuperPointConfig) -> Result<TorchDetections> {
    let maxima = suppress(scores, i64::from(config.nms_radius));
    let border = i64::from(config.remove_borders);
    let (height, width) = scores.size2()?;
    let inside = maxima.zeros_like();
    if height > 2 * border && width > 2 * border {
        let core = |map: &Tensor| map.narrow(0, border, height - 2 * border).narrow(1, border, width - 2 * border);
        core(&inside).copy_(&core(&maxima));
    }
    // strictly above: the border's zeros never are
    let found = inside.gt(f64::from(config.detection_threshold)).nonzero();
    let found_scores = inside.index(&[Some(found.select(1, 0)), Some(found.select(1, 1))]);
    let positions = found.flip([1]).to_kind(Kind::Float);
    let max_keypoints = i64::from(config.max_keypoints);
    if found_scores.size()[0] <= max_keypoints {
        return Ok(TorchDetections { positions, scores: found_scores });
    }
    let (sorted, order) = found_scores.sort_stable(true, 0, true);
    let best = order.narrow(0, 0, max_keypoints);
    Ok(TorchDetections { positions: positions.index_select(0, &best), scores: sorted.narrow(0, 0, max_keypoints) })
}

fn suppress(scores: &Tensor, radius: i64) -> Tensor {
    let scores = scores.unsqueeze(0).unsqueeze(0);
    let side = 2 * radius + 1;
    let largest = |map: &Tensor| map.max_pool2d([side, side], [1, 1], [radius, radius], [1, 1], false);
    let mut mask = scores.eq_tensor(&largest(&scores));
    for _ in 0..NUM_ROUNDS {
        let suppressed = largest(&mask.to_kind(Kind::Float)).gt(0.0);
        let others = scores.masked_fill(&suppressed, 0.0);
        let recovered = others.eq_tensor(&largest(&others)).logical_and(&suppressed.logical_not());
        mask = mask.logical_or(&recovered);
    }
    scores.masked_fill(&mask.logical_not(), 0.0).squeeze()
}

fn normalize(tensor: &Tensor, dim: i64) -> Tensor {
    let norm = tensor.norm_scalaropt_dim(2.0, [dim].as_slice(), true).clamp_min(1e-12);
    tensor / norm
}
