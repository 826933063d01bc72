//! Sampling of deformable convolutions.

use scene3d_torch::{Result, TorchError};
use tch::{Kind, Tensor};

use crate::launch::Argument;
use crate::table::{DEFORM_COLUMNS_BF16, DEFORM_COLUMNS_F16, DEFORM_COLUMNS_F32};
use crate::{Kernels, blocks};

/// Pixels of a 3x3 window.
const TAPS: i64 = 9;

impl Kernels {
    /// `columns [B * H * W, 9 * C]`, tap by tap and channels innermost, of `input [B, H, W, C]` at the taps of a 3x3
    /// convolution moved by `offsets [B, H, W, 18]`: (dy, dx) of each tap in px, bounded by a quarter of the larger side;
    /// zero outside of the map. All of one type: f32, bf16 or f16.
    ///
    /// # Errors
    /// [`TorchError`] for other types or shapes.
    pub fn deform_columns(&self, input: &Tensor, offsets: &Tensor) -> Result<Tensor> {
        let (images, height, width, channels) = input.size4()?;
        if offsets.size() != [images, height, width, 2 * TAPS] || offsets.kind() != input.kind() {
            let (shape, kind) = (offsets.size(), offsets.kind());
            return Err(TorchError::Torch(format!("offsets are {shape:?} {kind:?} for a map {:?}", input.size())));
        }
        let kernel = match input.kind() {
            Kind::Float => &DEFORM_COLUMNS_F32,
            Kind::BFloat16 => &DEFORM_COLUMNS_BF16,
            Kind::Half => &DEFORM_COLUMNS_F16,
            other => return Err(TorchError::Unsupported(format!("no deformable convolution of {other:?}"))),
        };
        let columns = self.empty(&[images * height * width, TAPS * channels], input.kind());
        let num_elements = images * height * width * TAPS * channels;
        self.launch(
            kernel,
            [blocks(num_elements, kernel.threads), 1, 1],
            &[
                Argument::Tensor(input),
                Argument::Tensor(offsets),
                Argument::Tensor(&columns),
                Argument::Int(height),
                Argument::Int(width),
                Argument::Int(channels),
                Argument::Int(num_elements),
            ],
        )?;
        Ok(columns)
    }
}
