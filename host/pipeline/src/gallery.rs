//! Small pictures of the photos, for the report.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, RgbImage, imageops};
use scene3d_scene::pixel::fit_long_side;

use crate::PipelineError;
use crate::decode::DecodedPhoto;

const LONG_SIDE_PX: u32 = 320;
const JPEG_QUALITY: u8 = 72;

/// A photo as a small JPEG.
pub(crate) fn thumbnail_jpeg(photo: &DecodedPhoto) -> Result<Vec<u8>, PipelineError> {
    let pixels = photo.pixels.view().as_slice::<u8>()?.to_vec();
    let image = RgbImage::from_raw(photo.size[0], photo.size[1], pixels)
        .ok_or_else(|| PipelineError::internal("a decoded photo has a wrong size"))?;
    let [width, height] = fit_long_side(photo.size, LONG_SIDE_PX);
    let small = imageops::thumbnail(&image, width, height);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode(&small, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| PipelineError::internal(format!("a thumbnail can't be written: {error}")))?;
    Ok(jpeg)
}
