//! Decodes a photo: pixels to RGB, EXIF orientation applied, long side reduced, sharpness measured.

use std::fs;
use std::sync::Arc;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageReader, RgbImage};
use scene3d_export::Verdict;
use scene3d_scene::pixel::fit_long_side;
use scene3d_tensor::Tensor;

use crate::photos::{Photo, Rejected};

/// Long side at which sharpness is measured, so that it does not depend on the resolution.
const SHARPNESS_LONG_SIDE_PX: u32 = 512;

/// A decoded photo.
#[derive(Debug)]
pub struct DecodedPhoto {
    /// `[h, w, 3] u8`, RGB, orientation applied, long side reduced.
    pub pixels: Tensor,
    /// `[width, height]` of `pixels`.
    pub size: [u32; 2],
    /// Variance of the Laplacian of luma (0..255) at a long side of 512 px; low when blurred.
    pub sharpness: f64,
}

/// Decodes a photo with its long side reduced to at most `max_long_side`.
///
/// # Errors
/// [`Rejected`] with the reason if the pixels can't be decoded.
pub fn decode(photo: &Photo, max_long_side: u32) -> Result<Arc<DecodedPhoto>, Rejected> {
    Ok(decode_each(photo, &[max_long_side])?.swap_remove(0))
}

/// Decodes a photo once and reduces it to each of the long sides, in order; equal ones share their pixels.
///
/// # Errors
/// [`Rejected`] with the reason if the pixels can't be decoded.
pub(crate) fn decode_each(photo: &Photo, max_long_sides: &[u32]) -> Result<Vec<Arc<DecodedPhoto>>, Rejected> {
    let reject = |reason: String| Rejected {
        name: photo.info.name.clone(),
        verdict: Verdict::NotDecodable,
        reason,
        next_step: "copy it again from the camera, or remove it".to_owned(),
    };
    let bytes = fs::read(&photo.path).map_err(|error| reject(format!("can't be read: {error}")))?;
    let image = decode_pixels(&bytes).map_err(|error| reject(format!("can't be decoded: {error}")))?;
    let stored_size = [image.width(), image.height()];
    let mut decoded: Vec<(u32, Arc<DecodedPhoto>)> = Vec::with_capacity(max_long_sides.len());
    for &long_side in max_long_sides {
        let known = decoded.iter().find(|(known, _)| *known == long_side).map(|(_, photo)| Arc::clone(photo));
        let reduced = match known {
            Some(known) => known,
            None => {
                // reducing before turning moves fewer pixels
                let reduced = resize(&image, fit_long_side(stored_size, long_side)).map_err(&reject)?;
                Arc::new(oriented(reduced, photo.orientation).map_err(&reject)?)
            }
        };
        decoded.push((long_side, reduced));
    }
    Ok(decoded.into_iter().map(|(_, photo)| photo).collect())
}

/// The pixels of an image file's bytes, orientation applied, long side reduced; says why where they can't be decoded.
pub(crate) fn decode_small(bytes: &[u8], orientation: u16, max_long_side: u32) -> Result<RgbImage, String> {
    let image = decode_pixels(bytes).map_err(|error| error.to_string())?;
    let stored_size = [image.width(), image.height()];
    Ok(orient(resize(&image, fit_long_side(stored_size, max_long_side))?, orientation))
}

fn oriented(reduced: RgbImage, orientation: u16) -> Result<DecodedPhoto, String> {
    let oriented = orient(reduced, orientation);
    let size = [oriented.width(), oriented.height()];
    let sharpness = sharpness(&oriented)?;
    let shape = [i64::from(size[1]), i64::from(size[0]), 3];
    let pixels = Tensor::from_vec(oriented.into_raw(), &shape).map_err(|error| error.to_string())?;
    Ok(DecodedPhoto { pixels, size, sharpness })
}

/// Pixels at the stored size, of bytes whose header was read before.
pub(crate) fn decode_pixels(bytes: &[u8]) -> image::ImageResult<RgbImage> {
    let mut reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format()?;
    // the number of pixels was bounded when the photo was read
    reader.no_limits();
    Ok(match reader.decode()? {
        DynamicImage::ImageRgb8(rgb) => rgb,
        other => other.into_rgb8(),
    })
}

fn resize(image: &RgbImage, size: [u32; 2]) -> Result<RgbImage, String> {
    let (width, height) = image.dimensions();
    if [width, height] == size {
        return Ok(image.clone());
    }
    let source = TypedImageRef::<U8x3>::from_buffer(width, height, image.as_raw()).map_err(|e| e.to_string())?;
    let mut reduced = RgbImage::new(size[0], size[1]);
    // typed: the call that looks at the pixel type compiles in every kind of pixel there is, which takes a minute
    let mut target = TypedImage::<U8x3>::from_buffer(size[0], size[1], &mut reduced).map_err(|e| e.to_string())?;
    // antialiased bilinear, as the networks' reference preprocessing (cvg/LightGlue `utils.py`)
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|error| error.to_string())?;
    Ok(reduced)
}

fn orient(image: RgbImage, orientation: u16) -> RgbImage {
    let orientation = Orientation::from_exif(orientation as u8).unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

/// Variance of the 4-neighbour Laplacian (Pech-Pacheco et al., ICPR 2000) of luma (BT.601).
fn sharpness(image: &RgbImage) -> Result<f64, String> {
    let size = fit_long_side([image.width(), image.height()], SHARPNESS_LONG_SIDE_PX);
    let small = resize(image, size)?;
    let [width, height] = size.map(|side| side as usize);
    if width < 3 || height < 3 {
        return Ok(0.0);
    }
    let luma: Vec<f64> = small.pixels().map(|p| luma(p.0)).collect();
    let (mut sum, mut sum_squares) = (0.0, 0.0);
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let at = y * width + x;
            let laplacian = luma[at - 1] + luma[at + 1] + luma[at - width] + luma[at + width] - 4.0 * luma[at];
            sum += laplacian;
            sum_squares += laplacian * laplacian;
        }
    }
    let count = ((width - 2) * (height - 2)) as f64;
    Ok(sum_squares / count - (sum / count).powi(2))
}

fn luma([r, g, b]: [u8; 3]) -> f64 {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
}
