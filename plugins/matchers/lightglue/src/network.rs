//! The layers, over the concatenated tokens of any number of images.
//!
//! Lindenberger et al., LightGlue: Local Feature Matching at Light Speed, ICCV 2023.

use scene3d_torch::{Result, TorchContext, Weights};
use tch::{Kind, Tensor};

use crate::attention::Attention;
use crate::parameters::{Block, DIM, FeedForward, Layer, Parameters};

/// LayerNorm's.
const EPSILON: f64 = 1e-5;

/// The network on its device.
#[derive(Debug)]
pub struct Network {
    parameters: Parameters,
    attention: Attention,
    context: TorchContext,
}

/// Everything that depends on one image alone: its tokens up to the first exchange with another image.
#[derive(Debug)]
pub struct ImageTokens {
    /// `[N, 256] f32`, after the first layer's self-attention
    pub tokens: Tensor,
    /// `[N, 512]`, `qk | v` of the first layer's cross-attention, in the network's precision
    pub projected: Tensor,
    /// `[N, 64] f32`, cosines and sines of the positional encoding
    pub rotation: Tensor,
}

impl Network {
    /// Loads the parameters.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] for a missing or misshapen tensor.
    pub fn new(weights: &Weights, context: TorchContext) -> Result<Self> {
        Ok(Self { parameters: Parameters::new(weights, &context)?, attention: Attention::new(&context), context })
    }

    /// Device, precision and threads.
    #[must_use]
    pub fn context(&self) -> &TorchContext {
        &self.context
    }

    /// The layers.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.parameters.layers
    }

    /// Tokens `[N, 256] f32` of descriptors `[N, 128] f32`.
    pub fn embed(&self, descriptors: &Tensor) -> Tensor {
        self.parameters.input.apply(descriptors)
    }

    /// Cosines and sines `[N, 64] f32` of normalised keypoints `[N, 2] f32`.
    pub fn rotation(&self, keypoints: &Tensor) -> Tensor {
        let angles = keypoints.matmul(&self.parameters.frequencies);
        Tensor::cat(&[angles.cos(), angles.sin()], 1)
    }

    /// Computes what depends on one image alone, of normalised keypoints `[N, 2] f32` and descriptors `[N, 128] f32`.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if torch refuses an operation.
    pub fn prepare(&self, keypoints: &Tensor, descriptors: &Tensor) -> Result<ImageTokens> {
        let (embedded, rotation) = (self.embed(descriptors), self.rotation(keypoints));
        let first = &self.layers()[0];
        let length = descriptors.size()[0] as usize;
        let tokens = self.attend_within(&first.self_block, &embedded, &rotation, &[length])?;
        let projected = first.cross_block.projection.apply(&tokens.to_kind(self.context.kind));
        Ok(ImageTokens { tokens, projected, rotation })
    }

    /// Tokens `[R, 256] f32` after a self-attention block.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if torch refuses an operation.
    pub fn attend_within(
        &self,
        block: &Block,
        tokens: &Tensor,
        rotation: &Tensor,
        lengths: &[usize],
    ) -> Result<Tensor> {
        let rounded = tokens.to_kind(self.context.kind);
        let context = self.attention.within(&block.projection.apply(&rounded), rotation, lengths)?;
        Ok(tokens + block.feed_forward.apply(&rounded, &context))
    }

    /// Tokens `[R, 256] f32` after a cross-attention block; `projected` is its projection if that was computed before.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if torch refuses an operation.
    pub fn attend_across(
        &self,
        block: &Block,
        tokens: &Tensor,
        projected: Option<&Tensor>,
        lengths: &[usize],
    ) -> Result<Tensor> {
        let rounded = tokens.to_kind(self.context.kind);
        let context = match projected {
            Some(projected) => self.attention.across(projected, lengths)?,
            None => self.attention.across(&block.projection.apply(&rounded), lengths)?,
        };
        Ok(tokens + block.feed_forward.apply(&rounded, &context))
    }
}

impl FeedForward {
    /// `[R, 256] f32` to add to the tokens.
    fn apply(&self, tokens: &Tensor, context: &Tensor) -> Tensor {
        let hidden = self.first.apply(&Tensor::cat(&[tokens, context], 1));
        let normal = hidden.layer_norm([2 * DIM], Some(&self.norm.weight), Some(&self.norm.bias), EPSILON, false);
        self.last.apply(&normal.gelu("none")).to_kind(Kind::Float)
    }
}
