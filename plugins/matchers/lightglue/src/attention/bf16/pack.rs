//! Tokens as torch lays them out to the layouts of the kernel.

use bytemuck::{cast, cast_slice};

use super::kernel::{BLOCK, BLOCK_PAIRS, Columns, Key, PAIRS, Query, TILE, TILES, WIDTH};
use crate::parameters::{DIM, HEAD_DIM};

/// A projection `[R, parts * 256] bf16`, read as pairs.
pub struct Tokens<'a> {
    pairs: &'a [u32],
    stride: usize,
}

/// The 64 channels of one head and part, of the tokens of one image.
pub struct Channels<'a> {
    pairs: &'a [u32],
    stride: usize,
    first: usize,
    num: usize,
}

impl<'a> Tokens<'a> {
    pub fn new(pairs: &'a [i32], num_parts: usize) -> Self {
        Self { pairs: cast_slice(pairs), stride: num_parts * DIM as usize / 2 }
    }

    pub fn channels(&self, first: usize, num: usize, part: usize, head: usize) -> Channels<'a> {
        let offset = first * self.stride + part * DIM as usize / 2 + head * PAIRS;
        Channels { pairs: self.pairs.get(offset..).unwrap_or_default(), stride: self.stride, first, num }
    }
}

impl Channels<'_> {
    /// Zeros beyond the last token: they fill the kernel's blocks.
    fn row(&self, index: usize) -> [u32; PAIRS] {
        let row = self.pairs.get(index * self.stride..).and_then(|rest| rest.first_chunk());
        row.filter(|_| index < self.num).copied().unwrap_or([0; PAIRS])
    }

    /// The row with each pair of channels rotated by its angle; `rotation [R, 64]` is cosines and sines.
    fn rotated_row(&self, index: usize, rotation: &[f32]) -> [u32; PAIRS] {
        let row = self.row(index);
        let angles =
            rotation.get((self.first + index) * HEAD_DIM as usize..).and_then(|rest| rest.first_chunk::<WIDTH>());
        let Some(angles) = angles else { return row };
        std::array::from_fn(|p| {
            let ([a, b], cos, sin) = (unpack(row[p]), angles[p], angles[PAIRS + p]);
            pack([a * cos - b * sin, b * cos + a * sin])
        })
    }
}

impl Query {
    /// Rotated queries.
    pub fn rotated(q: &Channels<'_>, rotation: &[f32]) -> Self {
        Self { num: q.num, rows: rows(q.num, |i| q.rotated_row(i, rotation)), values: Vec::new() }
    }

    /// Queries that are also the keys of the other direction, whose values these are.
    pub fn with_values(qk: &Channels<'_>, v: &Channels<'_>) -> Self {
        let values = (0..qk.num.div_ceil(BLOCK)).map(|block| transposed_values(v, block * BLOCK)).collect();
        Self { num: qk.num, rows: rows(qk.num, |i| qk.row(i)), values }
    }
}

impl Key {
    /// Rotated keys.
    pub fn rotated(k: &Channels<'_>, v: &Channels<'_>, rotation: &[f32]) -> Self {
        Self { num: k.num, keys: key_columns(k.num, |i| k.rotated_row(i, rotation)), values: value_columns(v) }
    }

    /// Keys as they are.
    pub fn plain(k: &Channels<'_>, v: &Channels<'_>) -> Self {
        Self { num: k.num, keys: key_columns(k.num, |i| k.row(i)), values: value_columns(v) }
    }
}

fn rows(num: usize, row: impl Fn(usize) -> [u32; PAIRS]) -> Vec<[[u32; PAIRS]; TILE]> {
    let num_tiles = num.div_ceil(BLOCK) * TILES;
    (0..num_tiles).map(|tile| std::array::from_fn(|i| row(tile * TILE + i))).collect()
}

/// `[chunk][pair of channels][key]`
fn key_columns(num: usize, row: impl Fn(usize) -> [u32; PAIRS]) -> Vec<[Columns; PAIRS]> {
    let chunk = |chunk: usize| {
        let mut columns = [[0_u32; WIDTH]; PAIRS];
        for i in 0..WIDTH {
            for (column, pair) in columns.iter_mut().zip(row(chunk * WIDTH + i)) {
                column[i] = pair;
            }
        }
        cast(columns)
    };
    (0..num.div_ceil(WIDTH)).map(chunk).collect()
}

/// `[chunk][pair of keys][channel]`
fn value_columns(v: &Channels<'_>) -> Vec<[Columns; PAIRS]> {
    let pair_of_keys = |first: usize| interleaved(&v.row(first), &v.row(first + 1));
    let chunk =
        |chunk: usize| -> [[u32; WIDTH]; PAIRS] { std::array::from_fn(|pair| pair_of_keys(chunk * WIDTH + 2 * pair)) };
    (0..v.num.div_ceil(WIDTH)).map(|index| cast(chunk(index))).collect()
}

/// `[channel][pair of tokens]` of a block.
fn transposed_values(v: &Channels<'_>, first: usize) -> [[u32; BLOCK_PAIRS]; WIDTH] {
    let mut transposed = [[0; BLOCK_PAIRS]; WIDTH];
    for pair in 0..BLOCK_PAIRS {
        let channels = interleaved(&v.row(first + 2 * pair), &v.row(first + 2 * pair + 1));
        for (column, value) in transposed.iter_mut().zip(channels) {
            column[pair] = value;
        }
    }
    transposed
}

/// Pairs of one channel of two tokens, from pairs of two channels of each.
fn interleaved(even: &[u32; PAIRS], odd: &[u32; PAIRS]) -> [u32; WIDTH] {
    std::array::from_fn(|channel| {
        let (even, odd) = (even[channel / 2], odd[channel / 2]);
        if channel % 2 == 0 { (even & 0xffff) | (odd << 16) } else { (even >> 16) | (odd & 0xffff_0000) }
    })
}

/// Two values of a pair; the lower half is the first.
fn unpack(pair: u32) -> [f32; 2] {
    [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)]
}

/// Rounds to nearest even.
pub fn pack(values: [f32; 2]) -> u32 {
    let [low, high] = values.map(|value| value.to_bits() + 0x7fff + ((value.to_bits() >> 16) & 1));
    (low >> 16) | (high & 0xffff_0000)
}
