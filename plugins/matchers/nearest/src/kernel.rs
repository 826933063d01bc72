//! All similarities of two images, tile by tile in registers, keeping only the best of every row and column.
//!
//! The N x M matrix is never stored. A tile is `MR` rows by three vectors of columns; its register blocking follows
//! Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (TOMS 2008). Every similarity is one chain
//! of fused multiply-adds over the dimensions, so vector width, blocking and threads do not change a bit.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::best::{Best, Bests};
use crate::panels::{PANEL, Panels, Slice};

/// Vectors of columns in a tile: with 8 rows they fill 24 of 32 registers, with 4 rows 12 of 16.
const NV: usize = 3;
const MAX_LANES: usize = 16;
/// Of a block of rows: with their bests, about half of a second-level cache of 1 MiB.
const BLOCK_BYTES: usize = 256 << 10;

/// Best columns of the rows in `panels1` of image 1, and best rows (among these) of every column.
pub struct BestPartners<'a> {
    /// Rows.
    pub image1: Panels<'a>,
    /// Columns.
    pub image2: Panels<'a>,
    /// Panels of `image1` to look at.
    pub panels1: Range<usize>,
    /// Whether second best similarities are needed.
    pub with_second: bool,
}

impl WithSimd for BestPartners<'_> {
    /// Rows (of `panels1` alone) and columns.
    type Output = (Bests, Bests);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        // each arm is compiled for its register file
        match (S::REGISTER_COUNT >= 32, self.with_second) {
            (true, false) => walk::<S, 8, false>(simd, &self),
            (true, true) => walk::<S, 8, true>(simd, &self),
            (false, false) => walk::<S, 4, false>(simd, &self),
            (false, true) => walk::<S, 4, true>(simd, &self),
        }
    }
}

#[inline(always)]
fn walk<S: Simd, const MR: usize, const SECOND: bool>(simd: S, job: &BestPartners<'_>) -> (Bests, Bests) {
    let (bias1, bias2) = (job.image1.padding_bias(), job.image2.padding_bias());
    let mut rows = Bests::none(job.panels1.len() * PANEL);
    let mut columns = Bests::none(bias2.len());
    let panels_per_block = (BLOCK_BYTES / (size_of::<Slice>() * job.image1.dim.max(1))).max(1);
    for start in job.panels1.clone().step_by(panels_per_block) {
        let block = Block::<MR> {
            image1: job.image1,
            bias1: &bias1,
            panels1: start..(start + panels_per_block).min(job.panels1.end),
        };
        let found = block.best_columns::<S, SECOND>(simd, job.image2, &bias2, &mut columns);
        let at = (start - job.panels1.start) * PANEL;
        found.into_iter().enumerate().for_each(|(row, best)| rows.join(at + row, best));
    }
    (rows, columns)
}

/// Rows that stay in a second-level cache while the panels of image 2 pass through the first level, once.
struct Block<'a, const MR: usize> {
    image1: Panels<'a>,
    bias1: &'a [f32],
    panels1: Range<usize>,
}

impl<const MR: usize> Block<'_, MR> {
    #[inline(always)]
    fn best_columns<S: Simd, const SECOND: bool>(
        &self,
        simd: S,
        image2: Panels<'_>,
        bias2: &[f32],
        columns: &mut Bests,
    ) -> Vec<Best> {
        let width = NV * S::F32_LANES;
        let mut rows = vec![[VectorBest::none(simd); MR]; self.panels1.len() * PANEL / MR];
        for first_column in (0..image2.len() * PANEL).step_by(width) {
            let (panel2, offset) = (image2.panel(first_column / PANEL), first_column % PANEL);
            let bias2 = vectors::<S>(&bias2[first_column..]);
            for (number, rows) in rows.iter_mut().enumerate() {
                let strip = self.strip(number);
                let tile = tile(simd, &strip, panel2, offset, bias2);
                update_rows::<S, MR, SECOND>(simd, &tile, first_column, rows);
                update_columns::<S, MR, SECOND>(simd, &tile, strip.first_row, first_column, columns);
            }
        }
        rows.as_flattened().iter().map(|row| row.reduced(simd)).collect()
    }

    #[inline(always)]
    fn strip(&self, number: usize) -> Strip<'_, MR> {
        let first_row = self.panels1.start * PANEL + number * MR;
        Strip {
            slices: self.image1.panel(first_row / PANEL),
            offset: first_row % PANEL,
            first_row: first_row as u32,
            bias: std::array::from_fn(|row| self.bias1[first_row + row]),
        }
    }
}

/// `MR` rows of a panel of image 1.
struct Strip<'a, const MR: usize> {
    slices: &'a [Slice],
    offset: usize,
    first_row: u32,
    bias: [f32; MR],
}

/// Similarities of a strip's rows to three vectors of columns.
#[inline(always)]
fn tile<S: Simd, const MR: usize>(
    simd: S,
    strip: &Strip<'_, MR>,
    slices2: &[Slice],
    offset2: usize,
    bias2: [S::f32s; NV],
) -> [[S::f32s; NV]; MR] {
    let mut tile = strip.bias.map(|bias1| bias2.map(|bias2| simd.add_f32s(simd.splat_f32s(bias1), bias2)));
    for (slice1, slice2) in strip.slices.iter().zip(slices2) {
        let columns = vectors::<S>(&slice2[offset2..]);
        let rows: [f32; MR] = std::array::from_fn(|row| slice1[strip.offset + row]);
        for row in 0..MR {
            let value = simd.splat_f32s(rows[row]);
            for vector in 0..NV {
                tile[row][vector] = simd.mul_add_f32s(value, columns[vector], tile[row][vector]);
            }
        }
    }
    tile
}

#[inline(always)]
fn vectors<S: Simd>(values: &[f32]) -> [S::f32s; NV] {
    let vectors = S::as_simd_f32s(&values[..NV * S::F32_LANES]).0;
    std::array::from_fn(|vector| vectors[vector])
}

#[inline(always)]
fn update_rows<S: Simd, const MR: usize, const SECOND: bool>(
    simd: S,
    tile: &[[S::f32s; NV]; MR],
    first_column: usize,
    rows: &mut [VectorBest<S>; MR],
) {
    let index = |vector| simd.splat_u32s((first_column + vector * S::F32_LANES) as u32);
    let index: [S::u32s; NV] = std::array::from_fn(index);
    for (row, similarities) in rows.iter_mut().zip(tile) {
        for (similarity, index) in similarities.iter().zip(index) {
            row.update::<SECOND>(simd, *similarity, index);
        }
    }
}

#[inline(always)]
fn update_columns<S: Simd, const MR: usize, const SECOND: bool>(
    simd: S,
    tile: &[[S::f32s; NV]; MR],
    first_row: u32,
    first_column: usize,
    columns: &mut Bests,
) {
    let width = first_column..first_column + NV * S::F32_LANES;
    let similarity = S::as_mut_simd_f32s(&mut columns.similarity[width.clone()]).0;
    let index = S::as_mut_simd_u32s(&mut columns.index[width.clone()]).0;
    let second = S::as_mut_simd_f32s(&mut columns.second[width]).0;
    for vector in 0..NV {
        let mut best = VectorBest::<S> { similarity: similarity[vector], index: index[vector], second: second[vector] };
        for (row, similarities) in tile.iter().enumerate() {
            best.update::<SECOND>(simd, similarities[vector], simd.splat_u32s(first_row + row as u32));
        }
        (similarity[vector], index[vector], second[vector]) = (best.similarity, best.index, best.second);
    }
}

/// [`Best`] in every lane.
#[derive(Clone, Copy)]
struct VectorBest<S: Simd> {
    similarity: S::f32s,
    index: S::u32s,
    second: S::f32s,
}

impl<S: Simd> VectorBest<S> {
    #[inline(always)]
    fn none(simd: S) -> Self {
        let Best { similarity, index, second } = Best::NONE;
        Self { similarity: simd.splat_f32s(similarity), index: simd.splat_u32s(index), second: simd.splat_f32s(second) }
    }

    /// Strictly better only: indices come in rising order, so the lowest of equals stays.
    #[inline(always)]
    fn update<const SECOND: bool>(&mut self, simd: S, similarity: S::f32s, index: S::u32s) {
        let is_better = simd.greater_than_f32s(similarity, self.similarity);
        if SECOND {
            let loser = simd.min_f32s(similarity, self.similarity);
            self.second = simd.max_f32s(self.second, loser);
        }
        self.similarity = simd.max_f32s(similarity, self.similarity);
        self.index = simd.select_u32s(is_better, index, self.index);
    }

    /// The best of all lanes; `index` holds the column of lane 0.
    #[inline(always)]
    fn reduced(self, _: S) -> Best {
        let (mut similarity, mut index, mut second) = ([0.0; MAX_LANES], [0; MAX_LANES], [0.0; MAX_LANES]);
        S::as_mut_simd_f32s(&mut similarity).0[0] = self.similarity;
        S::as_mut_simd_u32s(&mut index).0[0] = self.index;
        S::as_mut_simd_f32s(&mut second).0[0] = self.second;
        let lane = |lane: usize| {
            let index = index[lane].saturating_add(lane as u32);
            Best { similarity: similarity[lane], index, second: second[lane] }
        };
        (0..S::F32_LANES).map(lane).fold(Best::NONE, Best::join)
    }
}
