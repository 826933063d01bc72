//! Sparse deformable descriptors (ALIKED section III-C): features are computed only at the pixels that are sampled.

use std::ops::Range;

use pulp::Arch;
use scene3d_torch::Result;

use super::aggregate::Aggregated;
use super::gemm::{Activation, Matrix, Segment};
use super::map::Map;
use super::pack::{pack_conv, values};
use super::resample::{Tap, taps};
use super::vector::vectorize;
use crate::parameters::{DescriptorHead, Parameters};

/// Keypoints whose patches and samples are held at once; bounded by the second-level cache.
const GROUP: usize = 16;

/// Keypoints aggregated by one product; large, for its weights are a megabyte.
const BATCH: usize = 128;

/// Pixels of a 3x3 patch.
const PATCH: usize = 9;

/// Packed weights.
pub struct Describer {
    offsets1: Matrix,
    offsets2: Matrix,
    sample: Matrix,
    aggregation: Matrix,
    num_samples: usize,
    dim: usize,
}

/// Buffers of a description.
#[derive(Default)]
pub struct DescribeScratch {
    pixels: Vec<[usize; 2]>,
    branch: Vec<f32>,
    branch_inputs: Vec<f32>,
    features: Vec<f32>,
    hidden: Vec<f32>,
    /// `[GROUP, columns]`: dx of all samples, then dy, px.
    pub offsets: Vec<f32>,
    samples: Vec<f32>,
    batch: Vec<f32>,
}

/// The normalised feature map, evaluated pixel by pixel.
pub struct FeatureField<'a> {
    pub block1: &'a Map,
    pub branch1: &'a Matrix,
    pub aggregated: &'a Aggregated,
    /// Of the unpadded image, px.
    pub size: [usize; 2],
    /// Rows and columns of padding before the image.
    pub padding: [usize; 2],
    taps: [[Vec<Tap>; 2]; 3],
}

impl<'a> FeatureField<'a> {
    pub fn new(
        block1: &'a Map,
        branch1: &'a Matrix,
        aggregated: &'a Aggregated,
        size: [usize; 2],
        padding: [usize; 2],
    ) -> Self {
        let of_branch = |map: &Map| [taps(map.height, block1.height), taps(map.width, block1.width)];
        let taps = aggregated.branches.each_ref().map(of_branch);
        Self { block1, branch1, aggregated, size, padding, taps }
    }

    /// `features [pixels, dim]` at (y, x) of the unpadded image, unit length.
    pub fn evaluate(
        &self,
        arch: Arch,
        pixels: &[[usize; 2]],
        scratch: (&mut Vec<f32>, &mut Vec<f32>),
        out: &mut [f32],
    ) {
        let (inputs, branch) = scratch;
        let quarter = self.branch1.columns;
        inputs.clear();
        for &[y, x] in pixels {
            inputs.extend_from_slice(self.block1.pixel(y + self.padding[0], x + self.padding[1]));
        }
        branch.resize(pixels.len() * quarter, 0.0);
        let segment = Segment { values: inputs, step: self.block1.channels, len: self.block1.channels };
        self.branch1.multiply(arch, &[segment], Activation::Selu, branch);
        vectorize(
            arch,
            #[inline(always)]
            || {
                let features = out.chunks_exact_mut(4 * quarter);
                for ((feature, branch), &pixel) in features.zip(branch.chunks_exact(quarter)).zip(pixels) {
                    self.assemble(pixel, branch, feature);
                }
            },
        );
    }

    #[inline(always)]
    fn assemble(&self, [y, x]: [usize; 2], branch1: &[f32], feature: &mut [f32]) {
        let quarter = branch1.len();
        let (first, rest) = feature.split_at_mut(quarter);
        first.copy_from_slice(branch1);
        for ((out, map), [rows, columns]) in
            rest.chunks_exact_mut(quarter).zip(&self.aggregated.branches).zip(&self.taps)
        {
            enlarged_pixel(map, rows[y + self.padding[0]], columns[x + self.padding[1]], out);
        }
        normalize(feature);
    }
}

#[inline(always)]
fn enlarged_pixel(map: &Map, row: Tap, column: Tap, out: &mut [f32]) {
    let (a, b) = (map.pixel(row.low, column.low), map.pixel(row.low, column.high));
    let (c, d) = (map.pixel(row.high, column.low), map.pixel(row.high, column.high));
    let (fy, fx) = (row.fraction, column.fraction);
    let (wa, wb, wc, wd) = ((1.0 - fy) * (1.0 - fx), (1.0 - fy) * fx, fy * (1.0 - fx), fy * fx);
    for (((out, a), b), (c, d)) in out.iter_mut().zip(a).zip(b).zip(c.iter().zip(d)) {
        *out = a * wa + b * wb + c * wc + d * wd;
    }
}

/// To unit length; 16 partial sums, so that the loop runs in vectors and always in one order.
#[inline(always)]
fn normalize(vector: &mut [f32]) {
    let mut sums = [0.0_f32; 16];
    for chunk in vector.chunks_exact(16) {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    let norm = sums.iter().sum::<f32>().sqrt().max(1e-12);
    for value in vector {
        *value /= norm;
    }
}

impl Describer {
    pub fn pack(parameters: &Parameters) -> Result<Self> {
        let DescriptorHead { offsets1, offsets2, sample, aggregation } = &parameters.descriptor_head;
        let dim = parameters.sizes.dim as usize;
        Ok(Self {
            offsets1: pack_conv(offsets1)?,
            offsets2: pack_conv(offsets2)?,
            sample: pack_conv(sample)?,
            aggregation: Matrix::pack(&values(aggregation)?, dim, &[]),
            num_samples: parameters.sizes.num_samples as usize,
            dim,
        })
    }

    /// Descriptors `[N, dim]`, unit length, of normalised positions (x, y).
    pub fn run(
        &self,
        arch: Arch,
        field: &FeatureField<'_>,
        normalized: &[[f32; 2]],
        scratch: &mut DescribeScratch,
    ) -> Vec<f32> {
        let mut descriptors = vec![0.0; normalized.len() * self.dim];
        let of_keypoint = self.num_samples * self.dim;
        for (normalized, descriptors) in normalized.chunks(BATCH).zip(descriptors.chunks_mut(BATCH * self.dim)) {
            let mut batch = std::mem::take(&mut scratch.batch);
            batch.resize(normalized.len() * of_keypoint, 0.0);
            for (normalized, samples) in normalized.chunks(GROUP).zip(batch.chunks_mut(GROUP * of_keypoint)) {
                let positions: Vec<_> = normalized.iter().map(|&at| position(field.size, at)).collect();
                self.offsets(arch, field, &positions, scratch);
                self.sample(arch, field, &positions, scratch, samples);
            }
            let samples = Segment { values: &batch, step: of_keypoint, len: of_keypoint };
            self.aggregation.multiply(arch, &[samples], Activation::Identity, descriptors);
            vectorize(
                arch,
                #[inline(always)]
                || descriptors.chunks_exact_mut(self.dim).for_each(normalize),
            );
            scratch.batch = batch;
        }
        descriptors
    }

    /// Leaves the offsets of each keypoint's samples in `scratch.offsets`.
    pub fn offsets(&self, arch: Arch, field: &FeatureField<'_>, positions: &[[f32; 2]], scratch: &mut DescribeScratch) {
        scratch.pixels.clear();
        for &[x, y] in positions {
            let (rows, columns) = (patch(y, field.size[0]), patch(x, field.size[1]));
            scratch.pixels.extend(rows.flat_map(|y| columns.clone().map(move |x| [y, x])));
        }
        scratch.features.resize(scratch.pixels.len() * self.dim, 0.0);
        let buffers = (&mut scratch.branch_inputs, &mut scratch.branch);
        field.evaluate(arch, &scratch.pixels, buffers, &mut scratch.features);
        let patches = Segment { values: &scratch.features, step: PATCH * self.dim, len: PATCH * self.dim };
        scratch.hidden.resize(positions.len() * self.offsets1.columns, 0.0);
        self.offsets1.multiply(arch, &[patches], Activation::Selu, &mut scratch.hidden);
        let hidden = Segment { values: &scratch.hidden, step: self.offsets1.columns, len: self.offsets1.columns };
        scratch.offsets.resize(positions.len() * self.offsets2.columns, 0.0);
        self.offsets2.multiply(arch, &[hidden], Activation::Identity, &mut scratch.offsets);
        // the offsets' bound: max(h, w) / 4 (ALIKED nets/aliked.py, SDDH)
        let bound = field.size[0].max(field.size[1]) as f32 / 4.0;
        scratch.offsets.iter_mut().for_each(|offset| *offset = offset.clamp(-bound, bound));
    }

    /// Features at the moved positions, through the 1x1 convolution: `out [keypoints, num_samples, dim]`.
    fn sample(
        &self,
        arch: Arch,
        field: &FeatureField<'_>,
        positions: &[[f32; 2]],
        scratch: &mut DescribeScratch,
        out: &mut [f32],
    ) {
        let corners: Vec<_> = self.moved(positions, &scratch.offsets).map(|at| Corners::new(at, field.size)).collect();
        scratch.pixels.clear();
        scratch.pixels.extend(corners.iter().flat_map(|corners| corners.pixels));
        scratch.features.resize(scratch.pixels.len() * self.dim, 0.0);
        let buffers = (&mut scratch.branch_inputs, &mut scratch.branch);
        field.evaluate(arch, &scratch.pixels, buffers, &mut scratch.features);
        scratch.samples.resize(corners.len() * self.dim, 0.0);
        vectorize(
            arch,
            #[inline(always)]
            || {
                let features = scratch.features.chunks_exact(4 * self.dim);
                for ((out, features), corners) in scratch.samples.chunks_exact_mut(self.dim).zip(features).zip(&corners)
                {
                    corners.blend(features, out);
                }
            },
        );
        let samples = Segment { values: &scratch.samples, step: self.dim, len: self.dim };
        self.sample.multiply(arch, &[samples], Activation::Selu, out);
    }

    fn moved(&self, positions: &[[f32; 2]], offsets: &[f32]) -> impl Iterator<Item = [f32; 2]> {
        let num_samples = self.num_samples;
        positions.iter().zip(offsets.chunks_exact(self.offsets2.columns)).flat_map(move |(&[x, y], offsets)| {
            (0..num_samples).map(move |sample| [x + offsets[sample], y + offsets[num_samples + sample]])
        })
    }
}

/// Pixel index of a normalised position. These f32 operations in this order: a keypoint meant at 5.0 may come back as
/// 4.9999995 and then has its patch around 4, in the reference as here.
fn position([height, width]: [usize; 2], [x, y]: [f32; 2]) -> [f32; 2] {
    let scale = |n: f32, size: usize| (n / 2.0 + 0.5) * (size as f32 - 1.0);
    [scale(x, width), scale(y, height)]
}

/// Three pixels around the anchor, shifted inwards as the reference does without its compiled operation: to at most
/// `size - 4`, not `size - 3`.
fn patch(position: f32, size: usize) -> Range<usize> {
    let anchor = position as isize;
    let first = (anchor - 1).clamp(0, size as isize - 4) as usize;
    first..first + 3
}

/// Four pixels around a position and their weights; pixels outside weigh nothing.
struct Corners {
    pixels: [[usize; 2]; 4],
    weights: [f32; 4],
}

impl Corners {
    fn new([x, y]: [f32; 2], [height, width]: [usize; 2]) -> Self {
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = (x - x0, y - y0);
        let weights = [(1.0 - fy) * (1.0 - fx), (1.0 - fy) * fx, fy * (1.0 - fx), fy * fx];
        let mut corners = Self { pixels: [[0, 0]; 4], weights };
        for (i, pixel) in corners.pixels.iter_mut().enumerate() {
            let (y, x) = (y0 as isize + i as isize / 2, x0 as isize + i as isize % 2);
            if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                *pixel = [y as usize, x as usize];
            } else {
                corners.weights[i] = 0.0;
            }
        }
        corners
    }

    #[inline(always)]
    fn blend(&self, features: &[f32], out: &mut [f32]) {
        let dim = out.len();
        let (top, bottom) = features.split_at(2 * dim);
        let ((a, b), (c, d)) = (top.split_at(dim), bottom.split_at(dim));
        let [wa, wb, wc, wd] = self.weights;
        for (((out, a), b), (c, d)) in out.iter_mut().zip(a).zip(b).zip(c.iter().zip(d)) {
            *out = a * wa + b * wb + c * wc + d * wd;
        }
    }
}
