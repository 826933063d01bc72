//! A minimal EXIF block: make, model and the focal length.
//!
//! Layout: Exif 2.32 (CIPA DC-008) over TIFF 6.0. The focal length is stated in mm with the resolution of the focal
//! plane, which is exact; the 35 mm equivalent would be rounded to whole millimetres.

const MAKE: &[u8] = b"scene3d\0";
const MODEL: &[u8] = b"synthetic\0";
/// Width of the sensor that we state: full frame.
const SENSOR_WIDTH_MM: u32 = 36;

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const ENTRY_BYTES: u32 = 12;
/// Size of the TIFF header, where the first directory starts.
const IFD0_OFFSET: u32 = 8;

/// The JPEG with an EXIF block that states a focal length of `focal_px`.
pub(super) fn with_focal(jpeg: &[u8], image_size: [u32; 2], focal_px: f64) -> Vec<u8> {
    let tiff = tiff(image_size, focal_px);
    let segment_bytes = (2 + 6 + tiff.len()) as u16;
    let (start_of_image, rest) = jpeg.split_at(2);
    [start_of_image, &[0xff, 0xe1], &segment_bytes.to_be_bytes(), b"Exif\0\0", &tiff, rest].concat()
}

fn tiff(image_size: [u32; 2], focal_px: f64) -> Vec<u8> {
    let [width, height] = image_size;
    let focal_um = (focal_px * f64::from(SENSOR_WIDTH_MM) * 1000.0 / f64::from(width)).round() as u32;
    // focal plane unit 3 is the centimetre
    let px_per_cm = [width * 10, SENSOR_WIDTH_MM];
    let exif_offset = IFD0_OFFSET + directory_bytes(3) + (MAKE.len() + MODEL.len()) as u32;
    let mut tiff = b"II*\0".to_vec();
    tiff.extend(IFD0_OFFSET.to_le_bytes());
    let ifd0 = [
        Entry::new(0x010f, ASCII, MAKE.to_vec()),
        Entry::new(0x0110, ASCII, MODEL.to_vec()),
        Entry::new(0x8769, LONG, exif_offset.to_le_bytes().to_vec()),
    ];
    let exif = [
        Entry::new(0x920a, RATIONAL, rational([focal_um, 1000])),
        Entry::new(0xa002, LONG, width.to_le_bytes().to_vec()),
        Entry::new(0xa003, LONG, height.to_le_bytes().to_vec()),
        Entry::new(0xa20e, RATIONAL, rational(px_per_cm)),
        Entry::new(0xa20f, RATIONAL, rational(px_per_cm)),
        Entry::new(0xa210, SHORT, 3_u16.to_le_bytes().to_vec()),
    ];
    put_directory(&mut tiff, &ifd0);
    put_directory(&mut tiff, &exif);
    tiff
}

struct Entry {
    tag: u16,
    format: u16,
    value: Vec<u8>,
}

impl Entry {
    fn new(tag: u16, format: u16, value: Vec<u8>) -> Self {
        Self { tag, format, value }
    }

    fn count(&self) -> u32 {
        let value_bytes = match self.format {
            ASCII => 1,
            SHORT => 2,
            LONG => 4,
            _ => 8,
        };
        self.value.len() as u32 / value_bytes
    }
}

fn rational([numerator, denominator]: [u32; 2]) -> Vec<u8> {
    [numerator.to_le_bytes(), denominator.to_le_bytes()].concat()
}

fn directory_bytes(num_entries: u32) -> u32 {
    2 + num_entries * ENTRY_BYTES + 4
}

/// Appends a directory and, behind it, the values that do not fit into its entries.
fn put_directory(tiff: &mut Vec<u8>, entries: &[Entry]) {
    let mut value_offset = tiff.len() as u32 + directory_bytes(entries.len() as u32);
    let mut values = Vec::new();
    tiff.extend((entries.len() as u16).to_le_bytes());
    for entry in entries {
        tiff.extend(entry.tag.to_le_bytes());
        tiff.extend(entry.format.to_le_bytes());
        tiff.extend(entry.count().to_le_bytes());
        if entry.value.len() <= 4 {
            let mut inline = [0; 4];
            inline[..entry.value.len()].copy_from_slice(&entry.value);
            tiff.extend(inline);
        } else {
            tiff.extend(value_offset.to_le_bytes());
            value_offset += entry.value.len() as u32;
            values.extend_from_slice(&entry.value);
        }
    }
    tiff.extend([0; 4]);
    tiff.extend(values);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exif_reader_finds_the_focal_length() {
        let jpeg = with_focal(&[0xff, 0xd8, 0xff, 0xd9], [1024, 768], 870.4);
        let exif = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(jpeg)).unwrap();
        let rational = |tag| match &exif.get_field(tag, exif::In::PRIMARY).unwrap().value {
            exif::Value::Rational(values) => values[0].to_f64(),
            other => panic!("{other:?}"),
        };
        let (focal_mm, px_per_cm) = (rational(exif::Tag::FocalLength), rational(exif::Tag::FocalPlaneXResolution));
        assert!((focal_mm * px_per_cm / 10.0 - 870.4).abs() < 0.02, "{focal_mm} mm at {px_per_cm} px/cm");
        let model = exif.get_field(exif::Tag::Model, exif::In::PRIMARY).unwrap();
        assert_eq!(model.display_value().to_string(), "\"synthetic\"");
    }
}
