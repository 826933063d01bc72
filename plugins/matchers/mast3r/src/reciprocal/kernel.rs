//! Largest dot product of each query with all pixels of an image, tile by tile in registers: no product is stored.
//!
//! A tile is `MR` queries by three vectors of pixels (blocked as Goto and van de Geijn, TOMS 2008). Each product is one
//! chain of fused multiply-adds over the channels, so vector width, blocking and threads don't change a bit.

use pulp::{Simd, WithSimd};

/// Pixels in a panel: three vectors of 16 lanes.
pub const PANEL: usize = 48;
/// A panel's values of one channel.
pub type Slice = [f32; PANEL];

const NV: usize = 3;
const MAX_LANES: usize = 16;
/// Queries that pass a panel while it stays in the first-level cache; with their bests they stay in the second.
const BLOCK_QUERIES: usize = 512;

/// An image's descriptors, laid out in panels; the last one's padding repeats the image's last pixel, so that it is never
/// before it.
#[derive(Debug)]
pub struct Panels {
    /// `dim` slices for each panel.
    slices: Vec<Slice>,
    dim: usize,
}

impl Panels {
    /// Of `[P, D]` values.
    #[must_use]
    pub fn new(values: &[f32], dim: usize) -> Self {
        let num_pixels = values.len() / dim;
        let mut slices = vec![[0.0; PANEL]; num_pixels.div_ceil(PANEL) * dim];
        for (number, panel) in slices.chunks_exact_mut(dim).enumerate() {
            for column in 0..PANEL {
                let pixel = (number * PANEL + column).min(num_pixels - 1);
                let descriptor = &values[pixel * dim..(pixel + 1) * dim];
                panel.iter_mut().zip(descriptor).for_each(|(slice, value)| slice[column] = *value);
            }
        }
        Self { slices, dim }
    }
}

/// Nearest pixel of every query `[N, D]`.
pub struct Nearest<'a> {
    /// Rows of `dim` values.
    pub queries: &'a [f32],
    /// Where to look.
    pub panels: &'a Panels,
}

impl WithSimd for Nearest<'_> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        // each arm is compiled for its register file
        if S::REGISTER_COUNT >= 32 { self.all::<S, 8>(simd) } else { self.all::<S, 4>(simd) }
    }
}

impl Nearest<'_> {
    #[inline(always)]
    fn all<S: Simd, const MR: usize>(&self, simd: S) -> Vec<u32> {
        let dim = self.panels.dim;
        let num_queries = self.queries.len() / dim;
        let blocks = self.queries.chunks(BLOCK_QUERIES * dim);
        let mut found = Vec::with_capacity(num_queries);
        for block in blocks {
            let strips: Vec<_> = block.chunks(MR * dim).map(|rows| interleaved::<MR>(rows, dim)).collect();
            let mut bests = vec![[VectorBest::none(simd); MR]; strips.len()];
            for (number, panel) in self.panels.slices.chunks_exact(dim).enumerate() {
                for (strip, bests) in strips.iter().zip(&mut bests) {
                    update::<S, MR>(simd, strip, panel, number as u32, bests);
                }
            }
            let rows = block.chunks_exact(dim).zip(bests.as_flattened());
            found.extend(rows.map(|(query, best)| self.first_of_best(simd, query, *best)));
        }
        found
    }

    /// Each lane knows the first panel in which it was best: the product is looked for there.
    #[inline(always)]
    fn first_of_best<S: Simd>(&self, simd: S, query: &[f32], best: VectorBest<S>) -> u32 {
        let (product, panel) = best.reduced(simd);
        let slices = &self.panels.slices[panel as usize * self.panels.dim..][..self.panels.dim];
        let products = |column: usize| {
            query.iter().zip(slices).fold(0.0_f32, |sum, (value, slice)| value.mul_add(slice[column], sum))
        };
        let column = (0..PANEL).find(|column| products(*column) == product).unwrap_or_default();
        panel * PANEL as u32 + column as u32
    }
}

/// `[dim, MR]`, zero beyond the last query.
fn interleaved<const MR: usize>(rows: &[f32], dim: usize) -> Vec<[f32; MR]> {
    let mut strip = vec![[0.0; MR]; dim];
    for (row, query) in rows.chunks_exact(dim).enumerate() {
        strip.iter_mut().zip(query).for_each(|(values, value)| values[row] = *value);
    }
    strip
}

/// Best product and its panel, in every lane.
#[derive(Clone, Copy)]
struct VectorBest<S: Simd> {
    product: S::f32s,
    panel: S::u32s,
}

#[inline(always)]
fn update<S: Simd, const MR: usize>(
    simd: S,
    strip: &[[f32; MR]],
    panel: &[Slice],
    number: u32,
    bests: &mut [VectorBest<S>; MR],
) {
    let number = simd.splat_u32s(number);
    for offset in (0..PANEL).step_by(NV * S::F32_LANES) {
        let tile = tile::<S, MR>(simd, strip, panel, offset);
        for (best, products) in bests.iter_mut().zip(&tile) {
            let product = simd.max_f32s(simd.max_f32s(products[0], products[1]), products[2]);
            // strictly: panels come in rising order, so the first of equals stays
            let is_better = simd.greater_than_f32s(product, best.product);
            best.product = simd.max_f32s(product, best.product);
            best.panel = simd.select_u32s(is_better, number, best.panel);
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const MR: usize>(simd: S, strip: &[[f32; MR]], panel: &[Slice], offset: usize) -> [[S::f32s; NV]; MR] {
    let mut tile = [[simd.splat_f32s(0.0); NV]; MR];
    for (queries, slice) in strip.iter().zip(panel) {
        let vectors = S::as_simd_f32s(&slice[offset..offset + NV * S::F32_LANES]).0;
        let columns: [S::f32s; NV] = std::array::from_fn(|vector| vectors[vector]);
        for row in 0..MR {
            let query = simd.splat_f32s(queries[row]);
            for vector in 0..NV {
                tile[row][vector] = simd.mul_add_f32s(query, columns[vector], tile[row][vector]);
            }
        }
    }
    tile
}

impl<S: Simd> VectorBest<S> {
    #[inline(always)]
    fn none(simd: S) -> Self {
        Self { product: simd.splat_f32s(f32::NEG_INFINITY), panel: simd.splat_u32s(0) }
    }

    /// The largest product of all lanes, and the first panel that has it.
    #[inline(always)]
    fn reduced(self, _: S) -> (f32, u32) {
        let (mut products, mut panels) = ([f32::NEG_INFINITY; MAX_LANES], [0; MAX_LANES]);
        S::as_mut_simd_f32s(&mut products).0[0] = self.product;
        S::as_mut_simd_u32s(&mut panels).0[0] = self.panel;
        let join = |best: (f32, u32), lane: (f32, u32)| {
            let wins = lane.0 > best.0 || (lane.0 == best.0 && lane.1 < best.1);
            if wins { lane } else { best }
        };
        products.into_iter().zip(panels).take(S::F32_LANES).fold((f32::NEG_INFINITY, u32::MAX), join)
    }
}
