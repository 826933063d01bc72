//! The network's parameters, rearranged once so that inference has fewer and larger operations.
//!
//! Three exact rewritings: the interleaved `Wqkv` rows become `q | k | v` blocks; each block's output projection is
//! folded into the first linear layer of its feed-forward network (two linear maps in a row are one); and the
//! scale of attention, with the `log2 e` that lets softmax use powers of two, is folded into the query rows.

use std::f64::consts::LOG2_E;

use scene3d_torch::{Result, TorchContext, Weights};
use tch::{Kind, Tensor};

/// Channels of a token.
pub const DIM: i64 = 256;
/// Attention heads.
pub const NUM_HEADS: i64 = 4;
/// Channels of a head.
pub const HEAD_DIM: i64 = DIM / NUM_HEADS;
/// Layers of the released networks.
pub const NUM_LAYERS: usize = 9;
/// Channels of ALIKED's descriptors.
pub const DESCRIPTOR_DIM: i64 = 128;

/// `x W^T + b`.
#[derive(Debug)]
pub struct Linear {
    /// `[out, in]`
    pub weight: Tensor,
    /// `[out]`
    pub bias: Tensor,
}

/// `Linear, LayerNorm, GELU, Linear` on `cat(x, context)`.
#[derive(Debug)]
pub struct FeedForward {
    /// `[512, 512]`; its right half reads the attention's context, not yet projected.
    pub first: Linear,
    /// LayerNorm's scale and shift.
    pub norm: Linear,
    /// `[256, 512]`
    pub last: Linear,
}

/// Attention within an image or across a pair, and what follows it.
#[derive(Debug)]
pub struct Block {
    /// To `q | k | v` (self, `[768, 256]`) or `qk | v` (cross, `[512, 256]`), each with head-major channels.
    pub projection: Linear,
    /// What follows the attention.
    pub feed_forward: FeedForward,
}

/// One of the nine layers and its exits, the exits in fp32.
#[derive(Debug)]
pub struct Layer {
    /// Within each image.
    pub self_block: Block,
    /// Across the pair.
    pub cross_block: Block,
    /// Logits of matchability and (but after the last layer) confidence, `[1 or 2, 256]`.
    pub exit: Linear,
    /// Projection for the assignment, divided by `256^(1/4)`.
    pub assignment: Linear,
}

/// All parameters, on their device.
#[derive(Debug)]
pub struct Parameters {
    /// Descriptors to tokens, fp32.
    pub input: Linear,
    /// Frequencies of the positional encoding, `[2, 32] f32`.
    pub frequencies: Tensor,
    /// In order.
    pub layers: Vec<Layer>,
}

/// Names of cvg's released files to the names this crate reads.
#[must_use]
pub fn rename(name: &str) -> String {
    for block in ["self_attn", "cross_attn"] {
        let rest = name.strip_prefix(block).and_then(|rest| rest.strip_prefix('.'));
        if let Some((layer, rest)) = rest.and_then(|rest| rest.split_once('.')) {
            return format!("transformers.{layer}.{block}.{rest}");
        }
    }
    name.to_owned()
}

impl Parameters {
    /// Reads all layers and rearranges them.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] for a missing or misshapen tensor.
    pub fn new(weights: &Weights, context: &TorchContext) -> Result<Self> {
        let reader = Reader { weights, context };
        let frequencies = weights.get("posenc.Wr.weight", &[HEAD_DIM / 2, 2])?.transpose(0, 1).contiguous();
        Ok(Self {
            input: reader.exact(&reader.linear("input_proj", DIM, DESCRIPTOR_DIM)?),
            frequencies: frequencies.to_device(context.device),
            layers: (0..NUM_LAYERS).map(|layer| reader.layer(layer)).collect::<Result<_>>()?,
        })
    }
}

/// Linear maps in f64 while they are rearranged.
struct Reader<'a> {
    weights: &'a Weights,
    context: &'a TorchContext,
}

impl Reader<'_> {
    fn layer(&self, layer: usize) -> Result<Layer> {
        let name = format!("log_assignment.{layer}");
        let mut exit = self.linear(&format!("{name}.matchability"), 1, DIM)?;
        if layer + 1 < NUM_LAYERS {
            exit = stack(&[exit, self.linear(&format!("token_confidence.{layer}.token.0"), 1, DIM)?]);
        }
        let assignment = self.linear(&format!("{name}.final_proj"), DIM, DIM)?;
        Ok(Layer {
            self_block: self.self_block(&format!("transformers.{layer}.self_attn"))?,
            cross_block: self.cross_block(&format!("transformers.{layer}.cross_attn"))?,
            exit: self.exact(&exit),
            assignment: self.exact(&scaled(&assignment, (DIM as f64).powf(-0.25))),
        })
    }

    fn self_block(&self, name: &str) -> Result<Block> {
        let interleaved = self.linear(&format!("{name}.Wqkv"), 3 * DIM, DIM)?;
        // output channel = head * 192 + channel * 3 + {0: q, 1: k, 2: v}
        let part = |part| Linear {
            weight: interleaved.weight.reshape([DIM, 3, DIM]).select(1, part),
            bias: interleaved.bias.reshape([DIM, 3]).select(1, part),
        };
        let projection = stack(&[scaled(&part(0), score_scale()), part(1), part(2)]);
        let feed_forward = self.feed_forward(name, "out_proj")?;
        Ok(Block { projection: self.in_precision(&projection), feed_forward })
    }

    fn cross_block(&self, name: &str) -> Result<Block> {
        // both sides of a score are the same projection: each takes the root of the scale
        let qk = scaled(&self.linear(&format!("{name}.to_qk"), DIM, DIM)?, score_scale().sqrt());
        let v = self.linear(&format!("{name}.to_v"), DIM, DIM)?;
        let feed_forward = self.feed_forward(name, "to_out")?;
        Ok(Block { projection: self.in_precision(&stack(&[qk, v])), feed_forward })
    }

    fn feed_forward(&self, name: &str, output: &str) -> Result<FeedForward> {
        let output = self.linear(&format!("{name}.{output}"), DIM, DIM)?;
        let first = self.linear(&format!("{name}.ffn.0"), 2 * DIM, 2 * DIM)?;
        let (of_x, of_message) = (first.weight.narrow(1, 0, DIM), first.weight.narrow(1, DIM, DIM));
        let folded = Linear {
            weight: Tensor::cat(&[of_x, of_message.matmul(&output.weight)], 1),
            bias: first.bias + of_message.mv(&output.bias),
        };
        let norm = Linear {
            weight: self.double(&format!("{name}.ffn.1.weight"), &[2 * DIM])?,
            bias: self.double(&format!("{name}.ffn.1.bias"), &[2 * DIM])?,
        };
        let last = self.linear(&format!("{name}.ffn.3"), DIM, 2 * DIM)?;
        let [first, norm, last] = [folded, norm, last].map(|linear| self.in_precision(&linear));
        Ok(FeedForward { first, norm, last })
    }

    fn linear(&self, name: &str, rows: i64, columns: i64) -> Result<Linear> {
        let weight = self.double(&format!("{name}.weight"), &[rows, columns])?;
        Ok(Linear { weight, bias: self.double(&format!("{name}.bias"), &[rows])? })
    }

    fn double(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        Ok(self.weights.get(name, shape)?.f_to_kind(Kind::Double)?)
    }

    fn in_precision(&self, linear: &Linear) -> Linear {
        linear.to(self.context, self.context.kind)
    }

    fn exact(&self, linear: &Linear) -> Linear {
        linear.to(self.context, Kind::Float)
    }
}

/// Turns `q k^T` into logarithms to base 2 of the unnormalised attention.
fn score_scale() -> f64 {
    (HEAD_DIM as f64).powf(-0.5) * LOG2_E
}

impl Linear {
    /// `[.., in]` to `[.., out]`.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    fn to(&self, context: &TorchContext, kind: Kind) -> Self {
        let moved = |tensor: &Tensor| tensor.contiguous().to_device(context.device).to_kind(kind);
        Self { weight: moved(&self.weight), bias: moved(&self.bias) }
    }
}

fn scaled(linear: &Linear, scale: f64) -> Linear {
    Linear { weight: &linear.weight * scale, bias: &linear.bias * scale }
}

fn stack(parts: &[Linear]) -> Linear {
    let cat = |of: fn(&Linear) -> &Tensor| Tensor::cat(&parts.iter().map(of).collect::<Vec<_>>(), 0);
    Linear { weight: cat(|part| &part.weight), bias: cat(|part| &part.bias) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_released_files_are_understood() {
        assert_eq!(rename("self_attn.3.Wqkv.bias"), "transformers.3.self_attn.Wqkv.bias");
        assert_eq!(rename("cross_attn.0.ffn.1.weight"), "transformers.0.cross_attn.ffn.1.weight");
        assert_eq!(rename("transformers.3.self_attn.Wqkv.bias"), "transformers.3.self_attn.Wqkv.bias");
        assert_eq!(rename("posenc.Wr.weight"), "posenc.Wr.weight");
    }
}
