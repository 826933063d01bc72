//! Attention within images and across pairs, over the concatenated tokens of any number of images.
//!
//! Scores are logarithms to base 2 (the scale is in the weights, see `parameters`). Rows of image `i` are the next
//! `lengths[i]` after those of the images before it; images `2p` and `2p + 1` are pair `p`.

#[cfg(target_arch = "x86_64")]
mod bf16;
mod torch;

use scene3d_torch::{Result, TorchContext};
use tch::Tensor;

use crate::parameters::DIM;

/// Which code computes attention.
#[derive(Debug, Clone, Copy)]
pub enum Attention {
    /// Torch's scaled dot product attention, any device and precision.
    Torch,
    /// Our kernel for CPUs with bf16 dot products.
    #[cfg(target_arch = "x86_64")]
    Bf16 {
        /// Threads that share the heads.
        num_threads: usize,
    },
}

impl Attention {
    /// The faster one that this device and precision have.
    #[must_use]
    pub fn new(context: &TorchContext) -> Self {
        #[cfg(target_arch = "x86_64")]
        if context.is_cpu() && context.kind == tch::Kind::BFloat16 && bf16::is_available() {
            return Self::Bf16 { num_threads: context.num_threads };
        }
        Self::Torch
    }

    /// Context `[R, 256]` of each token within its image.
    ///
    /// `projected [R, 768]` is `q | k | v`, `rotation [R, 64] f32` cosines and sines of the positional encoding.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if torch refuses an operation.
    pub fn within(&self, projected: &Tensor, rotation: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        if projected.size()[0] == 0 {
            return Ok(projected.narrow(1, 0, DIM));
        }
        match self {
            Self::Torch => Ok(torch::within(projected, rotation, lengths)),
            #[cfg(target_arch = "x86_64")]
            Self::Bf16 { num_threads } => bf16::within(projected, rotation, lengths, *num_threads),
        }
    }

    /// Context `[R, 256]` of each token in the other image of its pair.
    ///
    /// `projected [R, 512]` is `qk | v`.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if torch refuses an operation.
    pub fn across(&self, projected: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        match self {
            Self::Torch => Ok(torch::across(projected, lengths)),
            #[cfg(target_arch = "x86_64")]
            Self::Bf16 { num_threads } => bf16::across(projected, lengths, *num_threads),
        }
    }
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    /// Normal values from a fixed sequence, `[rows, columns] bf16`.
    fn normal(rows: i64, columns: i64, seed: f64, scale: f64) -> Tensor {
        let phase = Tensor::arange(rows * columns, (Kind::Double, tch::Device::Cpu)) * 12.9898 + seed;
        let uniform: Tensor = (phase.sin() * 43_758.545_3).frac().abs();
        let angle: Tensor = (phase * 0.734_1).sin() * 3.1;
        let normal: Tensor = (uniform.clamp(1e-6, 1.0).log() * -2.0).sqrt() * angle.cos() * scale;
        normal.reshape([rows, columns]).to_kind(Kind::BFloat16)
    }

    /// Both codes on the same bf16 inputs; the torch one in fp32.
    fn check_close(lengths: &[usize], scale: f64, angles: &Tensor) {
        if !bf16::is_available() {
            eprintln!("skipped: this CPU has no avx512_bf16");
            return;
        }
        let rows = lengths.iter().sum::<usize>() as i64;
        let rotation = Tensor::cat(&[angles.cos(), angles.sin()], 1).narrow(0, 0, rows);
        let (qkv, qkv_cross) = (normal(rows, 768, 0.1, scale), normal(rows, 512, 0.2, scale));
        let within = Attention::Torch.within(&qkv.to_kind(Kind::Float), &rotation, lengths).unwrap();
        let across = Attention::Torch.across(&qkv_cross.to_kind(Kind::Float), lengths).unwrap();
        // weights and contexts are rounded by at most 2^-8 each, which moves a mean of values by that share of the largest
        let limit = qkv.abs().max().double_value(&[]).max(qkv_cross.abs().max().double_value(&[])) / 128.0;
        for num_threads in [1, 2] {
            let kernel = Attention::Bf16 { num_threads };
            assert_near(&kernel.within(&qkv, &rotation, lengths).unwrap(), &within, limit);
            assert_near(&kernel.across(&qkv_cross, lengths).unwrap(), &across, limit);
        }
    }

    fn assert_near(got: &Tensor, expected: &Tensor, limit: f64) {
        let difference = (got.to_kind(Kind::Float) - expected).abs().max().double_value(&[]);
        eprintln!("difference {difference:.2e}, limit {limit:.1e}");
        assert!(difference <= limit, "difference {difference} exceeds {limit}");
    }

    /// No rotation: it would round queries and keys once more, in the kernel only.
    fn no_angles() -> Tensor {
        Tensor::zeros([600, 32], (Kind::Float, tch::Device::Cpu))
    }

    #[test]
    fn the_kernel_agrees_with_torch_at_any_length() {
        for lengths in [[1, 1], [7, 64], [48, 65], [130, 97], [256, 256]] {
            check_close(&lengths, 1.0, &no_angles());
        }
        check_close(&[33, 70, 70, 12], 1.0, &no_angles());
    }

    #[test]
    fn keypoints_rotate_queries_and_keys() {
        let angles = normal(600, 32, 3.0, 1.0).to_kind(Kind::Float);
        // scores stay small, so that the additional rounding moves weights by less than that of the values
        check_close(&[130, 97], 0.25, &angles);
    }

    #[test]
    fn scores_of_hundreds_neither_overflow_nor_vanish() {
        // the released weights reach 550 * log2 e in cross-attention; scores here have a deviation of 8 * 3.5^2 = 98
        check_close(&[150, 200], 3.5, &no_angles());
    }
}
