//! What a photo's EXIF says of its camera: orientation, focal length, device.

use exif::{In, Reader, Tag, Value};

/// Diagonal of a 36 x 24 mm frame, to which `FocalLengthIn35mmFilm` refers (CIPA DCG-001).
const DIAGONAL_35MM_MM: f64 = 43.266_615;

/// Facts from EXIF; what is absent or malformed is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ExifFacts {
    /// EXIF orientation 1 to 8; 1 when absent.
    pub orientation: u16,
    /// Focal length in px of an image of the stored size.
    pub focal_px: Option<f64>,
    /// Make and model.
    pub device: Option<String>,
}

/// Reads the facts of an image file's bytes; `stored_size` is `[width, height]` before orientation.
pub(crate) fn read_exif(bytes: &[u8], stored_size: [u32; 2]) -> ExifFacts {
    let Ok(exif) = Reader::new().read_from_container(&mut std::io::Cursor::new(bytes)) else {
        return ExifFacts { orientation: 1, ..ExifFacts::default() };
    };
    let number = |tag| exif.get_field(tag, In::PRIMARY).and_then(|field| positive(&field.value));
    let text = |tag| exif.get_field(tag, In::PRIMARY).and_then(|field| ascii(&field.value));
    let orientation = number(Tag::Orientation).map_or(1, |value| value as u16);
    let [make, model] = [text(Tag::Make), text(Tag::Model)];
    ExifFacts {
        orientation: if (1..=8).contains(&orientation) { orientation } else { 1 },
        focal_px: focal_from_plane(&number, stored_size).or_else(|| focal_from_35mm(&number, stored_size)),
        device: (make.is_some() || model.is_some())
            .then(|| [make, model].into_iter().flatten().collect::<Vec<_>>().join(" ")),
    }
}

/// Focal length and the sensor's pixel pitch; only if the image was not resized since.
fn focal_from_plane(number: &impl Fn(Tag) -> Option<f64>, stored_size: [u32; 2]) -> Option<f64> {
    const INCH: f64 = 2.0;
    const CENTIMETRE: f64 = 3.0;
    let mm_per_unit = match number(Tag::FocalPlaneResolutionUnit)? {
        INCH => 25.4,
        CENTIMETRE => 10.0,
        _ => return None,
    };
    let is_resized = number(Tag::PixelXDimension) != Some(f64::from(stored_size[0]));
    let px_per_mm = number(Tag::FocalPlaneXResolution)? / mm_per_unit;
    (!is_resized).then_some(number(Tag::FocalLength)? * px_per_mm)
}

fn focal_from_35mm(number: &impl Fn(Tag) -> Option<f64>, [width, height]: [u32; 2]) -> Option<f64> {
    let diagonal_px = f64::from(width).hypot(f64::from(height));
    number(Tag::FocalLengthIn35mmFilm).map(|focal_mm| focal_mm / DIAGONAL_35MM_MM * diagonal_px)
}

fn positive(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Rational(list) => list.first()?.to_f64(),
        Value::Short(list) => f64::from(*list.first()?),
        Value::Long(list) => f64::from(*list.first()?),
        _ => return None,
    };
    (number.is_finite() && number > 0.0).then_some(number)
}

fn ascii(value: &Value) -> Option<String> {
    let Value::Ascii(list) = value else { return None };
    let text = String::from_utf8_lossy(list.first()?).trim_matches(['\0', ' ']).to_owned();
    (!text.is_empty()).then_some(text)
}
