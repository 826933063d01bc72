//! Aggregation of the blocks and the score head, without ever building the feature map at full resolution.
//!
//! The score head begins with a 1x1 convolution. That and bilinear enlargement are both linear, so each branch's slice
//! of the convolution is applied at the branch's own resolution, and 8 channels are enlarged instead of the whole map.

use pulp::{Arch, Simd, WithSimd};
use scene3d_torch::Result;

use super::encoder::Blocks;
use super::gemm::{Activation, COLUMN_BLOCK, Matrix, Segment};
use super::map::{Map, slide};
use super::pack::pack_conv;
use super::planar::{PlanarConv, Planes};
use super::resample::{Tap, taps};
use super::vector::{activate, vectorize};
use crate::parameters::{Conv, Parameters};

/// Channels after the score head's first layer.
const HIDDEN: usize = 8;

/// Packed weights.
pub struct Aggregator {
    /// Branch convolutions, 1x1 to a quarter of the feature map.
    pub branches: [Matrix; 4],
    /// Each branch's slice of the score head's first layer.
    slices: [Matrix; 4],
    convs: [PlanarConv; 3],
}

/// What aggregation leaves.
#[derive(Default)]
pub struct Aggregated {
    /// Branches 2 to 4 at their own resolution; branch 1 is cheaper to compute again where it is needed.
    pub branches: [Map; 3],
    slices: [Map; 3],
    /// `[h, 4, 1 + w + 1]`
    planes: Vec<f32>,
    /// Height and width that `planes` were made for.
    planes_of: [usize; 2],
    /// `[h, w]` of the padded image.
    pub scores: Vec<f32>,
}

impl Aggregator {
    pub fn pack(parameters: &Parameters) -> Result<Self> {
        let [first, rest @ ..] = &parameters.score_head;
        let branches = parameters.aggregation.iter().map(pack_conv).collect::<Result<Vec<_>>>()?;
        let quarter = parameters.sizes.dim / 4;
        let slice = |branch: i64| {
            let weight = first.weight.f_narrow(1, branch * quarter, quarter)?;
            pack_conv(&Conv { weight, bias: first.bias.shallow_clone() })
        };
        let [conv1, conv2, conv3] = rest;
        Ok(Self {
            branches: four(branches)?,
            slices: [slice(0)?, slice(1)?, slice(2)?, slice(3)?],
            convs: [PlanarConv::pack(conv1)?, PlanarConv::pack(conv2)?, PlanarConv::pack(conv3)?],
        })
    }

    pub fn run(&self, arch: Arch, blocks: &Blocks, out: &mut Aggregated) {
        let [x1, low @ ..] = &blocks.outputs;
        let Aggregated { branches, slices, planes, planes_of, scores } = out;
        for (i, input) in low.iter().enumerate() {
            pointwise(arch, &self.branches[i + 1], Activation::Selu, input, &mut branches[i]);
            pointwise(arch, &self.slices[i + 1], Activation::Identity, &branches[i], &mut slices[i]);
        }
        self.first_layers(arch, x1, slices, (planes, planes_of));
        self.last_layers(arch, x1, planes, scores);
    }

    /// 1x1 convolution, SELU, 3x3 convolution to 4 planes, SELU.
    fn first_layers(
        &self,
        arch: Arch,
        x1: &Map,
        slices: &[Map; 3],
        (planes, planes_of): (&mut Vec<f32>, &mut [usize; 2]),
    ) {
        let (height, width) = (x1.height, x1.width);
        let conv = &self.convs[0];
        let pitch = width + 2;
        let row_len = conv.c_out * pitch;
        if *planes_of != [height, width] {
            // margins are zero, and stay so as only pixels are written
            *planes_of = [height, width];
            planes.clear();
            planes.resize(height * row_len, 0.0);
        }
        let mut enlarge = slices.each_ref().map(|slice| Enlarge::new(slice, height, width));
        let mut branch = vec![0.0; width * self.branches[0].columns];
        let mut slice = vec![0.0; width * self.slices[0].columns];
        let mut hidden = vec![0.0; width * HIDDEN];
        let make = |y: usize, out: &mut [f32]| {
            let pixels = Segment { values: x1.inner(y), step: x1.channels, len: x1.channels };
            self.branches[0].multiply(arch, &[pixels], Activation::Selu, &mut branch);
            let len = self.branches[0].columns;
            let features = Segment { values: &branch, step: len, len };
            self.slices[0].multiply(arch, &[features], Activation::Identity, &mut slice);
            vectorize(
                arch,
                #[inline(always)]
                || {
                    keep_hidden(&slice, &mut hidden);
                    enlarge.iter_mut().for_each(|enlarge| enlarge.add_row(y, &mut hidden));
                },
            );
            arch.dispatch(Selu(&mut hidden));
            vectorize(
                arch,
                #[inline(always)]
                || to_planes(&hidden, pitch, out),
            );
        };
        let show = |y: usize, window: [&[f32]; 3]| {
            let values = &mut planes[y * row_len..][..row_len];
            conv.row(arch, window, width, Activation::Selu, Planes { values, pitch, first: 1 });
        };
        slide(height, HIDDEN * pitch, make, show);
    }

    /// 3x3 convolution, SELU, 3x3 convolution to the score, sigmoid.
    fn last_layers(&self, arch: Arch, x1: &Map, planes: &[f32], scores: &mut Vec<f32>) {
        let (height, width) = (x1.height, x1.width);
        let [first, second, third] = &self.convs;
        let pitch = width + 2;
        let row_len = first.c_out * pitch;
        scores.resize(height * width, 0.0);
        let zeros = vec![0.0; row_len];
        let row = |y: Option<usize>| y.and_then(|y| planes.get(y * row_len..(y + 1) * row_len)).unwrap_or(&zeros);
        let make = |y: usize, out: &mut [f32]| {
            let window = [row(y.checked_sub(1)), row(Some(y)), row(Some(y + 1))];
            second.row(arch, window, width, Activation::Selu, Planes { values: out, pitch, first: 1 });
        };
        let show = |y: usize, window: [&[f32]; 3]| {
            let values = &mut scores[y * width..][..width];
            third.row(arch, window, width, Activation::Sigmoid, Planes { values, pitch: width, first: 0 });
        };
        slide(height, second.c_out * pitch, make, show);
    }
}

fn four(matrices: Vec<Matrix>) -> Result<[Matrix; 4]> {
    let refused = |_| scene3d_torch::TorchError::Unsupported("the network has four branches".to_owned());
    matrices.try_into().map_err(refused)
}

fn pointwise(arch: Arch, matrix: &Matrix, activation: Activation, input: &Map, out: &mut Map) {
    out.reset(input.height, input.width, matrix.columns);
    for y in 0..input.height {
        let pixels = Segment { values: input.inner(y), step: input.channels, len: input.channels };
        matrix.multiply(arch, &[pixels], activation, out.inner_mut(y));
    }
}

/// Adds rows of a low-resolution map at high resolution.
struct Enlarge<'a> {
    map: &'a Map,
    rows: Vec<Tap>,
    columns: Vec<Tap>,
    /// `[width of the map, HIDDEN]`: the row between two rows of the map.
    between: Vec<f32>,
}

impl<'a> Enlarge<'a> {
    fn new(map: &'a Map, height: usize, width: usize) -> Self {
        let between = vec![0.0; map.width * HIDDEN];
        Self { map, rows: taps(map.height, height), columns: taps(map.width, width), between }
    }

    #[inline(always)]
    fn add_row(&mut self, y: usize, out: &mut [f32]) {
        let Tap { low, high, fraction } = self.rows[y];
        let pixels =
            self.map.inner(low).chunks_exact(COLUMN_BLOCK).zip(self.map.inner(high).chunks_exact(COLUMN_BLOCK));
        for (between, (low, high)) in self.between.chunks_exact_mut(HIDDEN).zip(pixels) {
            for c in 0..HIDDEN {
                between[c] = low[c] * (1.0 - fraction) + high[c] * fraction;
            }
        }
        for (out, tap) in out.chunks_exact_mut(HIDDEN).zip(&self.columns) {
            let low = &self.between[tap.low * HIDDEN..][..HIDDEN];
            let high = &self.between[tap.high * HIDDEN..][..HIDDEN];
            for c in 0..HIDDEN {
                out[c] += low[c] * (1.0 - tap.fraction) + high[c] * tap.fraction;
            }
        }
    }
}

/// Leaves out the padding columns.
#[inline(always)]
fn keep_hidden(padded: &[f32], out: &mut [f32]) {
    for (out, padded) in out.chunks_exact_mut(HIDDEN).zip(padded.chunks_exact(COLUMN_BLOCK)) {
        // values, not a slice copy: eight floats are not worth a call of memmove
        for (out, value) in out.iter_mut().zip(padded) {
            *out = *value;
        }
    }
}

#[inline(always)]
fn to_planes(pixels: &[f32], pitch: usize, planes: &mut [f32]) {
    for (c, plane) in planes.chunks_exact_mut(pitch).enumerate() {
        for (out, pixel) in plane[1..].iter_mut().zip(pixels.chunks_exact(HIDDEN)) {
            *out = pixel[c];
        }
    }
}

struct Selu<'a>(&'a mut [f32]);

impl WithSimd for Selu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // the rows are multiples of every vector width, so there is no tail
        for value in S::as_mut_simd_f32s(self.0).0 {
            *value = activate(simd, Activation::Selu, *value);
        }
    }
}
