//! Non-maximum suppression of a score map by separable maximum filters (SuperPoint's `simple_nms`, as DKD uses it).

use pulp::Arch;

use super::vector::vectorize;

/// Rounds that recover maxima hidden by a suppressed neighbour.
const RECOVERY_ROUNDS: usize = 2;

/// Buffers of a suppression.
#[derive(Default)]
pub struct NmsScratch {
    remaining: Vec<f32>,
    rows_f32: Vec<f32>,
    pooled_f32: Vec<f32>,
    rows_u8: Vec<u8>,
    suppressed: Vec<u8>,
}

/// 1 where a score `[height, width]` is kept, else 0.
pub fn suppress(arch: Arch, scores: &[f32], width: usize, radius: usize, scratch: &mut NmsScratch, keep: &mut Vec<u8>) {
    let NmsScratch { remaining, rows_f32, pooled_f32, rows_u8, suppressed } = scratch;
    resize(keep, scores.len());
    max_filter(arch, scores, width, radius, rows_f32, pooled_f32);
    vectorize(
        arch,
        #[inline(always)]
        || {
            for ((keep, score), max) in keep.iter_mut().zip(scores).zip(&*pooled_f32) {
                *keep = u8::from(score == max);
            }
        },
    );
    resize(remaining, scores.len());
    for _ in 0..RECOVERY_ROUNDS {
        max_filter(arch, keep, width, radius, rows_u8, suppressed);
        vectorize(
            arch,
            #[inline(always)]
            || {
                for ((remaining, score), suppressed) in remaining.iter_mut().zip(scores).zip(&*suppressed) {
                    *remaining = if *suppressed == 0 { *score } else { 0.0 };
                }
            },
        );
        max_filter(arch, remaining, width, radius, rows_f32, pooled_f32);
        vectorize(
            arch,
            #[inline(always)]
            || {
                let maxima = remaining.iter().zip(&*pooled_f32).map(|(remaining, max)| u8::from(remaining == max));
                for ((keep, is_max), suppressed) in keep.iter_mut().zip(maxima).zip(&*suppressed) {
                    *keep |= is_max & u8::from(*suppressed == 0);
                }
            },
        );
    }
}

/// Maximum over `(2 radius + 1)^2` pixels, smaller at the edges.
fn max_filter<T: Copy + Default + PartialOrd>(
    arch: Arch,
    input: &[T],
    width: usize,
    radius: usize,
    rows: &mut Vec<T>,
    out: &mut Vec<T>,
) {
    resize(rows, input.len());
    resize(out, input.len());
    let height = input.len() / width;
    vectorize(
        arch,
        #[inline(always)]
        || {
            for (out, row) in rows.chunks_exact_mut(width).zip(input.chunks_exact(width)) {
                out.copy_from_slice(row);
                for shift in 1..=radius.min(width - 1) {
                    max_into(&mut out[shift..], row);
                    max_into(out, &row[shift..]);
                }
            }
            for (y, out) in out.chunks_exact_mut(width).enumerate() {
                let (first, last) = (y.saturating_sub(radius), (y + radius).min(height - 1));
                out.copy_from_slice(&rows[first * width..][..width]);
                for y in first + 1..=last {
                    max_into(out, &rows[y * width..][..width]);
                }
            }
        },
    );
}

#[inline(always)]
fn max_into<T: Copy + PartialOrd>(out: &mut [T], values: &[T]) {
    for (out, &value) in out.iter_mut().zip(values) {
        *out = if value > *out { value } else { *out };
    }
}

fn resize<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
    buffer.resize(len, T::default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(scores: &[f32], width: usize, radius: usize) -> Vec<usize> {
        let mut keep = Vec::new();
        suppress(Arch::new(), scores, width, radius, &mut NmsScratch::default(), &mut keep);
        (0..keep.len()).filter(|&i| keep[i] == 1).collect()
    }

    #[test]
    fn a_peak_hidden_by_a_suppressed_one_is_recovered() {
        // 3 suppresses 2, so that 1, two pixels from 3, is the maximum of what remains
        assert_eq!(kept(&[3.0, 2.0, 1.0, 0.5], 4, 1), [0, 2]);
        assert_eq!(kept(&[3.0, 2.0, 1.0, 0.5], 4, 2), [0, 3]);
    }

    #[test]
    fn windows_are_square_and_end_at_the_edges() {
        let mut scores = vec![0.1; 49];
        (scores[0], scores[16], scores[48]) = (0.9, 0.95, 0.8);
        let kept = kept(&scores, 7, 2);
        assert!(kept.contains(&16) && kept.contains(&48) && !kept.contains(&0), "{kept:?}");
    }
}
