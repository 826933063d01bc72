//! A descriptor and its confidence for every pixel, from the first and last tokens, always in fp32.

use tch::Tensor;

use crate::architecture::PATCH_SIZE;
use crate::layers::Mlp;
use crate::rope::Grid;

/// The head of one view.
#[derive(Debug)]
pub struct DescriptorHead {
    /// From the encoder's and the decoder's channels of a token to `[16, 16, channels]`.
    pub mlp: Mlp,
    /// Of a descriptor, and its confidence.
    pub num_channels: i64,
}

impl DescriptorHead {
    /// `[B, H, W, channels] f32`, raw, of tokens `[B, N, C] f32` of the encoder and after the last block.
    pub fn apply(&self, encoded: &Tensor, decoded: &Tensor, grid: Grid) -> Tensor {
        let cells = self.mlp.apply(&Tensor::cat(&[encoded, decoded], 2));
        let cells = cells.reshape([-1, grid.rows, grid.columns, PATCH_SIZE, PATCH_SIZE, self.num_channels]);
        cells.transpose(2, 3).reshape([-1, grid.rows * PATCH_SIZE, grid.columns * PATCH_SIZE, self.num_channels])
    }
}
