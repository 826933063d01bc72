//! 3x3 convolutions as Winograd's F(4x4, 3x3): 36 products of transformed tiles where the definition needs 144.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016), interpolation points 0, 1, -1, 2, -2.
//! Bias, ReLU, scale, shift and 2x2 max-pooling happen on the way out, while a tile is in registers.

use pulp::Simd;

use super::map::Map;
use super::product::{BLOCK, GROUP, Row, product};

/// Side of an output tile.
pub const TILE: usize = 4;
/// Side of the input patch of a tile.
const PATCH: usize = TILE + 2;
const NUM_POINTS: usize = PATCH * PATCH;
const MAX_LANES: usize = 16;

/// A 3x3 convolution with what follows it.
#[derive(Debug)]
pub struct Conv3x3 {
    /// `[out / 64, 36, in, 64]`
    transformed: Vec<Row>,
    num_in: usize,
    /// Number of output channels, a multiple of 64.
    pub num_out: usize,
    /// Bias, scale and shift of each output channel.
    pub affine: Affine,
    /// Whether 2x2 maxima are the output.
    pub is_pooled: bool,
}

/// `scale * relu(x + bias) + shift` of each channel; without ReLU where the unit has none.
#[derive(Debug)]
pub struct Affine {
    /// Added first.
    pub bias: Vec<f32>,
    /// Multiplied after the ReLU.
    pub scale: Vec<f32>,
    /// Added last.
    pub shift: Vec<f32>,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub struct Scratch {
    /// `[36, GROUP, in]`
    patches: Vec<f32>,
    /// `[36, GROUP, 64]`
    products: Vec<Row>,
}

/// A tile row's place in the output: `rows` begins at the border column of its first row.
pub struct OutputRows<'a> {
    /// As many rows as are inside the map.
    pub rows: &'a mut [f32],
    /// Values of a row.
    pub stride: usize,
    /// Columns inside the map.
    pub width: usize,
}

impl Conv3x3 {
    /// From `weight [out, in, 3, 3]`.
    pub fn new(weight: &[f32], num_in: usize, affine: Affine, is_pooled: bool) -> Self {
        let num_out = affine.bias.len();
        let mut transformed = vec![[0.0; BLOCK]; num_out.div_ceil(BLOCK) * NUM_POINTS * num_in];
        for (index, kernel) in weight.as_chunks::<9>().0.iter().enumerate() {
            let (out, input) = (index / num_in, index % num_in);
            for (point, value) in transformed_kernel(kernel).into_iter().enumerate() {
                transformed[(out / BLOCK * NUM_POINTS + point) * num_in + input][out % BLOCK] = value;
            }
        }
        Self { transformed, num_in, num_out, affine, is_pooled }
    }

    /// Rows of output that a tile row gives.
    pub fn rows_per_tile_row(&self) -> usize {
        if self.is_pooled { TILE / 2 } else { TILE }
    }

    /// An output map for an input of that size.
    pub fn output(&self, height: usize, width: usize) -> Map {
        let divisor = if self.is_pooled { 2 } else { 1 };
        Map::zeros(height / divisor, width / divisor, self.num_out)
    }

    /// One tile row: `input` is six rows with border, each of `input.len() / 6` values.
    #[inline(always)]
    pub fn tile_row<S: Simd>(&self, simd: S, input: &[f32], scratch: &mut Scratch, output: &mut OutputRows<'_>) {
        scratch.patches.resize(NUM_POINTS * GROUP * self.num_in, 0.0);
        scratch.products.resize(NUM_POINTS * GROUP, [0.0; BLOCK]);
        let stride = input.len() / PATCH;
        let num_tiles = (stride / self.num_in - 2) / TILE;
        for first_tile in (0..num_tiles).step_by(GROUP) {
            let num_tiles = GROUP.min(num_tiles - first_tile);
            for tile in 0..num_tiles {
                let corner = (first_tile + tile) * TILE * self.num_in;
                self.transform_patch(simd, &input[corner..], stride, &mut scratch.patches[tile * self.num_in..]);
            }
            for block in 0..self.num_out / BLOCK {
                self.multiply(simd, block, scratch);
                for tile in 0..num_tiles {
                    self.write_tile(simd, &scratch.products[tile..], block, first_tile + tile, output);
                }
            }
        }
    }

    #[inline(always)]
    fn multiply<S: Simd>(&self, simd: S, block: usize, scratch: &mut Scratch) {
        let weights = &self.transformed[block * NUM_POINTS * self.num_in..][..NUM_POINTS * self.num_in];
        let left = scratch.patches.chunks_exact(GROUP * self.num_in);
        let out = scratch.products.chunks_exact_mut(GROUP);
        for ((left, right), out) in left.zip(weights.chunks_exact(self.num_in)).zip(out) {
            product(simd, left, right, out);
        }
    }

    /// `B^T d B` of a 6x6 patch; point p of the result goes to `out[p * GROUP * in..]`.
    #[inline(always)]
    fn transform_patch<S: Simd>(&self, simd: S, patch: &[f32], stride: usize, out: &mut [f32]) {
        for channel in (0..self.num_in).step_by(S::F32_LANES) {
            let mut rows = [[simd.splat_f32s(0.0); PATCH]; PATCH];
            for x in 0..PATCH {
                let mut column = [simd.splat_f32s(0.0); PATCH];
                for (y, value) in column.iter_mut().enumerate() {
                    *value = vector::<S>(&patch[y * stride + x * self.num_in + channel..]);
                }
                for (row, value) in rows.iter_mut().zip(&input_transform(simd, column)) {
                    row[x] = *value;
                }
            }
            for (y, row) in rows.iter().enumerate() {
                for (x, value) in input_transform(simd, *row).iter().enumerate() {
                    let at = (y * PATCH + x) * GROUP * self.num_in + channel;
                    *vector_mut::<S>(&mut out[at..]) = *value;
                }
            }
        }
    }

    /// `A^T m A` of a tile, then bias, ReLU, scale, shift and pooling; `products[p * GROUP]` is its point p.
    #[inline(always)]
    fn write_tile<S: Simd>(&self, simd: S, products: &[Row], block: usize, tile: usize, output: &mut OutputRows<'_>) {
        for lane in (0..BLOCK).step_by(S::F32_LANES) {
            let mut rows = [[simd.splat_f32s(0.0); PATCH]; TILE];
            for x in 0..PATCH {
                let mut column = [simd.splat_f32s(0.0); PATCH];
                for (y, value) in column.iter_mut().enumerate() {
                    *value = vector::<S>(&products[(y * PATCH + x) * GROUP][lane..]);
                }
                for (row, value) in rows.iter_mut().zip(&output_transform(simd, column)) {
                    row[x] = *value;
                }
            }
            let channel = block * BLOCK + lane;
            let mut pixels = [[simd.splat_f32s(0.0); TILE]; TILE];
            for (pixels, row) in pixels.iter_mut().zip(&rows) {
                *pixels = self.affine.apply_all(simd, output_transform(simd, *row), channel);
            }
            if self.is_pooled {
                let pooled = [
                    [max_of_square(simd, &pixels, 0, 0), max_of_square(simd, &pixels, 0, 2)],
                    [max_of_square(simd, &pixels, 2, 0), max_of_square(simd, &pixels, 2, 2)],
                ];
                output.write::<S, 2>(&pooled, tile, channel, self.num_out);
            } else {
                output.write::<S, TILE>(&pixels, tile, channel, self.num_out);
            }
        }
    }
}

impl Affine {
    #[inline(always)]
    fn apply_all<S: Simd>(&self, simd: S, mut values: [S::f32s; TILE], channel: usize) -> [S::f32s; TILE] {
        let (bias, scale, shift) = self.vectors::<S>(channel);
        for value in &mut values {
            let positive = simd.max_f32s(simd.add_f32s(*value, bias), simd.splat_f32s(0.0));
            *value = simd.mul_add_f32s(positive, scale, shift);
        }
        values
    }

    /// Bias, scale and shift of a vector of channels.
    #[inline(always)]
    pub fn vectors<S: Simd>(&self, channel: usize) -> (S::f32s, S::f32s, S::f32s) {
        (vector::<S>(&self.bias[channel..]), vector::<S>(&self.scale[channel..]), vector::<S>(&self.shift[channel..]))
    }
}

impl OutputRows<'_> {
    #[inline(always)]
    fn write<S: Simd, const SIDE: usize>(
        &mut self,
        pixels: &[[S::f32s; SIDE]; SIDE],
        tile: usize,
        channel: usize,
        num_out: usize,
    ) {
        for (row, pixels) in self.rows.chunks_exact_mut(self.stride).zip(pixels) {
            for (x, pixel) in (tile * SIDE..self.width).zip(pixels) {
                *vector_mut::<S>(&mut row[(x + 1) * num_out + channel..]) = *pixel;
            }
        }
    }
}

#[inline(always)]
fn max_of_square<S: Simd>(simd: S, pixels: &[[S::f32s; TILE]; TILE], y: usize, x: usize) -> S::f32s {
    let upper = simd.max_f32s(pixels[y][x], pixels[y][x + 1]);
    let lower = simd.max_f32s(pixels[y + 1][x], pixels[y + 1][x + 1]);
    simd.max_f32s(upper, lower)
}

/// The first vector of a slice.
#[inline(always)]
pub fn vector<S: Simd>(values: &[f32]) -> S::f32s {
    const { assert!(S::F32_LANES <= MAX_LANES) };
    S::as_simd_f32s(&values[..S::F32_LANES]).0[0]
}

/// The first vector of a slice.
#[inline(always)]
pub fn vector_mut<S: Simd>(values: &mut [f32]) -> &mut S::f32s {
    &mut S::as_mut_simd_f32s(&mut values[..S::F32_LANES]).0[0]
}

/// `factor * value + addend`; a function, as a closure would not inherit the instruction set.
#[inline(always)]
fn times<S: Simd>(simd: S, factor: f32, value: S::f32s, addend: S::f32s) -> S::f32s {
    simd.mul_add_f32s(simd.splat_f32s(factor), value, addend)
}

/// `B^T d` of one column.
#[inline(always)]
fn input_transform<S: Simd>(simd: S, d: [S::f32s; PATCH]) -> [S::f32s; PATCH] {
    let (even_2, odd_2) = (times(simd, -4.0, d[2], d[4]), times(simd, -4.0, d[1], d[3]));
    let (even_1, odd_1) = (simd.sub_f32s(d[4], d[2]), simd.sub_f32s(d[3], d[1]));
    [
        times(simd, 4.0, d[0], times(simd, -5.0, d[2], d[4])),
        simd.add_f32s(even_2, odd_2),
        simd.sub_f32s(even_2, odd_2),
        times(simd, 2.0, odd_1, even_1),
        times(simd, -2.0, odd_1, even_1),
        times(simd, 4.0, d[1], times(simd, -5.0, d[3], d[5])),
    ]
}

/// `A^T m` of one column.
#[inline(always)]
fn output_transform<S: Simd>(simd: S, m: [S::f32s; PATCH]) -> [S::f32s; TILE] {
    let (sum_1, difference_1) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
    let (sum_2, difference_2) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
    [
        simd.add_f32s(m[0], simd.add_f32s(sum_1, sum_2)),
        times(simd, 2.0, difference_2, difference_1),
        times(simd, 4.0, sum_2, sum_1),
        simd.add_f32s(m[5], times(simd, 8.0, difference_2, difference_1)),
    ]
}

/// `G g G^T`, in f64 so that only the result is rounded.
fn transformed_kernel(kernel: &[f32; 9]) -> [f32; NUM_POINTS] {
    const G: [[f64; 3]; PATCH] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    std::array::from_fn(|point| {
        let (y, x) = (point / PATCH, point % PATCH);
        let term = |tap: usize| G[y][tap / 3] * f64::from(kernel[tap]) * G[x][tap % 3];
        (0..9).map(term).sum::<f64>() as f32
    })
}
