//! The first unit, from one grey channel to 64: too thin for tiles in a transformed space, so by definition.

use pulp::Simd;

use super::map::padded;
use super::winograd::{Affine, TILE, vector, vector_mut};

/// A 3x3 convolution of one channel with what follows it.
#[derive(Debug)]
pub struct FirstUnit {
    /// `[9, out]`
    taps: Vec<f32>,
    affine: Affine,
}

impl FirstUnit {
    /// From `weight [out, 1, 3, 3]`.
    pub fn new(weight: &[f32], affine: Affine) -> Self {
        let num_out = affine.bias.len();
        let taps = (0..9 * num_out).map(|at| weight[at % num_out * 9 + at / num_out]).collect();
        Self { taps, affine }
    }

    /// Number of output channels.
    pub fn num_out(&self) -> usize {
        self.affine.bias.len()
    }

    /// The six rows, with border, that the tiles of a tile row of the next unit see; zero outside the image.
    #[inline(always)]
    pub fn rows_for_tile_row<S: Simd>(&self, simd: S, grey: &Grey, tile_row: usize, rows: &mut Vec<f32>) {
        let stride = padded(grey.width) * self.num_out();
        rows.clear();
        rows.resize((TILE + 2) * stride, 0.0);
        for (row, values) in rows.chunks_exact_mut(stride).enumerate() {
            // row 0 is the one above the tiles
            if let Some(y) = (tile_row * TILE + row).checked_sub(1).filter(|y| *y < grey.height) {
                let pixels = &mut values[self.num_out()..][..grey.width * self.num_out()];
                self.row(simd, [0, 1, 2].map(|dy| grey.row(y + dy)), pixels);
            }
        }
    }

    /// `rows` are the three grey rows around the output row, each with a border of one pixel.
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, rows: [&[f32]; 3], out: &mut [f32]) {
        let num_out = self.num_out();
        for channel in (0..num_out).step_by(S::F32_LANES) {
            let mut taps = [simd.splat_f32s(0.0); 9];
            for (tap, values) in taps.iter_mut().zip(self.taps.chunks_exact(num_out)) {
                *tap = vector::<S>(&values[channel..]);
            }
            let (bias, scale, shift) = self.affine.vectors::<S>(channel);
            let windows = rows[0].windows(3).zip(rows[1].windows(3)).zip(rows[2].windows(3));
            for (((top, middle), bottom), pixel) in windows.zip(out.chunks_exact_mut(num_out)) {
                let mut sum = bias;
                for x in 0..3 {
                    sum = simd.mul_add_f32s(simd.splat_f32s(top[x]), taps[x], sum);
                    sum = simd.mul_add_f32s(simd.splat_f32s(middle[x]), taps[3 + x], sum);
                    sum = simd.mul_add_f32s(simd.splat_f32s(bottom[x]), taps[6 + x], sum);
                }
                let value = simd.mul_add_f32s(simd.max_f32s(sum, simd.splat_f32s(0.0)), scale, shift);
                *vector_mut::<S>(&mut pixel[channel..]) = value;
            }
        }
    }
}

/// A grey image in 0..1 inside a border of one zero.
#[derive(Debug)]
pub struct Grey {
    values: Vec<f32>,
    /// Rows of the image itself.
    pub height: usize,
    /// Columns of the image itself.
    pub width: usize,
}

impl Grey {
    /// ITU-R BT.601 luma, as the reference weighs it, of `pixels [height, width, 3] u8`.
    pub fn of_rgb(pixels: &[u8], height: usize, width: usize) -> Self {
        let stride = width + 2;
        let mut values = vec![0.0; (height + 2) * stride];
        let rows = values[stride..].chunks_exact_mut(stride);
        for (row, pixels) in rows.zip(pixels.chunks_exact(3 * width.max(1))) {
            for (value, rgb) in row[1..].iter_mut().zip(pixels.as_chunks::<3>().0) {
                let [r, g, b] = rgb.map(|channel| f32::from(channel) / 255.0);
                *value = 0.299 * r + 0.587 * g + 0.114 * b;
            }
        }
        Self { values, height, width }
    }

    /// Padded row y, i.e. image row y - 1 with a border of one pixel.
    fn row(&self, y: usize) -> &[f32] {
        &self.values[y * (self.width + 2)..(y + 1) * (self.width + 2)]
    }
}
