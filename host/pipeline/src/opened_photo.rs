//! Opens an image file's bytes for what looks at a photo outside of a run: decoded once, at the stored size.

use crate::decode::decode_pixels;
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
    let reject = |reason: String, next_step: &str| Rejected::not_decodable(name, reason, next_step);
    if bytes.is_empty() {
        return Err(reject("the file is empty".to_owned(), "copy it again from the camera"));
    }
    let header = read_header(bytes, limits).map_err(|(reason, next_step)| reject(reason, next_step))?;
    let Header { stored_size, image_size, exif } = header;
    let decoded = decode_pixels(bytes)
        .map_err(|error| reject(format!("can't be decoded: {error}"), "copy it again from the camera, or remove it"))?;
    Ok(OpenedPhoto { pixels: decoded.into_raw(), stored_size, image_size, focal_px: exif.focal_px })
}
