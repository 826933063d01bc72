//! Descriptors of one image in the layout the kernel reads: panels of [`PANEL`] keypoints, transposed.
//!
//! The same panels serve an image on either side of a pair, so each image is laid out once however many pairs it is in.

use scene3d_sdk::{Prepared, PreparedView, Result, SdkError, Tensor, TensorView};

/// Keypoints in a panel: a multiple of three vectors of 1, 4, 8 or 16 lanes and of the kernel's row groups.
pub const PANEL: usize = 48;

/// A panel's values of one descriptor dimension.
pub type Slice = [f32; PANEL];

/// `slices [ceil(N / PANEL), D, PANEL] f32`, zero beyond `num_keypoints`.
#[derive(Debug, Clone, Copy)]
pub struct Panels<'a> {
    /// All panels one after another, each of `dim` slices.
    pub slices: &'a [Slice],
    /// N
    pub num_keypoints: usize,
    /// D
    pub dim: usize,
}

impl<'a> Panels<'a> {
    /// Number of panels.
    pub fn len(&self) -> usize {
        self.num_keypoints.div_ceil(PANEL)
    }

    /// The `dim` slices of a panel.
    pub fn panel(&self, number: usize) -> &'a [Slice] {
        &self.slices[number * self.dim..(number + 1) * self.dim]
    }

    /// Added to similarities: 0 for a keypoint, minus infinity for the padding behind the last, so that it never wins.
    pub fn padding_bias(&self) -> Vec<f32> {
        let mut bias = vec![0.0; self.len() * PANEL];
        bias[self.num_keypoints..].fill(f32::NEG_INFINITY);
        bias
    }

    /// Reads what [`prepare`] made.
    ///
    /// # Errors
    /// `INVALID_INPUT` if it is something else.
    pub fn of(prepared: &PreparedView<'a>) -> Result<Self> {
        let malformed = || SdkError::invalid_input("prepared image is not what this matcher made; this is a bug");
        let &[_, dim, _] = prepared.get("panels")?.shape() else { return Err(malformed()) };
        let &[num_keypoints] = prepared.slice::<u32>("num_keypoints")? else { return Err(malformed()) };
        let slices = prepared.rows::<f32, PANEL>("panels")?;
        let panels = Self { slices, num_keypoints: num_keypoints as usize, dim: dim as usize };
        if panels.len() * panels.dim == slices.len() { Ok(panels) } else { Err(malformed()) }
    }
}

/// Lays out `descriptors [N, D] f32` as `panels [ceil(N / PANEL), D, PANEL] f32` and `num_keypoints [1] u32`.
///
/// # Errors
/// `INVALID_INPUT` if they are not f32 of two dimensions in host memory, or not finite.
pub fn prepare(descriptors: TensorView<'_>) -> Result<Prepared> {
    let &[num_keypoints, dim] = descriptors.shape() else {
        let got = descriptors.shape();
        return Err(SdkError::invalid_input(format!("descriptors have shape {got:?}, expected [N, D]")));
    };
    let values = descriptors.as_slice::<f32>().map_err(|error| SdkError::from(error).detail("port", "descriptors"))?;
    check_finite(values, dim as usize)?;
    let panels = transposed(values, dim as usize, (num_keypoints as usize).div_ceil(PANEL));
    let shape = [(num_keypoints as usize).div_ceil(PANEL) as i64, dim, PANEL as i64];
    let count = u32::try_from(num_keypoints).map_err(|_| SdkError::invalid_input("more than 2^32 keypoints"))?;
    Ok(vec![
        ("panels".to_owned(), Tensor::from_vec(panels, &shape)?),
        ("num_keypoints".to_owned(), Tensor::from_vec(vec![count], &[1])?),
    ])
}

fn check_finite(values: &[f32], dim: usize) -> Result<()> {
    let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let message = format!("descriptor of keypoint {} is not finite, expected unit length", at / dim);
    Err(SdkError::invalid_input(message).help("the extractor is at fault: look at its precision and its weights"))
}

fn transposed(values: &[f32], dim: usize, num_panels: usize) -> Vec<f32> {
    let mut panels = vec![[0.0_f32; PANEL]; num_panels * dim];
    for (keypoint, descriptor) in values.chunks_exact(dim.max(1)).enumerate() {
        let panel = &mut panels[keypoint / PANEL * dim..][..dim];
        for (slice, &value) in panel.iter_mut().zip(descriptor) {
            slice[keypoint % PANEL] = value;
        }
    }
    panels.into_flattened()
}
