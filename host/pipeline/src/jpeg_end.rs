//! Whether a JPEG file is all there. Decoders fill what is missing with grey, as cameras' own files do not always end well;
//! where every pixel counts, that is too kind.

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// Whether the bytes are of a JPEG file that ends before its image does; what comes after the image (a maker's notes, a
/// second picture) is not looked at. ITU T.81, B.1.1 and B.2.1.
#[must_use]
pub fn is_cut_off_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xD8]) && !reaches_end(&bytes[2..])
}

fn reaches_end(mut rest: &[u8]) -> bool {
    loop {
        // any number of FF may fill up the place before a marker
        let [0xFF, marker, after @ ..] = rest else { return false };
        rest = match *marker {
            END_OF_IMAGE => return true,
            0xFF => &rest[1..],
            0x01 | 0xD0..=0xD7 => after,
            _ => {
                let &[high, low, ..] = after else { return false };
                let length = usize::from(u16::from_be_bytes([high, low]));
                let Some(after) = after.get(length..) else { return false };
                if *marker == START_OF_SCAN { after_scan(after) } else { after }
            }
        };
    }
}

/// Entropy-coded data ends at the first marker that is no restart: an FF of its own is followed by 00.
fn after_scan(bytes: &[u8]) -> &[u8] {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
    bytes.windows(2).position(is_marker).map_or(&[], |at| &bytes[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat};
    use std::io::Cursor;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let noise =
            image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([((x * 37) ^ (y * 91)) as u8, (x * y) as u8, 9]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(noise).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_cut_is_found_and_what_follows_the_image_is_not_looked_at() {
        let whole = encoded(ImageFormat::Jpeg);
        assert!(!is_cut_off_jpeg(&whole));
        assert!((2..whole.len()).all(|length| is_cut_off_jpeg(&whole[..length])));
        assert!(!is_cut_off_jpeg(&[&whole, b"notes of the maker" as &[u8]].concat()));
    }

    #[test]
    fn a_thumbnail_ends_no_photo() {
        let whole = encoded(ImageFormat::Jpeg);
        let thumbnail = [b"Exif\0\0", &whole[..]].concat();
        let length = u16::try_from(thumbnail.len() + 2).unwrap().to_be_bytes();
        let mut photo = [&[0xFF, 0xD8, 0xFF, 0xE1], &length[..], &thumbnail, &whole[2..]].concat();
        assert!(!is_cut_off_jpeg(&photo));
        photo.truncate(photo.len() - 2);
        assert!(is_cut_off_jpeg(&photo));
    }

    #[test]
    fn scans_may_be_many_and_have_restarts() {
        let scan = [0xFF, START_OF_SCAN, 0, 2, 1, 0xFF, 0x00, 2, 0xFF, 0xD3, 3];
        let table = [0xFF, 0xFF, 0xC4, 0, 4, 0xFF, END_OF_IMAGE];
        let progressive = [&[0xFF, 0xD8], &scan[..], &table, &scan, &[0xFF, END_OF_IMAGE]].concat();
        assert!(!is_cut_off_jpeg(&progressive));
        assert!(is_cut_off_jpeg(&progressive[..progressive.len() - 1]));
    }

    #[test]
    fn other_formats_are_not_judged() {
        let png = encoded(ImageFormat::Png);
        assert!(!is_cut_off_jpeg(&png[..png.len() / 2]));
        assert!(!is_cut_off_jpeg(b""));
    }
}
