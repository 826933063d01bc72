//! Parameters as packed matrices.

use scene3d_torch::Result;
use tch::Tensor;

use super::gemm::{COLUMN_BLOCK, Matrix};
use crate::parameters::Conv;

/// Channels of an RGB image: the only map whose channels are not padded.
const RGB: i64 = 3;

/// A convolution as the matrix of its segments: rows in the order of (ky, kx, input channel).
pub fn pack_conv(conv: &Conv) -> Result<Matrix> {
    Ok(Matrix::pack(&rows_of(&conv.weight)?, conv.weight.size()[0] as usize, &values(&conv.bias)?))
}

/// A convolution and the 1x1 convolution of the shortcut added to it.
pub fn pack_with_shortcut(conv: &Conv, shortcut: &Conv) -> Result<Matrix> {
    let mut weights = rows_of(&conv.weight)?;
    weights.extend(rows_of(&shortcut.weight)?);
    let bias = values(&conv.bias.f_add(&shortcut.bias)?)?;
    Ok(Matrix::pack(&weights, conv.weight.size()[0] as usize, &bias))
}

/// `[inputs, columns]` of `[columns, in, k, k]`; input channels are padded as the maps are.
fn rows_of(weight: &Tensor) -> Result<Vec<f32>> {
    let c_in = weight.size()[1];
    let padding = if c_in == RGB { 0 } else { (c_in as usize).next_multiple_of(COLUMN_BLOCK) as i64 - c_in };
    let rows = weight.f_permute([2, 3, 1, 0])?.f_constant_pad_nd([0, 0, 0, padding])?;
    values(&rows)
}

/// Elements in row-major order.
pub fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    let flat = tensor.f_flatten(0, -1)?;
    let mut values = vec![0.0; flat.numel()];
    flat.f_contiguous()?.f_copy_data(&mut values, flat.numel())?;
    Ok(values)
}
