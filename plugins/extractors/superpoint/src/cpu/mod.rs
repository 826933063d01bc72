//! The network on a CPU, in f32: our own convolutions, since Winograd's need a quarter of the arithmetic of direct ones
//! and what follows a convolution is free while its values are in registers.

mod first;
mod map;
mod pointwise;
mod product;
mod winograd;

use std::thread;

use pulp::{Simd, WithSimd};
use scene3d_torch::Result;
use tch::{Kind, Tensor};

pub use first::Grey;
pub use map::Map;

use crate::dense::Dense;
use crate::units::{Unit, Units, is_pooled};
use first::FirstUnit;
use pointwise::Pointwise;
use winograd::{Affine, Conv3x3, OutputRows, Scratch};

/// All units, laid out for the kernels.
#[derive(Debug)]
pub struct CpuNetwork {
    first: FirstUnit,
    backbone: Vec<Conv3x3>,
    detector: (Conv3x3, Pointwise),
    descriptor: (Conv3x3, Pointwise),
}

impl CpuNetwork {
    /// Lays the units out.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if a tensor can't be read.
    pub fn new(units: &Units) -> Result<Self> {
        let backbone = units.backbone.iter().enumerate().skip(1);
        let head = |units: &[Unit]| -> Result<_> { Ok((conv3x3(&units[0], false)?, pointwise(&units[1])?)) };
        Ok(Self {
            first: FirstUnit::new(&values(&units.backbone[0].weight)?, affine(&units.backbone[0])?),
            backbone: backbone.map(|(index, unit)| conv3x3(unit, is_pooled(index))).collect::<Result<_>>()?,
            detector: head(&units.detector)?,
            descriptor: head(&units.descriptor)?,
        })
    }

    /// Logits and descriptors of every cell of an image of at least 8 x 8 px, the same whatever the number of threads.
    pub fn run(&self, grey: &Grey, threads: usize) -> Dense {
        let backbone = self.backbone(grey, threads);
        let logits = self.head(&self.detector, &backbone, threads);
        let descriptors = self.head(&self.descriptor, &backbone, threads);
        Dense::new(logits, descriptors, backbone.height, backbone.width)
    }

    /// The backbone's output, an eighth of the image's sides.
    pub fn backbone(&self, grey: &Grey, threads: usize) -> Map {
        let source = Source::Image(&self.first, grey);
        let mut map = convolve(&self.backbone[0], source, [grey.height, grey.width], threads);
        for conv in &self.backbone[1..] {
            map = convolve(conv, Source::Map(&map), [map.height, map.width], threads);
        }
        map
    }

    /// `[height, width, out]`
    fn head(&self, (conv, last): &(Conv3x3, Pointwise), input: &Map, threads: usize) -> Vec<f32> {
        let map = convolve(conv, Source::Map(input), [input.height, input.width], threads);
        let row_len = map.width * last.num_out();
        let mut out = vec![0.0; map.height * row_len];
        let rows = out.chunks_exact_mut(row_len).enumerate().collect();
        in_shares(rows, threads, |rows| pulp::Arch::new().dispatch(PointwiseRows { unit: last, map: &map, rows }));
        out
    }
}

fn conv3x3(unit: &Unit, is_pooled: bool) -> Result<Conv3x3> {
    let num_in = unit.weight.size()[1] as usize;
    Ok(Conv3x3::new(&values(&unit.weight)?, num_in, affine(unit)?, is_pooled))
}

fn pointwise(unit: &Unit) -> Result<Pointwise> {
    Ok(Pointwise::new(&values(&unit.weight)?, unit.weight.size()[1] as usize, affine(unit)?))
}

fn affine(unit: &Unit) -> Result<Affine> {
    Ok(Affine { bias: values(&unit.bias)?, scale: values(&unit.scale)?, shift: values(&unit.shift)? })
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(Vec::try_from(tensor.f_to_kind(Kind::Float)?.f_contiguous()?.f_view(-1)?)?)
}

/// What a convolution reads.
#[derive(Clone, Copy)]
enum Source<'a> {
    Map(&'a Map),
    /// The first unit over the image, computed where it is needed: at full resolution its output would be 180 MB.
    Image(&'a FirstUnit, &'a Grey),
}

fn convolve(conv: &Conv3x3, source: Source<'_>, [height, width]: [usize; 2], threads: usize) -> Map {
    let mut output = conv.output(height, width);
    let (stride, width) = (output.stride(), output.width);
    let groups = output.row_groups_mut(conv.rows_per_tile_row()).enumerate().collect();
    in_shares(groups, threads, |groups| {
        pulp::Arch::new().dispatch(TileRows { conv, source, groups, stride, width });
    });
    output
}

/// Some tile rows of a convolution, by number, with their output.
struct TileRows<'a, 'b> {
    conv: &'a Conv3x3,
    source: Source<'a>,
    groups: &'b mut [(usize, &'a mut [f32])],
    stride: usize,
    width: usize,
}

impl WithSimd for TileRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (mut scratch, mut computed) = (Scratch::default(), Vec::new());
        for (number, rows) in self.groups {
            let input = match self.source {
                Source::Map(map) => map.tile_row(*number),
                Source::Image(first, grey) => {
                    first.rows_for_tile_row(simd, grey, *number, &mut computed);
                    &computed
                }
            };
            let mut output = OutputRows { rows, stride: self.stride, width: self.width };
            self.conv.tile_row(simd, input, &mut scratch, &mut output);
        }
    }
}

/// Some rows of a 1x1 convolution, by number, with their output.
struct PointwiseRows<'a, 'b> {
    unit: &'a Pointwise,
    map: &'a Map,
    rows: &'b mut [(usize, &'a mut [f32])],
}

impl WithSimd for PointwiseRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (y, out) in self.rows {
            self.unit.row(simd, self.map, *y, out);
        }
    }
}

/// Calls `work` on contiguous shares, one a thread.
fn in_shares<T: Send>(mut jobs: Vec<T>, threads: usize, work: impl Fn(&mut [T]) + Sync) {
    let share_len = jobs.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        let mut shares = jobs.chunks_mut(share_len);
        let own = shares.next();
        for share in shares {
            scope.spawn(|| work(share));
        }
        own.map(&work);
    });
}
