//! Small JPEGs for the report.

use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};
use scene3d_scene::ImageId;
use scene3d_scene::pixel::fit_long_side;

use crate::ExportError;

/// Wide enough to recognise a scene, about 12 kB a JPEG.
const LONG_SIDE_PX: u32 = 360;
const JPEG_QUALITY: u8 = 72;

/// A small picture of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The image.
    pub image_id: ImageId,
    /// `[width, height]` in px of the thumbnail.
    pub size: [u32; 2],
    /// The picture.
    pub jpeg: Vec<u8>,
}

impl Thumbnail {
    /// Of `pixels [h, w, 3] u8`, RGB, with `size = [width, height]`; any size, orientation applied.
    ///
    /// # Errors
    /// [`ExportError::Thumbnail`] if the pixels are not as many as the size says.
    pub fn from_rgb(image_id: ImageId, size: [u32; 2], pixels: &[u8]) -> Result<Self, ExportError> {
        let failed = |reason: String| ExportError::Thumbnail { name: format!("image {image_id}"), reason };
        let expected = size[0] as usize * size[1] as usize * 3;
        if pixels.len() != expected || expected == 0 {
            return Err(failed(format!("expected {expected} bytes (not none) for {size:?}, got {}", pixels.len())));
        }
        let [width, height] = fit_long_side(size, LONG_SIDE_PX);
        let view = image::ImageBuffer::<image::Rgb<u8>, &[u8]>::from_raw(size[0], size[1], pixels);
        let view = view.ok_or_else(|| failed("the buffer is too small".to_owned()))?;
        let small: RgbImage = imageops::thumbnail(&view, width, height);
        let mut jpeg = Vec::new();
        let encoded = JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(&small);
        encoded.map_err(|error| failed(error.to_string()))?;
        Ok(Self { image_id, size: [width, height], jpeg })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_keeps_the_shape_and_the_colour() {
        let red: Vec<u8> = [200, 30, 20].repeat(720 * 300);
        let thumbnail = Thumbnail::from_rgb(ImageId(1), [720, 300], &red).unwrap();
        assert_eq!(thumbnail.size, [360, 150]);
        let decoded = image::load_from_memory(&thumbnail.jpeg).unwrap().to_rgb8();
        assert_eq!(decoded.dimensions(), (360, 150));
        assert!(decoded.get_pixel(100, 100).0.iter().zip([200_u8, 30, 20]).all(|(a, b)| a.abs_diff(b) < 6));
    }

    #[test]
    fn pixels_that_do_not_fit_are_refused() {
        let error = Thumbnail::from_rgb(ImageId(3), [4, 4], &[0; 5]).unwrap_err().to_string();
        assert_eq!(error, "thumbnail of image 3 failed: expected 48 bytes (not none) for [4, 4], got 5");
        assert!(Thumbnail::from_rgb(ImageId(3), [0, 4], &[]).is_err());
    }
}
