//! 3x3 convolutions of very few channels: vectors run along x, over channel planes `[channels, 1 + width + 1]`.

use pulp::{Arch, Simd, WithSimd};
use scene3d_torch::Result;

use super::gemm::Activation;
use super::pack::values;
use super::vector::activate;
use crate::parameters::Conv;

/// Vectors of pixels that a tile computes at once.
const TILE: usize = 2;

/// A 3x3 convolution without bias, from any number of channels to 1 or 4.
pub struct PlanarConv {
    pub c_out: usize,
    c_in: usize,
    /// `[in, 3, 3, out]`
    weights: Vec<f32>,
}

/// Planes to be written: channel `c` of pixel `x` goes to `values[c * pitch + first + x]`.
pub struct Planes<'a> {
    pub values: &'a mut [f32],
    pub pitch: usize,
    pub first: usize,
}

impl PlanarConv {
    pub fn pack(conv: &Conv) -> Result<Self> {
        let size = conv.weight.size();
        let weights = values(&conv.weight.f_permute([1, 2, 3, 0])?)?;
        Ok(Self { c_out: size[0] as usize, c_in: size[1] as usize, weights })
    }

    /// One row; `width` is a multiple of 32.
    pub fn row(&self, arch: Arch, window: [&[f32]; 3], width: usize, activation: Activation, out: Planes<'_>) {
        arch.dispatch(Row { conv: self, window, width, activation, out });
    }
}

struct Row<'a> {
    conv: &'a PlanarConv,
    window: [&'a [f32]; 3],
    width: usize,
    activation: Activation,
    out: Planes<'a>,
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.conv.c_out == 4 {
            tiles::<S, 4>(simd, &mut self);
        } else {
            tiles::<S, 1>(simd, &mut self);
        }
    }
}

#[inline(always)]
fn tiles<S: Simd, const C: usize>(simd: S, row: &mut Row<'_>) {
    let step = TILE * S::F32_LANES;
    let pitch = row.out.pitch;
    for x in (0..row.width).step_by(step) {
        let sums = tile::<S, C>(simd, row, x);
        for (c, sums) in sums.into_iter().enumerate() {
            let out = &mut row.out.values[c * pitch + row.out.first + x..][..step];
            for (out, sum) in S::as_mut_simd_f32s(out).0.iter_mut().zip(sums) {
                *out = activate(simd, row.activation, sum);
            }
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const C: usize>(simd: S, row: &Row<'_>, x: usize) -> [[S::f32s; TILE]; C] {
    let plane = row.width + 2;
    let step = TILE * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); TILE]; C];
    for (c_in, weights) in row.conv.weights.chunks_exact(9 * C).take(row.conv.c_in).enumerate() {
        for ky in 0..3 {
            let pixels = &row.window[ky][c_in * plane + x..][..step + 2];
            for kx in 0..3 {
                let pixels = S::as_simd_f32s(&pixels[kx..][..step]).0;
                for c in 0..C {
                    let weight = simd.splat_f32s(weights[(ky * 3 + kx) * C + c]);
                    for v in 0..TILE {
                        sums[c][v] = simd.mul_add_e_f32s(weight, pixels[v], sums[c][v]);
                    }
                }
            }
        }
    }
    sums
}
