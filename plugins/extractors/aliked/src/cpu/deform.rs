//! Deformable convolution (Dai et al., ICCV 2017): samples at moved taps, then one matrix product.

use pulp::Arch;

use super::gemm::{Activation, Matrix, Segment};
use super::map::Map;
use super::pack::{pack_conv, pack_with_shortcut};
use super::vector::vectorize;
use crate::parameters::{DeformConv, Residual};
use scene3d_torch::Result;

const NUM_TAPS: usize = 9;

/// A residual block of two deformable convolutions.
pub struct DeformBlock {
    offsets1: Matrix,
    conv1: Matrix,
    offsets2: Matrix,
    /// The shortcut's weights follow those of the convolution: both are summed in one product.
    conv2: Matrix,
}

/// Buffers of a block.
#[derive(Default)]
pub struct DeformScratch {
    offsets: Vec<f32>,
    samples: Vec<f32>,
    hidden: Map,
}

impl DeformBlock {
    pub fn pack(block: &Residual<DeformConv>) -> Result<Self> {
        Ok(Self {
            offsets1: pack_conv(&block.conv1.offsets)?,
            conv1: pack_conv(&block.conv1.conv)?,
            offsets2: pack_conv(&block.conv2.offsets)?,
            conv2: pack_with_shortcut(&block.conv2.conv, &block.downsample)?,
        })
    }

    pub fn run(&self, arch: Arch, input: &Map, scratch: &mut DeformScratch, out: &mut Map) {
        let DeformScratch { offsets, samples, hidden } = scratch;
        hidden.reset(input.height, input.width, self.conv1.columns);
        for y in 0..input.height {
            sample_row(arch, &self.offsets1, input, y, offsets, samples);
            let segments = [taps(samples, input.channels)];
            self.conv1.multiply(arch, &segments, Activation::Selu, hidden.inner_mut(y));
        }
        out.reset(input.height, input.width, self.conv2.columns);
        for y in 0..input.height {
            sample_row(arch, &self.offsets2, hidden, y, offsets, samples);
            let shortcut = Segment { values: input.inner(y), step: input.channels, len: input.channels };
            let segments = [taps(samples, hidden.channels), shortcut];
            self.conv2.multiply(arch, &segments, Activation::Selu, out.inner_mut(y));
        }
    }
}

#[cfg(test)]
impl DeformBlock {
    /// Offsets of the first convolution, `[h, w, columns]`, before the bound.
    pub fn first_offsets(&self, arch: Arch, input: &Map) -> Map {
        let mut offsets = Map::default();
        offsets.reset(input.height, input.width, self.offsets1.columns);
        for y in 0..input.height {
            let window = conv3x3(input.window(y), input.channels);
            self.offsets1.multiply(arch, &window, Activation::Identity, offsets.inner_mut(y));
        }
        offsets
    }
}

fn taps(samples: &[f32], channels: usize) -> Segment<'_> {
    Segment { values: samples, step: NUM_TAPS * channels, len: NUM_TAPS * channels }
}

/// Fills `samples [width, 9, channels]` of row `y`.
fn sample_row(arch: Arch, matrix: &Matrix, input: &Map, y: usize, offsets: &mut Vec<f32>, samples: &mut Vec<f32>) {
    offsets.resize(input.width * matrix.columns, 0.0);
    samples.resize(input.width * NUM_TAPS * input.channels, 0.0);
    matrix.multiply(arch, &conv3x3(input.window(y), input.channels), Activation::Identity, offsets);
    // the offsets' bound: max(h, w) / 4 (ALIKED nets/blocks.py, DeformableConv2d)
    let bound = input.height.max(input.width) as f32 / 4.0;
    vectorize(
        arch,
        #[inline(always)]
        || {
            let taps_of_pixels = samples.chunks_exact_mut(NUM_TAPS * input.channels);
            for (x, (taps, moves)) in taps_of_pixels.zip(offsets.chunks_exact(matrix.columns)).enumerate() {
                for (tap, sample) in taps.chunks_exact_mut(input.channels).enumerate() {
                    let [dy, dx] = [moves[2 * tap], moves[2 * tap + 1]].map(|offset| offset.clamp(-bound, bound));
                    let at_y = (y + tap / 3) as f32 - 1.0 + dy;
                    let at_x = (x + tap % 3) as f32 - 1.0 + dx;
                    bilinear(input, at_y, at_x, sample);
                }
            }
        },
    );
}

/// The three segments of a 3x3 convolution over channels-last rows with margins.
pub fn conv3x3(window: [&[f32]; 3], channels: usize) -> [Segment<'_>; 3] {
    window.map(|values| Segment { values, step: channels, len: 3 * channels })
}

/// Channels at a position between pixels; pixels outside count as zero.
#[inline(always)]
fn bilinear(map: &Map, y: f32, x: f32, out: &mut [f32]) {
    let (y0, x0) = (y.floor(), x.floor());
    let (fy, fx) = (y - y0, x - x0);
    let (y0, x0) = (y0 as isize, x0 as isize);
    let (a, b) = (map.pixel_or_zeros(y0, x0), map.pixel_or_zeros(y0, x0 + 1));
    let (c, d) = (map.pixel_or_zeros(y0 + 1, x0), map.pixel_or_zeros(y0 + 1, x0 + 1));
    let (wa, wb) = ((1.0 - fy) * (1.0 - fx), (1.0 - fy) * fx);
    let (wc, wd) = (fy * (1.0 - fx), fy * fx);
    for (((out, a), b), (c, d)) in out.iter_mut().zip(a).zip(b).zip(c.iter().zip(d)) {
        *out = a * wa + b * wb + c * wc + d * wd;
    }
}
