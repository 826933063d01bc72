//! Rotary encoding of positions in the plane (RoFormer, Su et al. 2021; in two dimensions as CroCo v2 has it).
//!
//! A head's first half of channels turns with the row, its second half with the column. Partners lie a quarter of a head
//! apart in the released weights; the rows of the projections are reordered when they are read, so that here partners are
//! neighbours and a turn is one product of complex numbers. Scores don't change: `q` and `k` are reordered alike.

use tch::{Device, Kind, Tensor};

/// A rectangle of patches, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Patches down.
    pub rows: i64,
    /// Patches across.
    pub columns: i64,
}

impl Grid {
    /// Number of patches.
    #[must_use]
    pub fn len(&self) -> i64 {
        self.rows * self.columns
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Turns of all tokens of a grid, `[N, 1, 1, D / 2]` unit complex numbers.
#[derive(Debug)]
pub struct Rotation(Tensor);

impl Rotation {
    /// Angles in fp32 whatever the precision of the activations: `position * base^(-j / (D / 4))`, `j < D / 4`.
    #[must_use]
    pub fn new(grid: Grid, head_dim: i64, base: f64, device: Device) -> Self {
        let options = (Kind::Float, device);
        let num_frequencies = head_dim / 4;
        let exponents = Tensor::arange(num_frequencies, options) / num_frequencies as f64;
        let frequencies = (exponents * -base.ln()).exp();
        let angles = |length| Tensor::arange(length, options).unsqueeze(1) * &frequencies;
        let shape = [grid.rows, grid.columns, num_frequencies];
        let rows = angles(grid.rows).unsqueeze(1).expand(shape, false);
        let columns = angles(grid.columns).unsqueeze(0).expand(shape, false);
        let angles = Tensor::cat(&[rows, columns], 2).reshape([grid.len(), 1, 1, head_dim / 2]);
        Self(Tensor::complex(&angles.cos(), &angles.sin()))
    }

    /// Turned `x [B, N, parts, heads, D]` with partners next to each other; same element type.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        let size = x.size();
        let pairs = x.to_kind(Kind::Float).reshape([size[0], size[1], size[2], size[3], size[4] / 2, 2]);
        let turned = pairs.view_as_complex() * &self.0;
        turned.view_as_real().flatten(4, 5).to_kind(x.kind())
    }
}

/// Channels of a head of the released weights in the order that [`Rotation`] reads.
#[must_use]
pub fn channel_order(head_dim: i64) -> Vec<i64> {
    let quarter = head_dim / 4;
    let pairs = |half: i64| (0..quarter).flat_map(move |j| [half * 2 * quarter + j, half * 2 * quarter + quarter + j]);
    pairs(0).chain(pairs(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_depend_on_the_offset_alone() {
        let grid = Grid { rows: 5, columns: 7 };
        let rotation = Rotation::new(grid, 16, 100.0, Device::Cpu);
        let q = (Tensor::arange(16, (Kind::Float, Device::Cpu)) * 1.3).sin().expand([1, 35, 1, 1, 16], false);
        let k = (Tensor::arange(16, (Kind::Float, Device::Cpu)) * 0.7).cos().expand([1, 35, 1, 1, 16], false);
        let [q, k] = [q, k].map(|x| rotation.apply(&x).reshape([35, 16]));
        let scores = q.matmul(&k.transpose(0, 1));
        let score = |from: [i64; 2], to: [i64; 2]| scores.double_value(&[from[0] * 7 + from[1], to[0] * 7 + to[1]]);
        assert!((score([0, 0], [2, 3]) - score([1, 3], [3, 6])).abs() < 1e-5);
        assert!((score([4, 1], [1, 0]) - score([3, 6], [0, 5])).abs() < 1e-5);
        assert!((score([0, 0], [2, 3]) - score([0, 0], [3, 2])).abs() > 1e-2);
    }

    #[test]
    fn partners_are_a_quarter_apart() {
        assert_eq!(channel_order(8), [0, 2, 1, 3, 4, 6, 5, 7]);
    }
}
