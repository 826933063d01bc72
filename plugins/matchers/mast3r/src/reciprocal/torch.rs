//! Nearest neighbours by torch, on any device: products of a block of queries with a block of pixels at a time.

use scene3d_torch::transfers::to_host;
use scene3d_torch::{TorchError, guard};
use tch::{Kind, Tensor};

use super::{Search, View};
use crate::{Mast3rError, Result};

/// Values of a block of products: 64 MiB.
const BLOCK_VALUES: i64 = 1 << 24;
/// Pixels of a block.
const BLOCK_PIXELS: i64 = 1 << 13;

/// Descriptors on their device.
#[derive(Debug)]
pub struct TorchSearch {
    sizes: [[u32; 2]; 2],
    /// `[H * W, D] f32`
    descriptors: [Tensor; 2],
}

impl TorchSearch {
    /// Of two maps `[H, W, D] f32`.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] for maps of another shape.
    pub fn new(maps: [&Tensor; 2]) -> Result<Self> {
        let sizes = map_sizes(maps)?;
        let descriptors = guard(|| Ok(maps.map(|map| map.flatten(0, 1).contiguous())))?;
        Ok(Self { sizes, descriptors })
    }
}

/// `[width, height]` of maps `[H, W, D]` with one D.
pub(super) fn map_sizes(maps: [&Tensor; 2]) -> Result<[[u32; 2]; 2]> {
    match maps.map(Tensor::size).each_ref().map(Vec::as_slice) {
        [&[height1, width1, dim1], &[height2, width2, dim2]]
            if dim1 == dim2 && width1 * height1 * width2 * height2 > 0 =>
        {
            Ok([[width1 as u32, height1 as u32], [width2 as u32, height2 as u32]])
        }
        shapes => {
            Err(Mast3rError::Image(format!("descriptor maps have shapes {shapes:?}, expected [H, W, D] with one D")))
        }
    }
}

impl Search for TorchSearch {
    fn size(&self, view: View) -> [u32; 2] {
        self.sizes[view.index()]
    }

    fn nearest(&mut self, from: View, pixels: &[u32]) -> Result<Vec<u32>> {
        let [queries, others] = [from, from.other()].map(|view| &self.descriptors[view.index()]);
        let found = guard(|| {
            let indices: Vec<i64> = pixels.iter().map(|pixel| i64::from(*pixel)).collect();
            let indices = Tensor::f_from_slice(&indices)?.f_to_device(queries.device())?;
            let parts = indices.split(BLOCK_VALUES / BLOCK_PIXELS, 0);
            let found = parts.iter().map(|part| best(&queries.index_select(0, part), others));
            let found = Tensor::cat(&found.collect::<Vec<_>>(), 0);
            Vec::<i64>::try_from(&to_host(&found)?).map_err(TorchError::from)
        })?;
        Ok(found.into_iter().map(|pixel| pixel as u32).collect())
    }
}

/// Rows of `others [M, D]` nearest to `queries [N, D]`; a later block must be strictly better.
fn best(queries: &Tensor, others: &Tensor) -> Tensor {
    let mut best_products = Tensor::full([queries.size()[0]], f64::NEG_INFINITY, (Kind::Float, queries.device()));
    let mut best_rows = Tensor::zeros([queries.size()[0]], (Kind::Int64, queries.device()));
    for (number, block) in others.split(BLOCK_PIXELS, 0).iter().enumerate() {
        let (products, rows) = queries.matmul(&block.transpose(0, 1)).max_dim(1, false);
        let is_better = products.gt_tensor(&best_products);
        best_rows = (rows + number as i64 * BLOCK_PIXELS).where_self(&is_better, &best_rows);
        best_products = products.maximum(&best_products);
    }
    best_rows
}
