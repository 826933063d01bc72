//! One matrix kernel for all dense work of the network on CPU: rows of pixels times packed weights.
//!
//! With channels last and a margin of one pixel, the input of a 3x3 convolution at pixel `x` is one contiguous piece of
//! each of three image rows, at `x * channels`. So convolutions, 1x1 convolutions, residual branches and plain products
//! are all `sum over segments of segment[x * step ..][.. len] * weights`, computed for a tile of pixels in registers.

use pulp::{Arch, Simd, WithSimd};

use super::vector::activate;

/// Columns are padded to a multiple of this, so that every vector width divides them.
pub const COLUMN_BLOCK: usize = 16;

/// Columns of a panel: what a tile computes at once.
const PANEL: usize = 2 * COLUMN_BLOCK;

/// What follows the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// nothing
    Identity,
    /// SELU
    Selu,
    /// logistic function
    Sigmoid,
}

/// One input of a product: pixel `x` reads `values[x * step ..][.. len]`.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    pub values: &'a [f32],
    pub step: usize,
    pub len: usize,
}

/// Weights `[inputs, columns]` and biases `[columns]`, packed in panels of columns.
#[derive(Debug, Clone)]
pub struct Matrix {
    num_inputs: usize,
    /// Padded number of columns.
    pub columns: usize,
    bias: Vec<f32>,
    /// `[columns / width][inputs][width]`, width 32 but for a last panel of 16.
    panels: Vec<f32>,
}

impl Matrix {
    /// Packs `[num_inputs, columns]` row-major weights.
    pub fn pack(weights: &[f32], columns: usize, bias: &[f32]) -> Self {
        let num_inputs = weights.len() / columns;
        let padded = columns.next_multiple_of(COLUMN_BLOCK);
        let mut panels = Vec::with_capacity(num_inputs * padded);
        for first in (0..padded).step_by(PANEL) {
            for row in weights.chunks_exact(columns) {
                let of_row = |column: usize| row.get(column).copied().unwrap_or(0.0);
                panels.extend((first..(first + PANEL).min(padded)).map(of_row));
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(padded, 0.0);
        Self { num_inputs, columns: padded, bias, panels }
    }

    /// `out[x] = activation(bias + sum of segments at x)` for `x` in `0..num_rows`; `out` is `[num_rows, columns]`.
    pub fn multiply(&self, arch: Arch, segments: &[Segment<'_>], activation: Activation, out: &mut [f32]) {
        debug_assert_eq!(segments.iter().map(|segment| segment.len).sum::<usize>(), self.num_inputs);
        arch.dispatch(Multiply { matrix: self, segments, activation, out });
    }
}

struct Multiply<'a> {
    matrix: &'a Matrix,
    segments: &'a [Segment<'a>],
    activation: Activation,
    out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // tiles fill the registers: 16 accumulators of 32 (AVX-512), 12 of 16 (AVX2, NEON and others)
        if S::F32_LANES == COLUMN_BLOCK {
            panels::<S, 1, 16, 2, 8>(simd, self);
        } else {
            panels::<S, 2, 6, 2, 6>(simd, self);
        }
    }
}

/// Panels of 16 columns by tiles of `P1 x V1` vectors, panels of 32 by `P2 x V2`.
#[inline(always)]
fn panels<S: Simd, const V1: usize, const P1: usize, const V2: usize, const P2: usize>(simd: S, work: Multiply<'_>) {
    let Multiply { matrix, segments, activation, out } = work;
    for first in (0..matrix.columns).step_by(PANEL) {
        let width = PANEL.min(matrix.columns - first);
        let panel = &matrix.panels[first * matrix.num_inputs..][..width * matrix.num_inputs];
        let mut panel = Panel { simd, matrix, segments, activation, first, width, weights: S::as_simd_f32s(panel).0 };
        if width == PANEL {
            panel.rows::<V2, P2>(out);
        } else {
            panel.rows::<V1, P1>(out);
        }
    }
}

struct Panel<'a, S: Simd> {
    simd: S,
    matrix: &'a Matrix,
    segments: &'a [Segment<'a>],
    activation: Activation,
    first: usize,
    width: usize,
    weights: &'a [S::f32s],
}

impl<S: Simd> Panel<'_, S> {
    #[inline(always)]
    fn rows<const V: usize, const P: usize>(&mut self, out: &mut [f32]) {
        let columns = self.matrix.columns;
        let num_rows = out.len() / columns;
        let num_tiled = num_rows - num_rows % P;
        for column in (0..self.width).step_by(V * S::F32_LANES) {
            for x in (0..num_tiled).step_by(P) {
                self.tile::<V, P>(x, column, &mut out[x * columns..][..P * columns]);
            }
            for x in num_tiled..num_rows {
                self.tile::<V, 1>(x, column, &mut out[x * columns..][..columns]);
            }
        }
    }

    #[inline(always)]
    fn tile<const V: usize, const P: usize>(&self, x: usize, column: usize, out: &mut [f32]) {
        let (simd, columns) = (self.simd, self.matrix.columns);
        let bias = S::as_simd_f32s(&self.matrix.bias[self.first + column..]).0;
        let bias: [S::f32s; V] = std::array::from_fn(|v| bias[v]);
        let sums = self.accumulate::<V, P>(x, column, [bias; P]);
        for p in 0..P {
            let out = S::as_mut_simd_f32s(&mut out[p * columns + self.first + column..][..V * S::F32_LANES]).0;
            for v in 0..V {
                out[v] = activate(simd, self.activation, sums[p][v]);
            }
        }
    }

    /// Nothing here may index `sums` by a number unknown when compiled: the sums would leave their registers.
    #[inline(always)]
    fn accumulate<const V: usize, const P: usize>(
        &self,
        x: usize,
        column: usize,
        mut sums: [[S::f32s; V]; P],
    ) -> [[S::f32s; V]; P] {
        let simd = self.simd;
        let pitch = self.width / S::F32_LANES;
        let mut rows = self.weights.chunks_exact(pitch);
        for segment in self.segments {
            let inputs: [&[f32]; P] = std::array::from_fn(|p| &segment.values[(x + p) * segment.step..][..segment.len]);
            for (k, row) in rows.by_ref().take(segment.len).enumerate() {
                let row: [S::f32s; V] = std::array::from_fn(|v| row[column / S::F32_LANES + v]);
                for p in 0..P {
                    let input = simd.splat_f32s(inputs[p][k]);
                    for v in 0..V {
                        sums[p][v] = simd.mul_add_e_f32s(input, row[v], sums[p][v]);
                    }
                }
            }
        }
        sums
    }
}
