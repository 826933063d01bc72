//! Keypoints of score maps: suppression, border and threshold, the best in order, positions and scores.

use scene3d_torch::{Result, TorchError};
use tch::{Kind, Tensor};

use crate::launch::Argument;
use crate::table::{
    KEYPOINTS_OF_KEYS, Kernel, REFINE, SELECT_KEYS, SUPPRESS_R1, SUPPRESS_R2, SUPPRESS_R3, SUPPRESS_R4,
};
use crate::{Kernels, blocks};

/// Pixels of a tile's side.
const TILE: u32 = 32;
/// Most keypoints that one block sorts.
const MAX_SELECTED: i64 = 4096;

/// Which pixels of a score map count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suppression {
    /// px; see [`Suppression::is_supported`]
    pub radius: i64,
    /// Pixels at the sides that are left out, px.
    pub border: i64,
    /// Scores are above this.
    pub threshold: f32,
    /// At most this many an image, the best.
    pub max_keypoints: i64,
    /// Images with no more than `max_keypoints` have theirs in raster order; all others the best first, of equal scores the
    /// first in raster order.
    pub raster: bool,
}

/// Chosen pixels of a batch.
#[derive(Debug)]
pub struct Candidates {
    /// `[B, max_keypoints] i64`: score and pixel of each, in order
    pub(crate) keys: Tensor,
    /// `[B] i32`: how many there are
    pub counts: Tensor,
}

/// Keypoints of a batch; beyond an image's count, rows have no meaning.
#[derive(Debug)]
pub struct Peaks {
    /// `[B, max_keypoints, 2] f32`, (x, y)
    pub positions: Tensor,
    /// `[B, max_keypoints] f32`
    pub scores: Tensor,
}

impl Suppression {
    /// Whether the kernels can do this: others go by torch operations.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.kernel().is_some() && (1..=MAX_SELECTED).contains(&self.max_keypoints)
    }

    fn kernel(&self) -> Option<&'static Kernel> {
        match self.radius {
            1 => Some(&SUPPRESS_R1),
            2 => Some(&SUPPRESS_R2),
            3 => Some(&SUPPRESS_R3),
            4 => Some(&SUPPRESS_R4),
            _ => None,
        }
    }
}

impl Kernels {
    /// The pixels of `maps [B, H, W] f32` that are the largest within the radius, by SuperPoint's `simple_nms`.
    ///
    /// # Errors
    /// [`TorchError`] for what is not supported.
    pub fn candidates(&self, maps: &Tensor, suppression: Suppression) -> Result<Candidates> {
        let (images, height, width) = maps.size3()?;
        let Some(kernel) = suppression.kernel().filter(|_| suppression.is_supported() && maps.kind() == Kind::Float)
        else {
            return Err(TorchError::Unsupported(format!("no kernel for {suppression:?} of {:?}", maps.kind())));
        };
        let Suppression { border, threshold, max_keypoints, raster, .. } = suppression;
        let inside = |side: i64| (side - 2 * border.max(0)).max(0);
        let capacity = inside(height) * inside(width);
        let found = self.empty(&[images, capacity], Kind::Int64);
        let num_found = self.zeros(&[images], Kind::Int);
        self.launch(
            kernel,
            [blocks(width, TILE), blocks(height, TILE), images],
            &[
                Argument::Tensor(maps),
                Argument::Tensor(&found),
                Argument::Tensor(&num_found),
                Argument::Int(height),
                Argument::Int(width),
                Argument::Int(border),
                Argument::Float(threshold),
                Argument::Int(capacity),
            ],
        )?;
        let keys = self.empty(&[images, max_keypoints], Kind::Int64);
        let counts = self.empty(&[images], Kind::Int);
        self.launch(
            &SELECT_KEYS,
            [images, 1, 1],
            &[
                Argument::Tensor(&found),
                Argument::Tensor(&num_found),
                Argument::Tensor(&keys),
                Argument::Tensor(&counts),
                Argument::Int(capacity),
                Argument::Int(max_keypoints),
                Argument::Int(i64::from(raster)),
            ],
        )?;
        Ok(Candidates { keys, counts })
    }

    /// Positions in px index, whole numbers, and the pixels' scores; maps are `width` px wide.
    ///
    /// # Errors
    /// [`TorchError`] if a launch fails.
    pub fn keypoints(&self, candidates: &Candidates, width: i64) -> Result<Peaks> {
        let (images, max_keypoints) = candidates.keys.size2()?;
        let peaks = self.peaks(images, max_keypoints);
        let kernel = &KEYPOINTS_OF_KEYS;
        self.launch(
            kernel,
            [blocks(max_keypoints, kernel.threads), 1, images],
            &[
                Argument::Tensor(&candidates.keys),
                Argument::Tensor(&candidates.counts),
                Argument::Tensor(&peaks.positions),
                Argument::Tensor(&peaks.scores),
                Argument::Int(width),
                Argument::Int(max_keypoints),
            ],
        )?;
        Ok(peaks)
    }

    /// Positions refined by a soft-argmax within the radius (ALIKED section III-B), in -1..1 over the centres of the corner
    /// pixels, and scores interpolated there. The candidates' border was no smaller than the radius.
    ///
    /// # Errors
    /// [`TorchError`] if a launch fails.
    pub fn refine(&self, maps: &Tensor, candidates: &Candidates, radius: i64) -> Result<Peaks> {
        let (images, max_keypoints) = candidates.keys.size2()?;
        let (_, height, width) = maps.size3()?;
        let peaks = self.peaks(images, max_keypoints);
        let kernel = &REFINE;
        self.launch(
            kernel,
            [blocks(max_keypoints, kernel.threads), 1, images],
            &[
                Argument::Tensor(maps),
                Argument::Tensor(&candidates.keys),
                Argument::Tensor(&candidates.counts),
                Argument::Tensor(&peaks.positions),
                Argument::Tensor(&peaks.scores),
                Argument::Int(height),
                Argument::Int(width),
                Argument::Int(radius),
                Argument::Int(max_keypoints),
            ],
        )?;
        Ok(peaks)
    }

    fn peaks(&self, images: i64, max_keypoints: i64) -> Peaks {
        Peaks {
            positions: self.empty(&[images, max_keypoints, 2], Kind::Float),
            scores: self.empty(&[images, max_keypoints], Kind::Float),
        }
    }
}
