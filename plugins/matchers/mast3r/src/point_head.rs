//! Points and their confidence from four depths of tokens: DPT (Ranftl, Bochkovskiy, Koltun, ICCV 2021), always in fp32.
//!
//! Maps are `[B, C, H, W]` with channels innermost in memory, so that maps of one pixel are linear maps on rows.

use tch::Tensor;

use crate::layers::Linear;
use crate::rope::Grid;

/// A 3x3 convolution that pads by one.
#[derive(Debug)]
pub struct Conv {
    /// `[out, in, 3, 3]`
    pub weight: Tensor,
    /// `[out]`
    pub bias: Option<Tensor>,
}

/// `x + conv(relu(conv(relu(x))))`
#[derive(Debug)]
pub struct ResidualUnit {
    /// Inner.
    pub first: Conv,
    /// Outer.
    pub second: Conv,
}

/// Joins a coarser map with a finer one and doubles its size.
#[derive(Debug)]
pub struct Fusion {
    /// Of the finer map; the coarsest level has none.
    pub addition: Option<ResidualUnit>,
    /// Of the sum.
    pub unit: ResidualUnit,
    /// One pixel each.
    pub output: Linear,
}

/// The head of one view.
#[derive(Debug)]
pub struct PointHead {
    /// From tokens, finest first.
    pub to_layers: [Linear; 4],
    /// Of the finest map, to `[4, 4, C]` for each token.
    pub up_by_4: Linear,
    /// Of the second, to `[2, 2, C]`.
    pub up_by_2: Linear,
    /// Of the coarsest, with stride 2.
    pub down: Conv,
    /// From each layer's channels to the common ones.
    pub to_features: [Conv; 4],
    /// Finest first.
    pub fusions: [Fusion; 4],
    /// At half the image's size.
    pub before_last_upsampling: Conv,
    /// At the image's size.
    pub after_last_upsampling: Conv,
    /// To x, y, z and confidence.
    pub output: Linear,
}

impl PointHead {
    /// `[B, H, W, 4] f32` of tokens `[B, N, C] f32` at the four hooks, finest first: x, y, z, confidence, all raw.
    pub fn apply(&self, tokens: [&Tensor; 4], grid: Grid) -> Tensor {
        let coarsest = self.coarsest(tokens[3], grid);
        let third = self.layer(2, tokens, grid);
        let path = self.fusions[3].apply(coarsest, None, [grid.rows, grid.columns]);
        let path = self.fusions[2].apply(path, Some(third), [2 * grid.rows, 2 * grid.columns]);
        let path = self.fusions[1].apply(path, Some(self.layer(1, tokens, grid)), [4 * grid.rows, 4 * grid.columns]);
        let path = self.fusions[0].apply(path, Some(self.layer(0, tokens, grid)), [8 * grid.rows, 8 * grid.columns]);
        let half = self.before_last_upsampling.apply(&path, 1);
        drop(path);
        let full = upsampled(&half, [16 * grid.rows, 16 * grid.columns]);
        drop(half);
        let full = self.after_last_upsampling.apply(&full, 1).relu_();
        self.output.apply(&full.permute([0, 2, 3, 1]))
    }

    fn coarsest(&self, tokens: &Tensor, grid: Grid) -> Tensor {
        let map = to_map(&self.to_layers[3].apply(tokens), grid, 1);
        self.to_features[3].apply(&self.down.apply(&map, 2), 1)
    }

    fn layer(&self, index: usize, tokens: [&Tensor; 4], grid: Grid) -> Tensor {
        let layer = self.to_layers[index].apply(tokens[index]);
        let map = match index {
            0 => to_map(&self.up_by_4.apply(&layer), grid, 4),
            1 => to_map(&self.up_by_2.apply(&layer), grid, 2),
            _ => to_map(&layer, grid, 1),
        };
        self.to_features[index].apply(&map, 1)
    }
}

impl Fusion {
    /// Of a coarser map `path` and a finer one; `size` crops to, the size of the next level.
    ///
    /// The output map and the upsampling change places: both are linear, and weights of interpolation sum to one.
    fn apply(&self, path: Tensor, finer: Option<Tensor>, size: [i64; 2]) -> Tensor {
        let sum = match (&self.addition, finer) {
            (Some(unit), Some(finer)) => path + unit.apply(finer),
            _ => path,
        };
        let fused = self.unit.apply(sum);
        let output = self.output.apply(&fused.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
        drop(fused);
        let [height, width] = [output.size()[2], output.size()[3]];
        let doubled = upsampled(&output, [2 * height, 2 * width]);
        doubled.narrow(2, 0, size[0]).narrow(3, 0, size[1])
    }
}

impl ResidualUnit {
    fn apply(&self, x: Tensor) -> Tensor {
        let inner = self.first.apply(&x.relu(), 1).relu_();
        let mut sum = self.second.apply(&inner, 1);
        sum += x;
        sum
    }
}

impl Conv {
    /// `[B, out, H, W]`
    pub fn apply(&self, x: &Tensor, stride: i64) -> Tensor {
        x.conv2d(&self.weight, self.bias.as_ref(), [stride], [1], [1], 1)
    }
}

/// `[B, C, rows * k, columns * k]` of `[B, N, k * k * C]`.
fn to_map(tokens: &Tensor, grid: Grid, k: i64) -> Tensor {
    let steps = tokens.reshape([tokens.size()[0], grid.rows, grid.columns, k, k, -1]);
    let rows = steps.transpose(2, 3).reshape([steps.size()[0], grid.rows * k, grid.columns * k, -1]);
    rows.permute([0, 3, 1, 2])
}

/// Bilinear with the corners' centres in place.
fn upsampled(map: &Tensor, size: [i64; 2]) -> Tensor {
    map.upsample_bilinear2d(size, true, None, None)
}
