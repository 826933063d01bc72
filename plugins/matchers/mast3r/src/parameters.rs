//! Reads a network's parameters by the reference's names and rearranges them for inference.
//!
//! Exact rewritings: convolutions over whole patches, of one pixel, and transposed ones whose steps don't overlap become
//! linear maps; `k` and `v` of cross-attention are one map; channels of `q` and `k` are paired for [`crate::rope`]; rows of the
//! descriptor head are ordered by pixel, so that its output is an image of descriptors without a shuffle of channels.

use scene3d_torch::{Result, TorchContext, Weights};
use tch::{Kind, Tensor};

use crate::architecture::{Architecture, PATCH_SIZE, Stack};
use crate::blocks::{CrossAttention, DecoderBlock, EncoderBlock, SelfAttention};
use crate::descriptor_head::DescriptorHead;
use crate::layers::{Linear, Mlp, Norm};
use crate::manifest::stored_name;
use crate::network::{Decoder, Encoder, Heads};
use crate::point_head::{Conv, Fusion, PointHead, ResidualUnit};
use crate::rope::channel_order;

/// Reads parameters onto the context's device.
pub struct Reader<'a> {
    /// Of a file or the formula.
    pub weights: &'a Weights,
    /// Sizes.
    pub architecture: &'a Architecture,
    /// Device, and element type of the transformers' products.
    pub context: &'a TorchContext,
}

impl Reader<'_> {
    /// The encoder.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] for a missing or misshapen tensor.
    pub fn encoder(&self) -> Result<Encoder> {
        let stack = self.architecture.encoder;
        let embedding = Linear {
            weight: self.f32("patch_embed.proj.weight")?.flatten(1, 3),
            bias: self.f32("patch_embed.proj.bias")?,
        };
        Ok(Encoder {
            embedding: self.exact(&embedding),
            blocks: (0..stack.depth)
                .map(|i| self.encoder_block(&format!("enc_blocks.{i}"), stack))
                .collect::<Result<_>>()?,
            norm: self.norm("enc_norm")?,
        })
    }

    /// Both decoders.
    ///
    /// # Errors
    /// As [`Self::encoder`].
    pub fn decoder(&self) -> Result<Decoder> {
        let depth = self.architecture.decoder.depth;
        let stack = |name: &str| (0..depth).map(|i| self.decoder_block(&format!("{name}.{i}"))).collect::<Result<_>>();
        Ok(Decoder {
            embedding: self.rounded(&self.linear("decoder_embed")?),
            stacks: [stack("dec_blocks")?, stack("dec_blocks2")?],
            norm: self.norm("dec_norm")?,
        })
    }

    /// The heads of view 1 or 2.
    ///
    /// # Errors
    /// As [`Self::encoder`].
    pub fn heads(&self, view: usize) -> Result<Heads> {
        let name = format!("downstream_head{view}");
        let points = self.point_head(&format!("{name}.dpt"))?;
        Ok(Heads { points, descriptors: self.descriptor_head(&format!("{name}.head_local_features"))? })
    }

    fn encoder_block(&self, name: &str, stack: Stack) -> Result<EncoderBlock> {
        Ok(EncoderBlock {
            attention_norm: self.norm(&format!("{name}.norm1"))?,
            attention: self.self_attention(&format!("{name}.attn"), stack)?,
            mlp_norm: self.norm(&format!("{name}.norm2"))?,
            mlp: self.mlp(&format!("{name}.mlp"))?,
        })
    }

    fn decoder_block(&self, name: &str) -> Result<DecoderBlock> {
        let stack = self.architecture.decoder;
        Ok(DecoderBlock {
            attention_norm: self.norm(&format!("{name}.norm1"))?,
            attention: self.self_attention(&format!("{name}.attn"), stack)?,
            query_norm: self.norm(&format!("{name}.norm2"))?,
            other_norm: self.norm(&format!("{name}.norm_y"))?,
            cross_attention: self.cross_attention(&format!("{name}.cross_attn"), stack)?,
            mlp_norm: self.norm(&format!("{name}.norm3"))?,
            mlp: self.mlp(&format!("{name}.mlp"))?,
        })
    }

    fn self_attention(&self, name: &str, stack: Stack) -> Result<SelfAttention> {
        let parts = self.linear(&format!("{name}.qkv"))?.split(3);
        let [q, k] = [0, 1].map(|part| paired(&parts[part], stack));
        Ok(SelfAttention {
            projection: self.rounded(&stacked(&[&q, &k, &parts[2]])),
            output: self.rounded(&self.linear(&format!("{name}.proj"))?),
            num_heads: stack.num_heads,
        })
    }

    fn cross_attention(&self, name: &str, stack: Stack) -> Result<CrossAttention> {
        let read = |part: &str| self.linear(&format!("{name}.{part}"));
        let key_value = stacked(&[&paired(&read("projk")?, stack), &read("projv")?]);
        Ok(CrossAttention {
            query: self.rounded(&paired(&read("projq")?, stack)),
            key_value: self.rounded(&key_value),
            output: self.rounded(&read("proj")?),
            num_heads: stack.num_heads,
        })
    }

    fn mlp(&self, name: &str) -> Result<Mlp> {
        let read = |part: &str| -> Result<Linear> { Ok(self.rounded(&self.linear(&format!("{name}.{part}"))?)) };
        Ok(Mlp { first: read("fc1")?, last: read("fc2")? })
    }

    fn norm(&self, name: &str) -> Result<Norm> {
        let Linear { weight, bias } = self.exact(&self.linear(name)?);
        Ok(Norm { scale: weight, shift: bias })
    }

    fn point_head(&self, name: &str) -> Result<PointHead> {
        let pixelwise = |part: String| -> Result<Linear> {
            let Linear { weight, bias } = self.linear(&format!("{name}.{part}"))?;
            Ok(self.exact(&Linear { weight: weight.flatten(1, 3), bias }))
        };
        let to_layer = |i: usize| pixelwise(format!("act_postprocess.{i}.0"));
        let up = |i: usize| -> Result<Linear> {
            Ok(self.exact(&steps(&self.linear(&format!("{name}.act_postprocess.{i}.1"))?)))
        };
        let to_features = |i: usize| self.conv(&format!("{name}.scratch.layer{}_rn", i + 1), false);
        let fusion = |i: usize| {
            let level = format!("{name}.scratch.refinenet{}", i + 1);
            Ok(Fusion {
                // the coarsest level has nothing to add
                addition: if i < 3 { Some(self.residual_unit(&format!("{level}.resConfUnit1"))?) } else { None },
                unit: self.residual_unit(&format!("{level}.resConfUnit2"))?,
                output: pixelwise(format!("scratch.refinenet{}.out_conv", i + 1))?,
            })
        };
        Ok(PointHead {
            to_layers: four(to_layer)?,
            up_by_4: up(0)?,
            up_by_2: up(1)?,
            down: self.conv(&format!("{name}.act_postprocess.3.1"), true)?,
            to_features: four(to_features)?,
            fusions: four(fusion)?,
            before_last_upsampling: self.conv(&format!("{name}.head.0"), true)?,
            after_last_upsampling: self.conv(&format!("{name}.head.2"), true)?,
            output: pixelwise("head.4".to_owned())?,
        })
    }

    fn residual_unit(&self, name: &str) -> Result<ResidualUnit> {
        let conv = |number| self.conv(&format!("{name}.conv{number}"), true);
        Ok(ResidualUnit { first: conv(1)?, second: conv(2)? })
    }

    /// With its weight's channels innermost, as the maps have theirs.
    fn conv(&self, name: &str, has_bias: bool) -> Result<Conv> {
        let weight = self.f32(&format!("{name}.weight"))?;
        let weight = weight.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]).to_device(self.context.device);
        let bias =
            if has_bias { Some(self.f32(&format!("{name}.bias"))?.to_device(self.context.device)) } else { None };
        Ok(Conv { weight, bias })
    }

    fn descriptor_head(&self, name: &str) -> Result<DescriptorHead> {
        let num_channels = self.architecture.descriptor_dim + 1;
        let by_channel = self.linear(&format!("{name}.fc2"))?;
        let by_pixel =
            |x: &Tensor| x.unflatten(0, [num_channels, PATCH_SIZE * PATCH_SIZE]).transpose(0, 1).flatten(0, 1);
        let last = Linear { weight: by_pixel(&by_channel.weight), bias: by_pixel(&by_channel.bias) };
        Ok(DescriptorHead {
            mlp: Mlp { first: self.exact(&self.linear(&format!("{name}.fc1"))?), last: self.exact(&last) },
            num_channels,
        })
    }

    fn linear(&self, name: &str) -> Result<Linear> {
        Ok(Linear { weight: self.f32(&format!("{name}.weight"))?, bias: self.f32(&format!("{name}.bias"))? })
    }

    /// Shapes were held against the manifest before.
    fn f32(&self, name: &str) -> Result<Tensor> {
        let stored = stored_name(self.weights, name);
        self.weights.get(&stored, &self.weights.shape(&stored).unwrap_or_default())
    }

    fn rounded(&self, linear: &Linear) -> Linear {
        linear.to(self.context, self.context.kind)
    }

    fn exact(&self, linear: &Linear) -> Linear {
        linear.to(self.context, Kind::Float)
    }
}

impl Linear {
    fn to(&self, context: &TorchContext, kind: Kind) -> Self {
        let moved = |tensor: &Tensor| tensor.to_kind(kind).to_device(context.device).contiguous();
        Self { weight: moved(&self.weight), bias: moved(&self.bias) }
    }

    fn split(&self, num_parts: i64) -> Vec<Self> {
        let (weights, biases) = (self.weight.chunk(num_parts, 0), self.bias.chunk(num_parts, 0));
        weights.into_iter().zip(biases).map(|(weight, bias)| Self { weight, bias }).collect()
    }
}

fn stacked(parts: &[&Linear]) -> Linear {
    let cat = |of: fn(&Linear) -> &Tensor| Tensor::cat(&parts.iter().map(|part| of(part)).collect::<Vec<_>>(), 0);
    Linear { weight: cat(|part| &part.weight), bias: cat(|part| &part.bias) }
}

/// With each head's rows in [`channel_order`].
fn paired(linear: &Linear, stack: Stack) -> Linear {
    let order = Tensor::from_slice(&channel_order(stack.head_dim())).to_device(linear.weight.device());
    let reordered =
        |x: &Tensor| x.unflatten(0, [stack.num_heads, stack.head_dim()]).index_select(1, &order).flatten(0, 1);
    Linear { weight: reordered(&linear.weight), bias: reordered(&linear.bias) }
}

/// Of a transposed convolution `[in, out, k, k]` with stride `k`: a map to the `k x k x out` values of a step.
fn steps(transposed: &Linear) -> Linear {
    let num_pixels = transposed.weight.size()[2] * transposed.weight.size()[3];
    Linear { weight: transposed.weight.permute([2, 3, 1, 0]).flatten(0, 2), bias: transposed.bias.repeat([num_pixels]) }
}

fn four<T>(read: impl Fn(usize) -> Result<T>) -> Result<[T; 4]> {
    Ok([read(0)?, read(1)?, read(2)?, read(3)?])
}
