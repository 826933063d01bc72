//! The four blocks of the encoder on CPU; rows stream through pairs of convolutions.

use pulp::Arch;
use scene3d_torch::Result;

use super::deform::{DeformBlock, DeformScratch, conv3x3};
use super::gemm::{Activation, Matrix, Segment};
use super::map::{Map, average_pool, slide};
use super::pack::{pack_conv, pack_with_shortcut};
use super::vector::vectorize;
use crate::parameters::Parameters;

/// Packed weights of the blocks.
pub struct Encoder {
    block1: [Matrix; 2],
    block2: [Matrix; 2],
    block3: DeformBlock,
    block4: DeformBlock,
}

/// Outputs of the blocks at 1, 1/2, 1/8, 1/32 of the padded image, and buffers.
#[derive(Default)]
pub struct Blocks {
    pub outputs: [Map; 4],
    pooled: Map,
    scratch: DeformScratch,
}

impl Encoder {
    pub fn pack(parameters: &Parameters) -> Result<Self> {
        let Parameters { block1, block2, .. } = parameters;
        Ok(Self {
            block1: [pack_conv(&block1[0])?, pack_conv(&block1[1])?],
            block2: [pack_conv(&block2.conv1)?, pack_with_shortcut(&block2.conv2, &block2.downsample)?],
            block3: DeformBlock::pack(&parameters.block3)?,
            block4: DeformBlock::pack(&parameters.block4)?,
        })
    }

    /// `image [h, w, 3]` in 0..1, sides multiples of 32.
    pub fn run(&self, arch: Arch, image: &Map, blocks: &mut Blocks) {
        let Blocks { outputs: [x1, x2, x3, x4], pooled, scratch } = blocks;
        pair_of_convs(arch, &self.block1, image, Shortcut::None, x1);
        vectorize(
            arch,
            #[inline(always)]
            || average_pool(x1, 2, pooled),
        );
        pair_of_convs(arch, &self.block2, pooled, Shortcut::Input, x2);
        vectorize(
            arch,
            #[inline(always)]
            || average_pool(x2, 4, pooled),
        );
        self.block3.run(arch, pooled, scratch, x3);
        vectorize(
            arch,
            #[inline(always)]
            || average_pool(x3, 4, pooled),
        );
        self.block4.run(arch, pooled, scratch, x4);
    }
}

#[cfg(test)]
impl Encoder {
    /// Offsets of block 3's first convolution, `[h, w, columns]`.
    pub fn block3_offsets(&self, arch: Arch, blocks: &Blocks) -> Map {
        let mut pooled = Map::default();
        average_pool(&blocks.outputs[1], 4, &mut pooled);
        self.block3.first_offsets(arch, &pooled)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Shortcut {
    None,
    Input,
}

/// Two 3x3 convolutions, each followed by SELU; three rows of the first are held at a time.
fn pair_of_convs(arch: Arch, matrices: &[Matrix; 2], input: &Map, shortcut: Shortcut, out: &mut Map) {
    let [first, second] = matrices;
    let hidden = first.columns;
    out.reset(input.height, input.width, second.columns);
    let make = |y: usize, row: &mut [f32]| {
        let inner = &mut row[hidden..][..input.width * hidden];
        first.multiply(arch, &conv3x3(input.window(y), input.channels), Activation::Selu, inner);
    };
    let show = |y: usize, window: [&[f32]; 3]| {
        let [above, at, below] = conv3x3(window, hidden);
        let added = Segment { values: input.inner(y), step: input.channels, len: input.channels };
        let segments = [above, at, below, added];
        let num_segments = if shortcut == Shortcut::Input { 4 } else { 3 };
        second.multiply(arch, &segments[..num_segments], Activation::Selu, out.inner_mut(y));
    };
    slide(input.height, (input.width + 2) * hidden, make, show);
}
