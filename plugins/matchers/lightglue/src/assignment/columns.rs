//! The assignment's normalisation and its best entries on the CPU: three passes over the similarity, vectorised.

use std::f32::consts::{LN_2, LOG2_E};

use multiversion::multiversion;

/// `log P_ij = 2 S_ij + rows[i] + columns[j]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogAssignment {
    /// `log sigmoid(z_i) - log sum_j exp(S_ij)`, `[M]`
    pub rows: Vec<f32>,
    /// `log sigmoid(z_j) - log sum_i exp(S_ij)`, `[N]`
    pub columns: Vec<f32>,
}

impl LogAssignment {
    /// Of a row-major similarity `[M, N]` and logits of matchability `[M]`, `[N]`.
    #[must_use]
    pub fn new(similarity: &[f32], matchability: [&[f32]; 2]) -> Self {
        let num_columns = matchability[1].len();
        let mut row_max = vec![f32::NEG_INFINITY; matchability[0].len()];
        let mut column_max = vec![f32::NEG_INFINITY; num_columns];
        maxima(similarity, &mut row_max, &mut column_max);
        let mut row_sums = vec![0.0; row_max.len()];
        let mut column_sums = vec![0.0; num_columns];
        sums(similarity, [&row_max, &column_max], &mut row_sums, &mut column_sums);
        let normalised = |z: &[f32], max: &[f32], sums: &[f32]| {
            let values = z.iter().zip(max).zip(sums);
            values.map(|((z, max), sum)| log_sigmoid(*z) - max - sum.ln()).collect()
        };
        Self {
            rows: normalised(matchability[0], &row_max, &row_sums),
            columns: normalised(matchability[1], &column_max, &column_sums),
        }
    }

    /// Best column of each row, the first of equals, and its `log P`.
    #[must_use]
    pub fn best_of_rows(&self, similarity: &[f32]) -> (Vec<u32>, Vec<f32>) {
        let rows = similarity.chunks_exact(self.columns.len()).zip(&self.rows);
        rows.map(|(row, offset)| best_of_row(row, &self.columns, *offset)).unzip()
    }

    /// Best row of each column, the first of equals.
    #[must_use]
    pub fn best_of_columns(&self, similarity: &[f32]) -> Vec<u32> {
        let mut best = vec![f32::NEG_INFINITY; self.columns.len()];
        let mut best_rows = vec![0; self.columns.len()];
        best_of_columns(similarity, &self.rows, &mut best, &mut best_rows);
        best_rows
    }
}

fn log_sigmoid(z: f32) -> f32 {
    // -log(1 + e^-z) without overflow
    z.min(0.0) - (-z.abs()).exp().ln_1p()
}

/// Lanes of the widest instruction sets: sums in so many strands have one order whatever the set.
const LANES: usize = 16;

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn maxima(similarity: &[f32], row_max: &mut [f32], column_max: &mut [f32]) {
    for (row, row_max) in similarity.chunks_exact(column_max.len()).zip(row_max) {
        for (value, column_max) in row.iter().zip(column_max.iter_mut()) {
            *column_max = if *value > *column_max { *value } else { *column_max };
        }
        *row_max = strands(row, f32::NEG_INFINITY, |max, value| if value > max { value } else { max })
            .into_iter()
            .fold(f32::NEG_INFINITY, f32::max);
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn sums(similarity: &[f32], max: [&[f32]; 2], row_sums: &mut [f32], column_sums: &mut [f32]) {
    let rows = similarity.chunks_exact(column_sums.len()).zip(max[0]).zip(row_sums);
    for ((row, row_max), row_sum) in rows {
        for ((value, max), sum) in row.iter().zip(max[1]).zip(column_sums.iter_mut()) {
            *sum += exp(value - max);
        }
        *row_sum = strands(row, 0.0, |sum, value| sum + exp(value - row_max)).into_iter().sum();
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn best_of_row(row: &[f32], columns: &[f32], offset: f32) -> (u32, f32) {
    let mut best = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    let (column_chunks, column_rest) = columns.as_chunks::<LANES>();
    for (values, columns) in chunks.iter().zip(column_chunks) {
        for lane in 0..LANES {
            let value = 2.0 * values[lane] + columns[lane];
            best[lane] = if value > best[lane] { value } else { best[lane] };
        }
    }
    let of_rest = rest.iter().zip(column_rest).map(|(value, column)| 2.0 * value + column);
    let best = best.into_iter().chain(of_rest).fold(f32::NEG_INFINITY, f32::max);
    let is_best = |(value, column): (&f32, &f32)| 2.0 * value + column == best;
    let index = row.iter().zip(columns).position(is_best).unwrap_or_default();
    (index as u32, best + offset)
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn best_of_columns(similarity: &[f32], rows: &[f32], best: &mut [f32], best_rows: &mut [u32]) {
    for (index, (row, offset)) in similarity.chunks_exact(best.len()).zip(rows).enumerate() {
        for ((value, best), best_row) in row.iter().zip(best.iter_mut()).zip(best_rows.iter_mut()) {
            let value = 2.0 * value + offset;
            let is_better = value > *best;
            *best = if is_better { value } else { *best };
            *best_row = if is_better { index as u32 } else { *best_row };
        }
    }
}

/// Folds a row in [`LANES`] strands.
#[inline(always)]
fn strands(row: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut strands = [start; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for values in chunks {
        for (strand, value) in strands.iter_mut().zip(values) {
            *strand = fold(*strand, *value);
        }
    }
    for (strand, value) in strands.iter_mut().zip(rest) {
        *strand = fold(*strand, *value);
    }
    strands
}

/// `e^x` for `x <= 0`, relative error 1e-6 near 0 and 1e-5 at -80; a polynomial for `2^f` and an exponent, which
/// compilers vectorise, where the library's function is a call.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// Taylor coefficients of `2^f`, highest power first.
    const COEFFICIENTS: [f32; 7] = [1.540_353e-4, 1.333_355_8e-3, 9.618_129e-3, 5.550_411e-2, 0.240_226_5, LN_2, 1.0];
    let x = x * LOG2_E;
    let x = if x > -126.0 { x } else { -126.0 };
    let rounded = x + ROUND;
    let fraction = x - (rounded - ROUND);
    let power = COEFFICIENTS.iter().fold(0.0, |power, coefficient| power * fraction + coefficient);
    f32::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_near_the_librarys() {
        for step in 0..8700 {
            let x = -0.01 * step as f32;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 1e-5, "{x}");
        }
        assert!(exp(-1e9) < 2e-38);
    }
}
