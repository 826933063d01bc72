//! What is kept of a photo's bytes: its size, its focal length, and the statistics that drift is found by.

use scene3d_monitor::drift::ImageStatistics;
use scene3d_pipeline::{OpenedPhoto, PhotoLimits, Rejected, open_photo};

/// A photo as its bytes tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotoFacts {
    /// What drift is found by; without keypoints, which an extractor adds.
    pub statistics: ImageStatistics,
    /// `[width, height]` in px after the orientation is applied.
    pub image_size: [u32; 2],
    /// Focal length from EXIF, px at that size.
    pub focal_px: Option<f64>,
}

/// Decodes the bytes of an image file once and measures them; `name` is what [`Rejected`] calls it. Holds three
/// bytes a pixel while it measures.
///
/// # Errors
/// [`Rejected`] if they are no image, damaged, or of more pixels than the limit.
pub fn photo_statistics(name: &str, bytes: &[u8], limits: PhotoLimits) -> Result<PhotoFacts, Rejected> {
    let OpenedPhoto { pixels, stored_size, image_size, focal_px } = open_photo(name, bytes, limits)?;
    let statistics = ImageStatistics::measure(&pixels, stored_size)
        .map_err(|error| Rejected::not_decodable(name, format!("can't be measured: {error}"), "remove it"))?;
    let statistics = statistics.with_image_size(image_size).with_focal_px(focal_px);
    Ok(PhotoFacts { statistics, image_size, focal_px })
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, RgbImage};

    use super::*;

    fn png(size: [u32; 2]) -> Vec<u8> {
        let image = RgbImage::from_fn(size[0], size[1], |x, y| image::Rgb([(7 * x) as u8, (5 * y) as u8, 90]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_photo_is_measured_at_its_size() {
        let facts = photo_statistics("a.png", &png([40, 30]), PhotoLimits::default()).unwrap();
        assert_eq!((facts.image_size, facts.statistics.size, facts.focal_px), ([40, 30], [40, 30], None));
        assert!(facts.statistics.brightness > 0.0 && facts.statistics.contrast > 0.0);
    }

    #[test]
    fn what_can_not_be_measured_is_rejected_by_name() {
        let rejected =
            |bytes: &[u8], max_pixels| photo_statistics("a/b.png", bytes, PhotoLimits { max_pixels }).unwrap_err();
        let whole = png([40, 30]);
        for (rejected, words) in [
            (rejected(&[], 5000), "empty"),
            (rejected(b"no image", 5000), "no image that scene3d reads"),
            (rejected(&whole, 1199), "1200 pixels, expected at most 1199"),
            (rejected(&whole[..whole.len() / 2], 5000), "can't be decoded"),
        ] {
            assert_eq!(rejected.name, "a/b.png");
            assert!(rejected.reason.contains(words), "expected `{words}` in `{}`", rejected.reason);
        }
    }
}
