//! The network's parameters by the published names, with batch normalisation folded into the convolutions.

use scene3d_torch::{Result, Weights};
use tch::{Kind, Tensor};

use crate::config::Sizes;

/// `eps` of every batch normalisation.
const BATCH_NORM_EPS: f64 = 1e-5;

/// Channels between the layers of the score head.
const SCORE_CHANNELS: [i64; 4] = [8, 4, 4, 1];

/// A convolution with bias.
#[derive(Debug)]
pub struct Conv {
    /// `[out, in, k, k] f32`
    pub weight: Tensor,
    /// `[out] f32`
    pub bias: Tensor,
}

/// A deformable convolution: the convolution that finds offsets, then the one that uses them.
#[derive(Debug)]
pub struct DeformConv {
    /// to `2 * 9` channels: (dy, dx) of each tap
    pub offsets: Conv,
    /// applied at the moved taps
    pub conv: Conv,
}

/// A residual block over convolutions of one kind.
#[derive(Debug)]
pub struct Residual<C> {
    /// First convolution, followed by SELU.
    pub conv1: C,
    /// Second convolution, to which the shortcut is added before SELU.
    pub conv2: C,
    /// 1x1 shortcut.
    pub downsample: Conv,
}

/// The sparse deformable descriptor head.
#[derive(Debug)]
pub struct DescriptorHead {
    /// 3x3, dim to `2 * num_samples`, followed by SELU.
    pub offsets1: Conv,
    /// 1x1, to the offsets: dx of all samples, then dy.
    pub offsets2: Conv,
    /// 1x1 of each sample, followed by SELU.
    pub sample: Conv,
    /// `[num_samples, dim, dim] f32`: sample, its channel, descriptor channel.
    pub aggregation: Tensor,
}

/// All parameters, f32 on CPU.
#[derive(Debug)]
pub struct Parameters {
    /// Sizes they were read for.
    pub sizes: Sizes,
    /// Two 3x3 convolutions, each followed by SELU, at full resolution.
    pub block1: [Conv; 2],
    /// At 1/2.
    pub block2: Residual<Conv>,
    /// At 1/8.
    pub block3: Residual<DeformConv>,
    /// At 1/32.
    pub block4: Residual<DeformConv>,
    /// 1x1 of each block's output to a quarter of the feature map, followed by SELU.
    pub aggregation: [Conv; 4],
    /// Layers of the score head, with SELU between them.
    pub score_head: [Conv; 4],
    /// Descriptors.
    pub descriptor_head: DescriptorHead,
}

impl Parameters {
    /// Reads the parameters under the names of `ALIKED nets/aliked.py`.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] naming the tensor that is missing or of another shape.
    pub fn read(weights: &Weights, sizes: Sizes) -> Result<Self> {
        let reader = Reader { weights };
        let [c1, c2, c3, c4] = sizes.channels;
        let (dim, num_offsets) = (sizes.dim, 2 * sizes.num_samples);
        let [s1, s2, s3, s4] = SCORE_CHANNELS;
        let quarter = dim / 4;
        Ok(Self {
            sizes,
            block1: [
                reader.normalized("block1.conv1", "block1.bn1", [c1, 3, 3, 3])?,
                reader.normalized("block1.conv2", "block1.bn2", [c1, c1, 3, 3])?,
            ],
            block2: Residual {
                conv1: reader.normalized("block2.conv1", "block2.bn1", [c2, c1, 3, 3])?,
                conv2: reader.normalized("block2.conv2", "block2.bn2", [c2, c2, 3, 3])?,
                downsample: reader.biased("block2.downsample", [c2, c1, 1, 1])?,
            },
            block3: reader.deformable("block3", c2, c3)?,
            block4: reader.deformable("block4", c3, c4)?,
            aggregation: [
                reader.plain("conv1", [quarter, c1, 1, 1])?,
                reader.plain("conv2", [quarter, c2, 1, 1])?,
                reader.plain("conv3", [quarter, c3, 1, 1])?,
                reader.plain("conv4", [quarter, c4, 1, 1])?,
            ],
            score_head: [
                reader.plain("score_head.0", [s1, dim, 1, 1])?,
                reader.plain("score_head.2", [s2, s1, 3, 3])?,
                reader.plain("score_head.4", [s3, s2, 3, 3])?,
                reader.plain("score_head.6", [s4, s3, 3, 3])?,
            ],
            descriptor_head: DescriptorHead {
                offsets1: reader.biased("desc_head.offset_conv.0", [num_offsets, dim, 3, 3])?,
                offsets2: reader.biased("desc_head.offset_conv.2", [num_offsets, num_offsets, 1, 1])?,
                sample: reader.plain("desc_head.sf_conv", [dim, dim, 1, 1])?,
                aggregation: weights.get("desc_head.agg_weights", &[sizes.num_samples, dim, dim])?,
            },
        })
    }
}

struct Reader<'a> {
    weights: &'a Weights,
}

impl Reader<'_> {
    fn weight(&self, name: &str, shape: [i64; 4]) -> Result<Tensor> {
        self.weights.get(&format!("{name}.weight"), &shape)
    }

    fn plain(&self, name: &str, shape: [i64; 4]) -> Result<Conv> {
        let bias = Tensor::f_zeros([shape[0]], (Kind::Float, tch::Device::Cpu))?;
        Ok(Conv { weight: self.weight(name, shape)?, bias })
    }

    fn biased(&self, name: &str, shape: [i64; 4]) -> Result<Conv> {
        let bias = self.weights.get(&format!("{name}.bias"), &shape[..1])?;
        Ok(Conv { weight: self.weight(name, shape)?, bias })
    }

    /// A convolution without bias and the batch normalisation after it, as one; folded in f64.
    fn normalized(&self, conv: &str, norm: &str, shape: [i64; 4]) -> Result<Conv> {
        let of_norm = |name: &str| -> Result<Tensor> {
            Ok(self.weights.get(&format!("{norm}.{name}"), &shape[..1])?.f_to_kind(Kind::Double)?)
        };
        let (mean, variance) = (of_norm("running_mean")?, of_norm("running_var")?);
        let scale = of_norm("weight")?.f_div(&variance.f_add_scalar(BATCH_NORM_EPS)?.f_sqrt()?)?;
        let bias = of_norm("bias")?.f_sub(&mean.f_mul(&scale)?)?;
        let weight = self.weight(conv, shape)?.f_to_kind(Kind::Double)?.f_mul(&scale.f_reshape([-1, 1, 1, 1])?)?;
        Ok(Conv { weight: weight.f_to_kind(Kind::Float)?, bias: bias.f_to_kind(Kind::Float)? })
    }

    fn deformable(&self, block: &str, c_in: i64, c_out: i64) -> Result<Residual<DeformConv>> {
        let conv = |conv: &str, norm: &str, c_in: i64| -> Result<DeformConv> {
            Ok(DeformConv {
                offsets: self.biased(&format!("{block}.{conv}.offset_conv"), [18, c_in, 3, 3])?,
                conv: self.normalized(
                    &format!("{block}.{conv}.regular_conv"),
                    &format!("{block}.{norm}"),
                    [c_out, c_in, 3, 3],
                )?,
            })
        };
        Ok(Residual {
            conv1: conv("conv1", "bn1", c_in)?,
            conv2: conv("conv2", "bn2", c_out)?,
            downsample: self.biased(&format!("{block}.downsample"), [c_out, c_in, 1, 1])?,
        })
    }
}
