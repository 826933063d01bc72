//! ALIKED's aggregated map, evaluated only where it is read: score head, and the sampling of descriptors.

use scene3d_torch::{Result, TorchError};
use tch::{Kind, Tensor};

use crate::launch::Argument;
use crate::table::{
    Kernel, SCORE_HEAD_BF16, SCORE_HEAD_F16, SCORE_HEAD_F32, SDDH_PATCHES_BF16, SDDH_PATCHES_F16, SDDH_PATCHES_F32,
    SDDH_SAMPLES_BF16, SDDH_SAMPLES_F16, SDDH_SAMPLES_F32, UNIT_ROWS,
};
use crate::{Kernels, blocks};

/// Pixels of a tile's side.
const TILE: u32 = 16;
/// Channels of the score head's first layer.
const HIDDEN: i64 = 8;
/// Weights of its other layers, then their biases.
const NUM_PARAMETERS: i64 = (4 * HIDDEN + 4 * 4 + 4) * 9 + 4 + 4 + 1;
/// Pixels of a patch.
const PATCH: i64 = 9;
/// Samples of a block.
const SAMPLES: u32 = 4;

/// Four maps of one image `[h, w, C]`, at 1, 1/2, 1/8, 1/32 of its padded sides; f32, bf16 or f16.
#[derive(Debug)]
pub struct Branches(pub [Tensor; 4]);

/// An image without its padding, px.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Rows.
    pub height: i64,
    /// Columns.
    pub width: i64,
    /// Rows of padding above.
    pub top: i64,
    /// Columns of padding left.
    pub left: i64,
}

impl Branches {
    /// Channels, and padded height and width.
    fn check(&self, frame: Frame) -> Result<[i64; 3]> {
        let sizes = self.0.each_ref().map(Tensor::size);
        let [height, width, channels] = *sizes[0].as_slice() else {
            return Err(TorchError::Torch(format!("a branch has shape {:?}, expected [h, w, C]", sizes[0])));
        };
        let of_divisor = |divisor: i64| vec![height / divisor, width / divisor, channels];
        let is_ours = sizes == [1, 2, 8, 32].map(of_divisor) && self.0.iter().all(|map| map.kind() == self.0[0].kind());
        let Frame { height: inner_height, width: inner_width, top, left } = frame;
        let fits = top >= 0 && left >= 0 && top + inner_height <= height && left + inner_width <= width;
        if is_ours && fits && height % 32 == 0 && width % 32 == 0 {
            return Ok([channels, height, width]);
        }
        Err(TorchError::Torch(format!("branches have shapes {sizes:?}, expected 1, 1/2, 1/8, 1/32 around {frame:?}")))
    }

    fn kernel(&self, of_kinds: [&'static Kernel; 3]) -> Result<&'static Kernel> {
        match self.0[0].kind() {
            Kind::Float => Ok(of_kinds[0]),
            Kind::BFloat16 => Ok(of_kinds[1]),
            Kind::Half => Ok(of_kinds[2]),
            other => Err(TorchError::Unsupported(format!("no kernel for branches of {other:?}"))),
        }
    }
}

impl Kernels {
    /// Scores `[height, width] f32` in 0..1 of the first layer's `slices [h, w, 8]`, by the other layers' `parameters
    /// [477] f32`: weights `[4, 8, 3, 3]`, `[4, 4, 3, 3]`, `[1, 4, 3, 3]`, then biases `[4]`, `[4]`, `[1]`.
    ///
    /// # Errors
    /// [`TorchError`] for other shapes or types.
    pub fn score_head(&self, slices: &Branches, parameters: &Tensor, frame: Frame) -> Result<Tensor> {
        let [channels, padded_height, padded_width] = slices.check(frame)?;
        if channels != HIDDEN || parameters.size() != [NUM_PARAMETERS] || parameters.kind() != Kind::Float {
            let shape = parameters.size();
            return Err(TorchError::Torch(format!(
                "expected {HIDDEN} channels and {NUM_PARAMETERS} parameters, got {channels} and {shape:?}"
            )));
        }
        let kernel = slices.kernel([&SCORE_HEAD_F32, &SCORE_HEAD_BF16, &SCORE_HEAD_F16])?;
        let scores = self.empty(&[frame.height, frame.width], Kind::Float);
        let [s1, s2, s3, s4] = slices.0.each_ref().map(Argument::Tensor);
        self.launch(
            kernel,
            [blocks(padded_width, TILE), blocks(padded_height, TILE), 1],
            &[
                s1,
                s2,
                s3,
                s4,
                Argument::Tensor(parameters),
                Argument::Tensor(&scores),
                Argument::Int(padded_height),
                Argument::Int(padded_width),
                Argument::Int(frame.top),
                Argument::Int(frame.left),
                Argument::Int(frame.height),
                Argument::Int(frame.width),
            ],
        )?;
        Ok(scores)
    }

    /// 3x3 patches `[N, 9 * dim] f32` of the unit-length map around keypoints `normalized [N, 2] f32`, (x, y) in -1..1 over
    /// the centres of the corner pixels.
    ///
    /// # Errors
    /// [`TorchError`] for other shapes or types.
    pub fn sddh_patches(&self, branches: &Branches, frame: Frame, normalized: &Tensor) -> Result<Tensor> {
        let kernel = branches.kernel([&SDDH_PATCHES_F32, &SDDH_PATCHES_BF16, &SDDH_PATCHES_F16])?;
        let (num_keypoints, dim) = described(branches, frame, normalized, kernel)?;
        let patches = self.empty(&[num_keypoints, PATCH * dim], Kind::Float);
        let out = [Argument::Tensor(normalized), Argument::Tensor(&patches)];
        self.launch(kernel, [num_keypoints, 1, 1], &[branches.arguments(&out, frame)?.as_slice()].concat())?;
        Ok(patches)
    }

    /// Samples `[N, M, dim] f32` of the unit-length map at the keypoints moved by `offsets [N, 2 M] f32`: dx of all samples,
    /// then dy, px, bounded by a quarter of the larger side; bilinear, zero outside.
    ///
    /// # Errors
    /// [`TorchError`] for other shapes or types.
    pub fn sddh_samples(
        &self,
        branches: &Branches,
        frame: Frame,
        normalized: &Tensor,
        offsets: &Tensor,
    ) -> Result<Tensor> {
        let kernel = branches.kernel([&SDDH_SAMPLES_F32, &SDDH_SAMPLES_BF16, &SDDH_SAMPLES_F16])?;
        let (num_keypoints, dim) = described(branches, frame, normalized, kernel)?;
        let (of_keypoints, columns) = offsets.size2()?;
        if of_keypoints != num_keypoints || columns % 2 != 0 || offsets.kind() != Kind::Float {
            return Err(TorchError::Torch(format!("offsets are {:?} for {num_keypoints} keypoints", offsets.size())));
        }
        let num_samples = columns / 2;
        let samples = self.empty(&[num_keypoints, num_samples, dim], Kind::Float);
        let out = [Argument::Tensor(normalized), Argument::Tensor(offsets), Argument::Tensor(&samples)];
        let mut arguments = branches.arguments(&out, frame)?;
        arguments.push(Argument::Int(num_samples));
        self.launch(kernel, [num_keypoints, blocks(num_samples, SAMPLES), 1], &arguments)?;
        Ok(samples)
    }

    /// Brings each of `rows [N, C] f32` to unit length, in place.
    ///
    /// # Errors
    /// [`TorchError`] for other shapes or types.
    pub fn unit_rows(&self, rows: &Tensor) -> Result<()> {
        let (num_rows, dim) = rows.size2()?;
        if rows.kind() != Kind::Float {
            return Err(TorchError::Unsupported(format!("no unit length of {:?}", rows.kind())));
        }
        self.launch(&UNIT_ROWS, [num_rows, 1, 1], &[Argument::Tensor(rows), Argument::Int(dim)])
    }
}

impl Branches {
    /// The maps, what a kernel has of its own, and sizes.
    fn arguments<'a>(&'a self, own: &[Argument<'a>], frame: Frame) -> Result<Vec<Argument<'a>>> {
        let [channels, padded_height, padded_width] = self.check(frame)?;
        let sizes = [channels, padded_height, padded_width, frame.top, frame.left, frame.height, frame.width];
        let maps = self.0.iter().map(Argument::Tensor);
        Ok(maps.chain(own.iter().copied()).chain(sizes.map(Argument::Int)).collect())
    }
}

/// Keypoints and channels, once both fit the kernel: it has a thread for each channel.
fn described(branches: &Branches, frame: Frame, normalized: &Tensor, kernel: &Kernel) -> Result<(i64, i64)> {
    let [channels, ..] = branches.check(frame)?;
    let (num_keypoints, two) = normalized.size2()?;
    let dim = 4 * channels;
    if two != 2
        || normalized.kind() != Kind::Float
        || dim > i64::from(kernel.threads)
        || frame.height.min(frame.width) < 4
    {
        return Err(TorchError::Torch(format!(
            "no kernel for positions {:?} on {dim} channels of {frame:?}",
            normalized.size()
        )));
    }
    Ok((num_keypoints, dim))
}
