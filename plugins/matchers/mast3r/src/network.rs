//! MASt3R (Leroy, Cabon, Revaud, ECCV 2024): images to tokens once, pairs of tokens to descriptors and points.

use scene3d_kernels::Kernels;
use scene3d_torch::{TorchContext, Weights, guard};
use tch::Tensor;

use crate::architecture::{Architecture, PATCH_SIZE};
use crate::blocks::{DecoderBlock, EncoderBlock};
use crate::descriptor_head::DescriptorHead;
use crate::layers::{Linear, Norm};
use crate::manifest::{self, Parameter};
use crate::outputs::{PointMaps, ViewMaps, Wanted};
use crate::parameters::Reader;
use crate::point_head::PointHead;
use crate::rope::{Grid, Rotation};
use crate::{Mast3rError, Result};

/// Images to tokens.
#[derive(Debug)]
pub struct Encoder {
    /// Of a patch's `3 x 16 x 16` values.
    pub embedding: Linear,
    /// In order.
    pub blocks: Vec<EncoderBlock>,
    /// After the last.
    pub norm: Norm,
}

/// Tokens of a pair to tokens that know of each other.
#[derive(Debug)]
pub struct Decoder {
    /// From the encoder's channels.
    pub embedding: Linear,
    /// Of view 1 and view 2.
    pub stacks: [Vec<DecoderBlock>; 2],
    /// After the last of either.
    pub norm: Norm,
}

/// Heads of one view.
#[derive(Debug)]
pub struct Heads {
    /// Points and their confidence.
    pub points: PointHead,
    /// Descriptors and their confidence.
    pub descriptors: DescriptorHead,
}

/// Images of one size after the encoder: what a host keeps of an image for all its pairs.
#[derive(Debug)]
pub struct ImageTokens {
    /// `[B, N, C] f32`, row by row
    pub tokens: Tensor,
    /// Of the patches.
    pub grid: Grid,
}

/// The network on its device.
#[derive(Debug)]
pub struct Network {
    /// Images to tokens.
    pub encoder: Encoder,
    /// Pairs of tokens to tokens.
    pub decoder: Decoder,
    /// Of view 1 and view 2.
    pub heads: [Heads; 2],
    architecture: Architecture,
    context: TorchContext,
    kernels: Option<Kernels>,
    unexpected: Vec<Parameter>,
}

impl ImageTokens {
    /// The same tensor once more, not a copy.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self { tokens: self.tokens.shallow_clone(), grid: self.grid }
    }

    /// Several images as one batch.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] if their sizes differ or there are none.
    pub fn stack(images: &[&Self]) -> Result<Self> {
        let grids: Vec<_> = images.iter().map(|image| image.grid).collect();
        match grids.as_slice() {
            [grid, others @ ..] if others.iter().all(|other| other == grid) => {
                let tokens: Vec<_> = images.iter().map(|image| &image.tokens).collect();
                Ok(Self { tokens: guard(|| Ok(Tensor::f_cat(&tokens, 0)?))?, grid: *grid })
            }
            _ => Err(Mast3rError::Image(format!("grids {grids:?} make no batch, expected one size"))),
        }
    }
}

impl Network {
    /// Reads all parameters.
    ///
    /// # Errors
    /// [`Mast3rError::Mismatch`] with everything that is missing or misshapen.
    pub fn new(architecture: Architecture, weights: &Weights, context: TorchContext) -> Result<Self> {
        let unexpected = manifest::check(weights, &architecture)?;
        let reader = Reader { weights, architecture: &architecture, context: &context };
        let (encoder, decoder, heads) =
            guard(|| Ok((reader.encoder()?, reader.decoder()?, [reader.heads(1)?, reader.heads(2)?])))?;
        let kernels = Kernels::on(context.device)?;
        Ok(Self { encoder, decoder, heads, architecture, context, kernels, unexpected })
    }

    /// Fused kernels of the network's device, where there are any.
    #[must_use]
    pub fn kernels(&self) -> Option<&Kernels> {
        self.kernels.as_ref()
    }

    /// Sizes.
    #[must_use]
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Device, precision and threads.
    #[must_use]
    pub fn context(&self) -> &TorchContext {
        &self.context
    }

    /// Tensors of the weights that no MASt3R network has; they were not read.
    #[must_use]
    pub fn unexpected(&self) -> &[Parameter] {
        &self.unexpected
    }

    /// Tokens of images `[B, 3, H, W] f32` in -1..1, on the network's device; sides are multiples of 16.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] for another shape, [`Mast3rError::Torch`] if torch refuses an operation.
    pub fn encode(&self, images: &Tensor) -> Result<ImageTokens> {
        let grid = grid_of(images)?;
        let rotation = || self.rotation(grid, self.architecture.encoder.head_dim());
        let tokens = guard(|| {
            let (mut tokens, rotation) = (self.encoder.embed(images, grid), rotation());
            for block in &self.encoder.blocks {
                tokens = block.apply(&tokens, &rotation);
            }
            Ok(self.encoder.norm.apply(&tokens))
        })?;
        Ok(ImageTokens { tokens, grid })
    }

    /// Maps of both views of `B` pairs: image `i` of `view1` with image `i` of `view2`.
    ///
    /// The network is not symmetric: a pair's other direction is its tokens in the other order, in the same batch or
    /// another one. While a point head runs, every pair of the batch holds two maps of 128 channels at the image's size.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] if the numbers of images differ, [`Mast3rError::Torch`] if torch refuses an operation.
    pub fn decode(&self, view1: &ImageTokens, view2: &ImageTokens, wanted: Wanted) -> Result<[ViewMaps; 2]> {
        let [num1, num2] = [view1, view2].map(|view| view.tokens.size()[0]);
        if num1 != num2 {
            return Err(Mast3rError::Image(format!(
                "{num1} images for view 1 and {num2} for view 2, expected as many"
            )));
        }
        let maps = guard(|| {
            let [decoded1, decoded2] = self.decode_tokens([view1, view2], wanted);
            let maps1 = self.heads[0].apply(view1, &decoded1, &self.architecture);
            drop(decoded1);
            Ok([maps1, self.heads[1].apply(view2, &decoded2, &self.architecture)])
        })?;
        Ok(maps)
    }

    /// Tokens `[B, N, C] f32` of each view after the blocks that the heads read, the last ones normalised.
    #[must_use]
    pub fn decode_tokens(&self, views: [&ImageTokens; 2], wanted: Wanted) -> [Vec<Tensor>; 2] {
        let kept = match wanted {
            Wanted::Descriptors => Vec::new(),
            Wanted::DescriptorsAndPoints => self.architecture.hooks()[1..3].to_vec(),
        };
        let rotations = views.map(|view| self.rotation(view.grid, self.architecture.decoder.head_dim()));
        self.decoder.apply(views.map(|view| &view.tokens), [&rotations[0], &rotations[1]], &kept)
    }

    /// Turns of a grid's tokens for heads of `head_dim` channels.
    #[must_use]
    pub fn rotation(&self, grid: Grid, head_dim: i64) -> Rotation {
        Rotation::new(grid, head_dim, self.architecture.rope_base, self.context.device)
    }
}

impl Encoder {
    /// Tokens `[B, N, C] f32` of patches alone.
    pub fn embed(&self, images: &Tensor, grid: Grid) -> Tensor {
        let patches = images.reshape([-1, 3, grid.rows, PATCH_SIZE, grid.columns, PATCH_SIZE]);
        let patches = patches.permute([0, 2, 4, 1, 3, 5]).reshape([-1, grid.len(), 3 * PATCH_SIZE * PATCH_SIZE]);
        self.embedding.apply(&patches)
    }
}

impl Decoder {
    /// Tokens of both views after the numbers of blocks in `kept`, then the normalised last ones.
    fn apply(&self, encoded: [&Tensor; 2], rotations: [&Rotation; 2], kept: &[i64]) -> [Vec<Tensor>; 2] {
        let [mut view1, mut view2] = encoded.map(|tokens| self.embed(tokens));
        let [mut outputs1, mut outputs2] = [Vec::new(), Vec::new()];
        for (index, (block1, block2)) in self.stacks[0].iter().zip(&self.stacks[1]).enumerate() {
            // both from the values before this block
            let next1 = block1.apply(&view1, &view2, rotations);
            view2 = block2.apply(&view2, &view1, [rotations[1], rotations[0]]);
            view1 = next1;
            if kept.contains(&(index as i64 + 1)) {
                outputs1.push(view1.shallow_clone());
                outputs2.push(view2.shallow_clone());
            }
        }
        outputs1.push(self.norm.apply(&view1));
        outputs2.push(self.norm.apply(&view2));
        [outputs1, outputs2]
    }

    /// `[B, N, C] f32` in the decoder's channels.
    pub fn embed(&self, encoded: &Tensor) -> Tensor {
        let kind = self.embedding.weight.kind();
        self.embedding.apply(&encoded.to_kind(kind)).to_kind(tch::Kind::Float)
    }
}

impl Heads {
    /// Maps of the encoder's tokens and of what [`Network::decode_tokens`] gave for the view.
    #[must_use]
    pub fn apply(&self, encoded: &ImageTokens, decoded: &[Tensor], architecture: &Architecture) -> ViewMaps {
        let (tokens, grid) = (&encoded.tokens, encoded.grid);
        let points = match decoded {
            [second, third, last] => {
                Some(PointMaps::of(&self.points.apply([tokens, second, third, last], grid), architecture))
            }
            _ => None,
        };
        let raw = self.descriptors.apply(tokens, decoded.last().unwrap_or(tokens), grid);
        ViewMaps::of(&raw, points, architecture)
    }
}

fn grid_of(images: &Tensor) -> Result<Grid> {
    match images.size().as_slice() {
        &[_, 3, height, width] if height % PATCH_SIZE == 0 && width % PATCH_SIZE == 0 && height * width > 0 => {
            Ok(Grid { rows: height / PATCH_SIZE, columns: width / PATCH_SIZE })
        }
        shape => {
            Err(Mast3rError::Image(format!("images have shape {shape:?}, expected [B, 3, H, W] in multiples of 16")))
        }
    }
}
