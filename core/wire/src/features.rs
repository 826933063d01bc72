//! Images going into an extractor, features coming out, features going into a matcher.

use scene3d_tensor::{Tensor, TensorView};

use crate::named::{NamedView, vector};
use crate::{Named, WireError};

/// An image as an extractor sees it.
#[derive(Debug, Clone, Copy)]
pub struct ImageTensor<'a> {
    /// `[H, W, 3] u8`, RGB, EXIF orientation applied, resized by the extractor's declared rule.
    pub pixels: TensorView<'a>,
    /// `[width, height]` in px of the original (oriented) image, to which keypoints are scaled back.
    pub image_size: [u32; 2],
}

/// What an extractor finds in one image.
#[derive(Debug)]
pub struct Features {
    /// `[N, 2] f32, px, original image, top-left pixel centre at (0.5, 0.5)`
    pub keypoints: Tensor,
    /// `[N] f32`, higher is better
    pub scores: Tensor,
    /// `[N, D] f32`, unit length
    pub descriptors: Tensor,
}

/// Features of one image as a matcher sees them.
#[derive(Debug, Clone, Copy)]
pub struct ImageFeatures<'a> {
    /// `[N, 2] f32, px, original image, top-left pixel centre at (0.5, 0.5)`
    pub keypoints: TensorView<'a>,
    /// `[N] f32`
    pub scores: TensorView<'a>,
    /// `[N, D] f32`, unit length
    pub descriptors: TensorView<'a>,
    /// `[width, height]` in px of the original image.
    pub image_size: [u32; 2],
    /// `[H, W, 3] u8`, RGB, EXIF orientation applied, resized by the matcher's declared rule; for matchers that declare
    /// the input `pixels`.
    pub pixels: Option<TensorView<'a>>,
}

impl<'a> ImageTensor<'a> {
    /// Reads `pixels`, `image_size`.
    ///
    /// # Errors
    /// [`WireError`] if one is missing or malformed.
    pub fn from_named(named: &NamedView<'a>) -> Result<Self, WireError> {
        Ok(Self { pixels: named.get("pixels")?, image_size: named.image_size()? })
    }
}

/// Writes an `image_size [2] u32`.
///
/// # Errors
/// None in practice: two values fill `[2]`.
pub(crate) fn image_size_tensor(image_size: [u32; 2]) -> Result<(String, Tensor), WireError> {
    vector("image_size", image_size.to_vec())
}

impl Features {
    /// Names the tensors; with `image_size` they are what a matcher is given.
    ///
    /// # Errors
    /// None in practice.
    pub fn into_named(self, image_size: Option<[u32; 2]>) -> Result<Named, WireError> {
        let mut named = vec![
            ("keypoints".to_owned(), self.keypoints),
            ("scores".to_owned(), self.scores),
            ("descriptors".to_owned(), self.descriptors),
        ];
        if let Some(image_size) = image_size {
            named.push(image_size_tensor(image_size)?);
        }
        Ok(named)
    }
}

impl<'a> ImageFeatures<'a> {
    /// Reads `keypoints`, `scores`, `descriptors`, `image_size`, and `pixels` where they are.
    ///
    /// # Errors
    /// [`WireError`] if one is missing or malformed.
    pub fn from_named(named: &NamedView<'a>) -> Result<Self, WireError> {
        Ok(Self {
            keypoints: named.get("keypoints")?,
            scores: named.get("scores")?,
            descriptors: named.get("descriptors")?,
            image_size: named.image_size()?,
            pixels: named.find("pixels"),
        })
    }
}
