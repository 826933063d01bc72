//! Resizes bytes as Pillow does, to the bit: the network was trained on its pixels.
//!
//! Two passes, rows first, each rounded to bytes; weights in fixed point with 22 bits after the point (Pillow's
//! `Resample.c`, whose results are held in `tests/goldens/resize.safetensors`). `fast_image_resize` 6.1, the crate that
//! would stand here, differs in every fifth byte of that photo, by up to 2, and more on noise.

use std::f64::consts::PI;

use multiversion::multiversion;

/// Bits after the point: 32, less 8 of a byte and 2 for overshoot.
const PRECISION: u32 = 22;

/// Interpolation, its support widened when shrinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Windowed sinc with three lobes.
    Lanczos,
    /// Keys' cubic, a = -1/2.
    Bicubic,
}

/// Source pixels of an output pixel.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

/// `[H', W', 3]` bytes of `[H, W, 3]`; sizes are `[width, height]`.
#[must_use]
pub fn resize(rgb: &[u8], from_size: [usize; 2], to_size: [usize; 2], filter: Filter) -> Vec<u8> {
    let ([from_width, from_height], [to_width, to_height]) = (from_size, to_size);
    let narrowed = if from_width == to_width {
        rgb.to_vec()
    } else {
        let windows = windows(from_width, to_width, filter);
        rgb.chunks_exact(3 * from_width).flat_map(|row| resized_row(row, &windows)).collect()
    };
    if from_height == to_height {
        return narrowed;
    }
    let windows = windows(from_height, to_height, filter);
    windows.iter().flat_map(|window| mixed_rows(&narrowed, 3 * to_width, window.first, &window.weights)).collect()
}

fn windows(from: usize, to: usize, filter: Filter) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let filter_scale = scale.max(1.0);
    let support = filter.support() * filter_scale;
    let window = |index: usize| {
        let center = (index as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.0) as usize;
        let last = ((center + support + 0.5) as usize).min(from);
        let weight = |source: usize| filter.weight((source as f64 - center + 0.5) * (1.0 / filter_scale));
        let weights: Vec<f64> = (first..last).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Window { first, weights: weights.iter().map(|weight| fixed(weight / sum)).collect() }
    };
    (0..to).map(window).collect()
}

fn fixed(weight: f64) -> i32 {
    (weight * f64::from(1 << PRECISION)).round() as i32
}

fn resized_row(row: &[u8], windows: &[Window]) -> Vec<u8> {
    let planes: [Vec<u8>; 3] = [0, 1, 2].map(|channel| row.iter().skip(channel).step_by(3).copied().collect());
    let mut resized = Vec::with_capacity(3 * windows.len());
    for Window { first, weights } in windows {
        let source = |plane: &Vec<u8>| weighted_sum(&plane[*first..*first + weights.len()], weights);
        resized.extend(planes.each_ref().map(|plane| rounded(source(plane))));
    }
    resized
}

#[multiversion(targets("x86_64+avx512f+avx512bw", "x86_64+avx2"))]
fn weighted_sum(values: &[u8], weights: &[i32]) -> i32 {
    values
        .iter()
        .zip(weights)
        .fold(0_i32, |sum, (&value, weight)| sum.wrapping_add(i32::from(value).wrapping_mul(*weight)))
}

#[multiversion(targets("x86_64+avx512f+avx512bw", "x86_64+avx2"))]
fn mixed_rows(rgb: &[u8], row_len: usize, first: usize, weights: &[i32]) -> Vec<u8> {
    let mut sums = vec![0_i32; row_len];
    for (row, weight) in rgb[first * row_len..].chunks_exact(row_len).zip(weights) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(i32::from(*value).wrapping_mul(*weight));
        }
    }
    sums.into_iter().map(rounded).collect()
}

#[inline(always)]
fn rounded(sum: i32) -> u8 {
    (sum.wrapping_add(1 << (PRECISION - 1)) >> PRECISION).clamp(0, 255) as u8
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Lanczos => 3.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        match self {
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
            Self::Bicubic => cubic(x.abs()),
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}
