//! Matrix products of short, wide shape: rows in groups of 24, columns in blocks of 64, everything in first-level caches.

use pulp::Simd;

/// Columns of a block of weights.
pub const BLOCK: usize = 64;
/// Rows come in multiples of this: a multiple of both register tilings.
pub const GROUP: usize = 24;
/// Vectors of columns in registers; with 12 rows they fill 24 of 32 registers, with 6 rows 12 of 16.
const NV: usize = 2;

/// One input channel's weights to a block of outputs.
pub type Row = [f32; BLOCK];

/// `out [M, 64] = left [M, K] * right [K, 64]`, M a multiple of [`GROUP`].
#[inline(always)]
pub fn product<S: Simd>(simd: S, left: &[f32], right: &[Row], out: &mut [Row]) {
    if S::REGISTER_COUNT >= 32 {
        tiled::<S, 12>(simd, left, right, out);
    } else {
        tiled::<S, 6>(simd, left, right, out);
    }
}

#[inline(always)]
fn tiled<S: Simd, const MR: usize>(simd: S, left: &[f32], right: &[Row], out: &mut [Row]) {
    let depth = right.len();
    // columns outside: a slice of the weights stays in the first-level cache while the rows pass
    for first in (0..BLOCK).step_by(NV * S::F32_LANES) {
        for (left, out) in left.chunks_exact(MR * depth).zip(out.chunks_exact_mut(MR)) {
            let mut rows = [left; MR];
            for (row, values) in rows.iter_mut().zip(left.chunks_exact(depth)) {
                *row = values;
            }
            let tile = tile::<S, MR>(simd, &rows, right, first);
            for (out, tile) in out.iter_mut().zip(&tile) {
                S::as_mut_simd_f32s(&mut out[first..first + NV * S::F32_LANES]).0.copy_from_slice(tile);
            }
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const MR: usize>(simd: S, rows: &[&[f32]; MR], right: &[Row], first: usize) -> [[S::f32s; NV]; MR] {
    let mut tile = [[simd.splat_f32s(0.0); NV]; MR];
    let mut rows = *rows;
    for row in &mut rows {
        *row = &row[..right.len()];
    }
    for (k, right) in right.iter().enumerate() {
        let columns = S::as_simd_f32s(&right[first..first + NV * S::F32_LANES]).0;
        let columns: [S::f32s; NV] = [columns[0], columns[1]];
        for row in 0..MR {
            let value = simd.splat_f32s(rows[row][k]);
            for vector in 0..NV {
                tile[row][vector] = simd.mul_add_f32s(value, columns[vector], tile[row][vector]);
            }
        }
    }
    tile
}
