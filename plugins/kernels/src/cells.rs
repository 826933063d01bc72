//! SuperPoint's dense output at keypoints.

use scene3d_torch::{Result, TorchError};
use tch::{Kind, Tensor};

use crate::launch::Argument;
use crate::table::{CELL_SCORES, SAMPLE_CELLS};
use crate::{Kernels, blocks};

/// Side of a cell, px.
const CELL: i64 = 8;
/// Cells of a block.
const CELLS: u32 = 4;

impl Kernels {
    /// Score maps `[B, 8 h, 8 w] f32` of `logits [B, h, w, 65] f32`: the softmax of each cell without its last.
    ///
    /// # Errors
    /// [`TorchError`] for other shapes or types.
    pub fn cell_scores(&self, logits: &Tensor) -> Result<Tensor> {
        let (images, height, width, num_logits) = logits.size4()?;
        if num_logits != CELL * CELL + 1 || logits.kind() != Kind::Float {
            return Err(TorchError::Torch(format!(
                "logits are {:?} {:?}, expected [B, h, w, 65] Float",
                logits.size(),
                logits.kind()
            )));
        }
        let maps = self.empty(&[images, CELL * height, CELL * width], Kind::Float);
        self.launch(
            &CELL_SCORES,
            [blocks(width, CELLS), height, images],
            &[Argument::Tensor(logits), Argument::Tensor(&maps), Argument::Int(height), Argument::Int(width)],
        )?;
        Ok(maps)
    }

    /// Descriptors `[B, N, C] f32` of unit length between the centres of cells, of `dense [B, h, w, C] f32` of any length at
    /// `positions [B, N, 2] f32`, px index; `counts [B] i32` of each image have a meaning.
    ///
    /// # Errors
    /// [`TorchError`] for other shapes or types.
    pub fn sample_cells(&self, dense: &Tensor, positions: &Tensor, counts: &Tensor) -> Result<Tensor> {
        let (images, height, width, channels) = dense.size4()?;
        let (of_images, max_keypoints, _) = positions.size3()?;
        if of_images != images || counts.size() != [images] || dense.kind() != Kind::Float {
            let shapes = [dense.size(), positions.size(), counts.size()];
            return Err(TorchError::Torch(format!("map, positions and counts are {shapes:?} of {:?}", dense.kind())));
        }
        let descriptors = self.empty(&[images, max_keypoints, channels], Kind::Float);
        self.launch(
            &SAMPLE_CELLS,
            [max_keypoints, 1, images],
            &[
                Argument::Tensor(dense),
                Argument::Tensor(positions),
                Argument::Tensor(counts),
                Argument::Tensor(&descriptors),
                Argument::Int(height),
                Argument::Int(width),
                Argument::Int(channels),
                Argument::Int(max_keypoints),
            ],
        )?;
        Ok(descriptors)
    }
}
