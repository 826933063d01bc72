//! One image through the CPU kernels.

use std::time::Instant;

use pulp::Arch;
use scene3d_torch::Result;

use super::aggregate::{Aggregated, Aggregator};
use super::describe::{DescribeScratch, Describer, FeatureField};
use super::encoder::{Blocks, Encoder};
use super::map::Map;
use super::nms::{NmsScratch, suppress};
use crate::StepTimes;
use crate::image::{Padding, RgbImage};
use crate::keypoints::{Detections, ScoreMap, Selection};
use crate::parameters::Parameters;

/// Packed weights; shared by all threads.
pub struct CpuNetwork {
    arch: Arch,
    pub(crate) encoder: Encoder,
    pub(crate) aggregator: Aggregator,
    pub(crate) describer: Describer,
}

/// Buffers of one thread, reused from image to image.
#[derive(Default)]
pub struct Workspace {
    image: Map,
    pub(crate) blocks: Blocks,
    pub(crate) aggregated: Aggregated,
    pub(crate) scores: Vec<f32>,
    nms: NmsScratch,
    keep: Vec<u8>,
    pub(crate) describe: DescribeScratch,
}

impl CpuNetwork {
    /// Packs the parameters for this machine.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if torch can't read them out.
    pub fn new(parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            arch: Arch::new(),
            encoder: Encoder::pack(parameters)?,
            aggregator: Aggregator::pack(parameters)?,
            describer: Describer::pack(parameters)?,
        })
    }

    /// Keypoints and descriptors `[N, dim]` of an image.
    pub fn run(
        &self,
        image: RgbImage<'_>,
        selection: Selection,
        workspace: &mut Workspace,
        times: &mut StepTimes,
    ) -> (Detections, Vec<f32>) {
        let arch = self.arch;
        let Workspace { image: input, blocks, aggregated, scores, nms, keep, describe } = workspace;
        let (height, width) = (image.height, image.width);
        let padding = Padding::of(height, width);
        let mut clock = Clock(Instant::now());
        pad(image, padding, input);
        self.encoder.run(arch, input, blocks);
        times.encode += clock.lap();
        self.aggregator.run(arch, blocks, aggregated);
        crop(&aggregated.scores, padding, [height, width], scores);
        times.score += clock.lap();
        let map = ScoreMap { scores, height, width };
        suppress(arch, scores, width, selection.radius, nms, keep);
        let found = selection.refine(map, selection.pixels(map, keep));
        times.detect += clock.lap();
        let field = self.field(blocks, aggregated, [height, width]);
        let descriptors = self.describer.run(arch, &field, &found.normalized, describe);
        times.describe += clock.lap();
        (found, descriptors)
    }

    /// The feature map of an image that [`Self::run`] has just seen.
    pub(crate) fn field<'a>(
        &'a self,
        blocks: &'a Blocks,
        aggregated: &'a Aggregated,
        size: [usize; 2],
    ) -> FeatureField<'a> {
        let padding = Padding::of(size[0], size[1]);
        let before = [padding.top, padding.left];
        FeatureField::new(&blocks.outputs[0], &self.aggregator.branches[0], aggregated, size, before)
    }
}

struct Clock(Instant);

impl Clock {
    fn lap(&mut self) -> std::time::Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.0, now)
    }
}

/// To 0..1, sides replicated to multiples of 32.
fn pad(image: RgbImage<'_>, padding: Padding, out: &mut Map) {
    let to_unit: [f32; 256] = std::array::from_fn(|value| value as f32 / 255.0);
    out.reset(padding.height, padding.width, 3);
    for y in 0..padding.height {
        let row = image.row(y.saturating_sub(padding.top).min(image.height - 1));
        for (x, pixel) in out.inner_mut(y).chunks_exact_mut(3).enumerate() {
            let from = 3 * x.saturating_sub(padding.left).min(image.width - 1);
            pixel.iter_mut().zip(&row[from..from + 3]).for_each(|(out, &value)| *out = to_unit[usize::from(value)]);
        }
    }
}

fn crop(padded: &[f32], padding: Padding, [height, width]: [usize; 2], out: &mut Vec<f32>) {
    out.clear();
    for row in padded.chunks_exact(padding.width).skip(padding.top).take(height) {
        out.extend_from_slice(&row[padding.left..][..width]);
    }
}
