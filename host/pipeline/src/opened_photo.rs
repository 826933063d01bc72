//! Opens an image file's bytes for what looks at a photo outside of a run: decoded once, at the stored size.

use image::RgbImage;

use crate::decode::{decode_pixels, decode_small};
use crate::photos::{Header, PhotoLimits, Rejected, read_header};

/// A photo, decoded as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedPhoto {
    /// `[h, w, 3]`, RGB; the orientation is not applied.
    pub pixels: Vec<u8>,
    /// `[width, height]` of `pixels`.
    pub stored_size: [u32; 2],
    /// `[width, height]` after the orientation is applied.
    pub image_size: [u32; 2],
    /// Focal length from EXIF, px at that size.
    pub focal_px: Option<f64>,
}

/// Opens the bytes of an image file; `name` is what [`Rejected`] calls it.
///
/// # Errors
/// [`Rejected`] if they are no image, damaged, or of more pixels than the limit.
pub fn open_photo(name: &str, bytes: &[u8], limits: PhotoLimits) -> Result<OpenedPhoto, Rejected> {
    let Header { stored_size, image_size, exif } = header(name, bytes, limits)?;
    let decoded = decode_pixels(bytes).map_err(|error| damaged(name, &error.to_string()))?;
    Ok(OpenedPhoto { pixels: decoded.into_raw(), stored_size, image_size, focal_px: exif.focal_px })
}

/// A photo for people to look at: orientation applied, its long side at most `max_long_side` px. Holds three bytes a
/// pixel of the whole photo while it is made.
///
/// # Errors
/// As [`open_photo`].
pub fn small_photo(name: &str, bytes: &[u8], limits: PhotoLimits, max_long_side: u32) -> Result<RgbImage, Rejected> {
    let Header { exif, .. } = header(name, bytes, limits)?;
    decode_small(bytes, exif.orientation, max_long_side).map_err(|error| damaged(name, &error))
}

fn header(name: &str, bytes: &[u8], limits: PhotoLimits) -> Result<Header, Rejected> {
    let reject = |reason: String, next_step: &str| Rejected::not_decodable(name, reason, next_step);
    if bytes.is_empty() {
        return Err(reject("the file is empty".to_owned(), "copy it again from the camera"));
    }
    read_header(bytes, limits).map_err(|(reason, next_step)| reject(reason, next_step))
}

fn damaged(name: &str, error: &str) -> Rejected {
    Rejected::not_decodable(name, format!("can't be decoded: {error}"), "copy it again from the camera, or remove it")
}
