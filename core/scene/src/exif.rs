//! A minimal EXIF block: make, model and the focal length.
//!
//! Layout: Exif 2.32 (CIPA DC-008) over TIFF 6.0. The focal length is stated in mm with the resolution of the focal
//! plane, which is exact; the 35 mm equivalent would be rounded to whole millimetres.

/// Width of the sensor that we state: full frame.
const SENSOR_WIDTH_MM: u32 = 36;

const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const ENTRY_BYTES: u32 = 12;
/// Values of at most so many bytes stand in their entry.
const INLINE_BYTES: usize = 4;
/// Size of the TIFF header, where the first directory starts.
const IFD0_OFFSET: u32 = 8;

/// What an image's EXIF says of its camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CameraExif<'a> {
    /// Who made it.
    pub make: Option<&'a str>,
    /// What it is called.
    pub model: Option<&'a str>,
    /// `[width, height]` of the image in px.
    pub image_size: [u32; 2],
    /// Focal length in px of that image.
    pub focal_px: Option<f64>,
}

impl CameraExif<'_> {
    /// The block from its TIFF header on, as encoders of image files take it.
    #[must_use]
    pub fn to_tiff(&self) -> Vec<u8> {
        let text = |tag, text: Option<&str>| text.map(|text| Entry::new(tag, ASCII, format!("{text}\0").into_bytes()));
        let mut ifd0: Vec<Entry> = [text(0x010f, self.make), text(0x0110, self.model)].into_iter().flatten().collect();
        let exif = self.focal_px.map(|focal_px| focal_entries(self.image_size, focal_px));
        if exif.is_some() {
            let outside_bytes: usize =
                ifd0.iter().map(|entry| entry.value.len()).filter(|len| *len > INLINE_BYTES).sum();
            let exif_offset = IFD0_OFFSET + directory_bytes(ifd0.len() as u32 + 1) + outside_bytes as u32;
            ifd0.push(Entry::new(0x8769, LONG, exif_offset.to_le_bytes().to_vec()));
        }
        let mut tiff = b"II*\0".to_vec();
        tiff.extend(IFD0_OFFSET.to_le_bytes());
        put_directory(&mut tiff, &ifd0);
        if let Some(exif) = exif {
            put_directory(&mut tiff, &exif);
        }
        tiff
    }

    /// A JPEG file without EXIF, with this block.
    #[must_use]
    pub fn into_jpeg(&self, jpeg: &[u8]) -> Vec<u8> {
        let tiff = self.to_tiff();
        let segment_bytes = (2 + 6 + tiff.len()) as u16;
        let (start_of_image, rest) = jpeg.split_at(jpeg.len().min(2));
        [start_of_image, &[0xff, 0xe1], &segment_bytes.to_be_bytes(), b"Exif\0\0", &tiff, rest].concat()
    }
}

fn focal_entries([width, height]: [u32; 2], focal_px: f64) -> [Entry; 6] {
    let focal_um = (focal_px * f64::from(SENSOR_WIDTH_MM) * 1000.0 / f64::from(width)).round() as u32;
    // focal plane unit 3 is the centimetre
    let px_per_cm = [width * 10, SENSOR_WIDTH_MM];
    [
        Entry::new(0x920a, RATIONAL, rational([focal_um, 1000])),
        Entry::new(0xa002, LONG, width.to_le_bytes().to_vec()),
        Entry::new(0xa003, LONG, height.to_le_bytes().to_vec()),
        Entry::new(0xa20e, RATIONAL, rational(px_per_cm)),
        Entry::new(0xa20f, RATIONAL, rational(px_per_cm)),
        Entry::new(0xa210, SHORT, 3_u16.to_le_bytes().to_vec()),
    ]
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
        if entry.value.len() <= INLINE_BYTES {
            let mut inline = [0; INLINE_BYTES];
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

    fn read(tiff: Vec<u8>) -> exif::Exif {
        exif::Reader::new().read_raw(tiff).unwrap()
    }

    #[test]
    fn an_exif_reader_finds_the_focal_length() {
        let camera = CameraExif {
            make: Some("scene3d"),
            model: Some("synthetic"),
            image_size: [1024, 768],
            focal_px: Some(870.4),
        };
        let jpeg = camera.into_jpeg(&[0xff, 0xd8, 0xff, 0xd9]);
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

    #[test]
    fn what_is_not_known_is_left_out_and_short_names_fit_into_their_entry() {
        let camera = CameraExif { make: None, model: Some("X1"), image_size: [640, 480], focal_px: Some(500.0) };
        let exif = read(camera.to_tiff());
        assert!(exif.get_field(exif::Tag::Make, exif::In::PRIMARY).is_none());
        let model = exif.get_field(exif::Tag::Model, exif::In::PRIMARY).unwrap();
        assert_eq!(model.display_value().to_string(), "\"X1\"");
        assert!(exif.get_field(exif::Tag::FocalLength, exif::In::PRIMARY).is_some());
        let without_focal = read(CameraExif { focal_px: None, ..camera }.to_tiff());
        assert!(without_focal.get_field(exif::Tag::FocalLength, exif::In::PRIMARY).is_none());
    }
}
