//! Attention of one head on `vdpbf16ps`: softmax and products in one pass over scores that never leave the cache
//! (Dao et al., FlashAttention, 2022), bf16 operands and f32 sums.
//!
//! A shift of each row keeps powers of two in range. It follows the row's maximum only when that grows by 2^60, which
//! is rare: sums have headroom to 2^127, and a first chunk's maximum keeps them from vanishing. In cross-attention
//! the same scores serve both directions (Lindenberger et al., LightGlue, 2023, section 3.1), the second with
//! shifts of columns.

use std::arch::x86_64::{
    __m512, __m512bh, _CMP_GT_OQ, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512, _mm512_castps_si512,
    _mm512_cmp_ps_mask, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_mask_blend_ps, _mm512_max_ps,
    _mm512_mul_ps, _mm512_or_si512, _mm512_reduce_add_ps, _mm512_reduce_max_ps, _mm512_roundscale_ps, _mm512_scalef_ps,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_srli_epi32, _mm512_sub_ps,
};
use std::array;
use std::f32::consts::LN_2;

use bytemuck::{Zeroable, cast};

use super::pack::pack;

/// Channels of a head, and keys of a chunk.
pub const WIDTH: usize = 64;
/// Pairs of bf16 in [`WIDTH`].
pub const PAIRS: usize = WIDTH / 2;
/// Rows of a register tile: 6 x 4 sums, 4 columns and a broadcast fill the 32 registers.
pub const TILE: usize = 6;
/// Tiles of a block: with a chunk of keys and values it fits the first-level cache.
pub const TILES: usize = 8;
/// Query rows of a block.
pub const BLOCK: usize = TILE * TILES;
/// Pairs of rows in a block.
pub const BLOCK_PAIRS: usize = BLOCK / 2;

/// How far, in powers of two, scores may exceed a shift before it is raised.
const HEADROOM: f32 = 60.0;
/// Scores that far below the shift have no weight; also stands for what is not there.
const NO_WEIGHT: f32 = -200.0;
/// Taylor coefficients of `2^f`, highest power first; relative error below 5e-5 on `[-1/2, 1/2]`, where bf16's is 4e-3.
const EXP2: [f32; 5] = [0.009_618_129, 0.055_504_11, 0.240_226_5, LN_2, 1.0];

/// 64 values of f32.
type Sums = [__m512; 4];
/// 64 pairs of bf16.
pub type Columns = [__m512bh; 4];

/// Queries, and values of the other direction, in blocks filled up with zeros.
pub struct Query {
    /// Number of rows.
    pub num: usize,
    /// `[tile][row][pair of channels]`
    pub rows: Vec<[[u32; PAIRS]; TILE]>,
    /// `[block][channel][pair of rows]`; empty when only one direction is asked for.
    pub values: Vec<[[u32; BLOCK_PAIRS]; WIDTH]>,
}

/// Keys and values in chunks filled up with zeros.
pub struct Key {
    /// Number of keys.
    pub num: usize,
    /// `[chunk][pair of channels][key]`
    pub keys: Vec<[Columns; PAIRS]>,
    /// `[chunk][pair of keys][channel]`
    pub values: Vec<[Columns; PAIRS]>,
}

/// Attention of a chunk of keys to all queries, while it is summed up.
#[derive(Clone)]
pub struct Backward {
    /// `[channel][key]`, times `2^-shift`
    sums: [Sums; WIDTH],
    total: Sums,
    shift: Sums,
}

impl Backward {
    /// Nothing summed up.
    pub fn new() -> Self {
        Self { sums: [Sums::zeroed(); WIDTH], total: Sums::zeroed(), shift: cast([f32::NEG_INFINITY; WIDTH]) }
    }

    /// Context of the chunk's keys, in order.
    pub fn context(&self) -> [[u32; PAIRS]; WIDTH] {
        let (sums, total): ([[f32; WIDTH]; WIDTH], [f32; WIDTH]) = (cast(self.sums), cast(self.total));
        array::from_fn(|key| {
            let scale = 1.0 / total[key];
            array::from_fn(|p| pack([sums[2 * p][key] * scale, sums[2 * p + 1][key] * scale]))
        })
    }
}

/// A block of query rows while its keys pass by.
struct Forward {
    sums: [Sums; BLOCK],
    total: [__m512; BLOCK],
    shift: [f32; BLOCK],
}

/// Context of every query row and, if `BOTH`, of every key.
#[target_feature(enable = "avx512f,avx512bf16")]
pub fn attend<const BOTH: bool>(query: &Query, key: &Key, backward: &mut [Backward], out: &mut [[u32; PAIRS]]) {
    let blocks = query.rows.as_chunks::<TILES>().0.iter().zip(out.chunks_mut(BLOCK));
    for (block, (rows, out)) in blocks.enumerate() {
        let mut forward = Forward {
            sums: [Sums::zeroed(); BLOCK],
            total: [_mm512_setzero_ps(); BLOCK],
            shift: [f32::NEG_INFINITY; BLOCK],
        };
        for (chunk, (keys, values)) in key.keys.iter().zip(&key.values).enumerate() {
            let mut scores = [Sums::zeroed(); BLOCK];
            for (scores, rows) in scores.as_chunks_mut::<TILE>().0.iter_mut().zip(rows) {
                multiply_add(scores, rows, keys);
            }
            let num_keys = key.num - chunk * WIDTH;
            if out.len() < BLOCK || num_keys < WIDTH {
                mask_outside(&mut scores, out.len(), num_keys);
            }
            add_forward(&mut forward, &scores, values);
            if BOTH {
                add_backward(&mut backward[chunk], &scores, &query.values[block]);
            }
        }
        for ((out, sums), total) in out.iter_mut().zip(&forward.sums).zip(&forward.total) {
            let scale = _mm512_set1_ps(1.0 / _mm512_reduce_add_ps(*total));
            *out = as_pairs(sums.map(|sum| _mm512_mul_ps(sum, scale)));
        }
    }
}

/// `sums += rows columns`, over pairs.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_add<const ROWS: usize, const DEPTH: usize>(
    sums: &mut [Sums; ROWS],
    rows: &[[u32; DEPTH]; ROWS],
    columns: &[Columns; DEPTH],
) {
    let mut registers = *sums;
    for (k, columns) in columns.iter().enumerate() {
        for (sums, row) in registers.iter_mut().zip(rows) {
            let pair: __m512bh = cast(_mm512_set1_epi32(row[k].cast_signed()));
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_dpbf16_ps(*sum, pair, *column);
            }
        }
    }
    *sums = registers;
}

/// Takes scores of rows and keys that only fill a block out of the softmax.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn mask_outside(scores: &mut [Sums; BLOCK], num_rows: usize, num_keys: usize) {
    let nothing = _mm512_set1_ps(f32::NEG_INFINITY);
    for (i, scores) in scores.iter_mut().enumerate() {
        for (c, score) in scores.iter_mut().enumerate() {
            let num_inside = if i < num_rows { num_keys.saturating_sub(16 * c).min(16) } else { 0 };
            *score = _mm512_mask_blend_ps(((1_u32 << num_inside) - 1) as u16, nothing, *score);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn add_forward(forward: &mut Forward, scores: &[Sums; BLOCK], values: &[Columns; PAIRS]) {
    let mut weights = [[0_u32; PAIRS]; BLOCK];
    for (i, scores) in scores.iter().enumerate() {
        raise_row(forward, i, scores);
        let shift = _mm512_set1_ps(forward.shift[i]);
        let weight = scores.map(|score| exp2(_mm512_sub_ps(score, shift)));
        let halves = [_mm512_add_ps(weight[0], weight[1]), _mm512_add_ps(weight[2], weight[3])];
        forward.total[i] = _mm512_add_ps(forward.total[i], _mm512_add_ps(halves[0], halves[1]));
        weights[i] = as_pairs(weight);
    }
    for (sums, weights) in forward.sums.as_chunks_mut::<TILE>().0.iter_mut().zip(weights.as_chunks::<TILE>().0) {
        multiply_add(sums, weights, values);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn raise_row(forward: &mut Forward, i: usize, scores: &Sums) {
    let shift = forward.shift[i];
    let max = _mm512_max_ps(_mm512_max_ps(scores[0], scores[1]), _mm512_max_ps(scores[2], scores[3]));
    if _mm512_cmp_ps_mask::<_CMP_GT_OQ>(max, _mm512_set1_ps(shift + HEADROOM)) != 0 {
        let raised = shift.max(_mm512_reduce_max_ps(max));
        let factor = exp2(_mm512_set1_ps(shift - raised));
        forward.shift[i] = raised;
        forward.total[i] = _mm512_mul_ps(forward.total[i], factor);
        forward.sums[i] = forward.sums[i].map(|sum| _mm512_mul_ps(sum, factor));
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn add_backward(backward: &mut Backward, scores: &[Sums; BLOCK], values: &[[u32; BLOCK_PAIRS]; WIDTH]) {
    raise_columns(backward, scores);
    let mut weights = [Columns::zeroed(); BLOCK_PAIRS];
    for (weights, [even, odd]) in weights.iter_mut().zip(scores.as_chunks::<2>().0) {
        for c in 0..4 {
            let [even, odd] = [even[c], odd[c]].map(|score| exp2(_mm512_sub_ps(score, backward.shift[c])));
            backward.total[c] = _mm512_add_ps(backward.total[c], _mm512_add_ps(even, odd));
            weights[c] = row_pairs(even, odd);
        }
    }
    let (sums, values) = (backward.sums.as_chunks_mut::<TILE>(), values.as_chunks::<TILE>());
    for (sums, values) in sums.0.iter_mut().zip(values.0) {
        multiply_add(sums, values, &weights);
    }
    let (sums, values) = (sums.1.as_chunks_mut::<{ WIDTH % TILE }>(), values.1.as_chunks::<{ WIDTH % TILE }>());
    for (sums, values) in sums.0.iter_mut().zip(values.0) {
        multiply_add(sums, values, &weights);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn raise_columns(backward: &mut Backward, scores: &[Sums; BLOCK]) {
    let max_of = |max: Sums, row: &Sums| array::from_fn(|c| _mm512_max_ps(max[c], row[c]));
    let max = scores.iter().fold([_mm512_set1_ps(f32::NEG_INFINITY); 4], max_of);
    for c in 0..4 {
        let limit = _mm512_add_ps(backward.shift[c], _mm512_set1_ps(HEADROOM));
        if _mm512_cmp_ps_mask::<_CMP_GT_OQ>(max[c], limit) != 0 {
            let raised = _mm512_max_ps(backward.shift[c], max[c]);
            let factor = exp2(_mm512_sub_ps(backward.shift[c], raised));
            backward.shift[c] = raised;
            backward.total[c] = _mm512_mul_ps(backward.total[c], factor);
            for sums in &mut backward.sums {
                sums[c] = _mm512_mul_ps(sums[c], factor);
            }
        }
    }
}

/// `2^x`, 0 far below 0 and for NaN (nothing minus nothing).
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn exp2(x: __m512) -> __m512 {
    let x = _mm512_max_ps(x, _mm512_set1_ps(NO_WEIGHT));
    let whole = _mm512_roundscale_ps::<0>(x);
    let fraction = _mm512_sub_ps(x, whole);
    let mut power = _mm512_set1_ps(EXP2[0]);
    for coefficient in &EXP2[1..] {
        power = _mm512_fmadd_ps(power, fraction, _mm512_set1_ps(*coefficient));
    }
    _mm512_scalef_ps(power, whole)
}

/// Consecutive values of a row, paired.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn as_pairs(row: Sums) -> [u32; PAIRS] {
    cast([_mm512_cvtne2ps_pbh(row[1], row[0]), _mm512_cvtne2ps_pbh(row[3], row[2])])
}

/// Values of two rows, paired column by column; rounds halves up, which is nearest for weights (never negative).
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn row_pairs(even: __m512, odd: __m512) -> __m512bh {
    let half = _mm512_set1_epi32(0x8000);
    let low = _mm512_srli_epi32::<16>(_mm512_add_epi32(_mm512_castps_si512(even), half));
    let high = _mm512_add_epi32(_mm512_castps_si512(odd), half);
    cast(_mm512_or_si512(low, _mm512_and_si512(high, _mm512_set1_epi32(-0x1_0000))))
}
