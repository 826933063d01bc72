//! Writes pixels in the format that a photo's name says, with what its EXIF said of the camera.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError, ImageFormat, RgbImage};
use scene3d_scene::exif::CameraExif;

use crate::ExperimentError;

/// High enough that extractors find what they find in the pixels themselves.
const JPEG_QUALITY: u8 = 97;

/// Writes a photo; the name stays, since ground truth knows it by that.
pub(super) fn write(pixels: &RgbImage, exif: &CameraExif<'_>, path: &Path) -> Result<(), ExperimentError> {
    let file = File::create(path).map_err(ExperimentError::io("write", path))?;
    let mut sink = BufWriter::new(file);
    let encoded = encode(pixels, exif, path, &mut sink);
    encoded.map_err(|source| ExperimentError::Encode { source, path: path.to_owned() })?;
    sink.flush().map_err(ExperimentError::io("write", path))
}

fn encode(pixels: &RgbImage, exif: &CameraExif<'_>, path: &Path, sink: &mut BufWriter<File>) -> Result<(), ImageError> {
    match ImageFormat::from_path(path).unwrap_or(ImageFormat::Jpeg) {
        ImageFormat::Png => with_exif(PngEncoder::new(sink), pixels, exif),
        ImageFormat::WebP => with_exif(WebPEncoder::new_lossless(sink), pixels, exif),
        // these have no place for EXIF that this library writes
        format @ (ImageFormat::Tiff | ImageFormat::Bmp) => pixels.write_to(sink, format),
        _ => with_exif(JpegEncoder::new_with_quality(sink, JPEG_QUALITY), pixels, exif),
    }
}

fn with_exif(mut encoder: impl ImageEncoder, pixels: &RgbImage, exif: &CameraExif<'_>) -> Result<(), ImageError> {
    encoder.set_exif_metadata(exif.to_tiff()).map_err(ImageError::Unsupported)?;
    encoder.write_image(pixels.as_raw(), pixels.width(), pixels.height(), ExtendedColorType::Rgb8)
}
