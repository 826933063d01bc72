//! 1x1 convolutions: one matrix product a row of the map.

use pulp::Simd;

use super::map::Map;
use super::product::{BLOCK, GROUP, Row, product};
use super::winograd::Affine;

/// A 1x1 convolution with scale and shift, without ReLU.
#[derive(Debug)]
pub struct Pointwise {
    /// `[ceil(out / 64), in, 64]`
    weights: Vec<Row>,
    num_in: usize,
    affine: Affine,
}

impl Pointwise {
    /// From `weight [out, in]`.
    pub fn new(weight: &[f32], num_in: usize, affine: Affine) -> Self {
        let mut weights = vec![[0.0; BLOCK]; affine.bias.len().div_ceil(BLOCK) * num_in];
        for (out, row) in weight.chunks_exact(num_in).enumerate() {
            for (input, value) in row.iter().enumerate() {
                weights[out / BLOCK * num_in + input][out % BLOCK] = *value;
            }
        }
        Self { weights, num_in, affine }
    }

    /// Number of output channels.
    pub fn num_out(&self) -> usize {
        self.affine.bias.len()
    }

    /// `[width, out]` of one row of the map.
    #[inline(always)]
    pub fn row<S: Simd>(&self, simd: S, map: &Map, y: usize, out: &mut [f32]) {
        let num_rows = map.width.next_multiple_of(GROUP);
        let mut left = map.row(y).to_vec();
        left.resize(num_rows * self.num_in, 0.0);
        let mut products = vec![[0.0; BLOCK]; num_rows];
        for (block, weights) in self.weights.chunks_exact(self.num_in).enumerate() {
            product(simd, &left, weights, &mut products);
            self.write(block, &products, out);
        }
    }

    #[inline(always)]
    fn write(&self, block: usize, products: &[Row], out: &mut [f32]) {
        let channels = block * BLOCK..((block + 1) * BLOCK).min(self.num_out());
        let Affine { bias, scale, shift } = &self.affine;
        for (pixel, product) in out.chunks_exact_mut(self.num_out()).zip(products) {
            for (channel, value) in channels.clone().zip(product) {
                pixel[channel] = (value + bias[channel]) * scale[channel] + shift[channel];
            }
        }
    }
}
