//! Statistics of pixels: how an image looks, and its finest detail.

mod appearance;
mod detail;

pub use appearance::Appearance;
pub use detail::Detail;

use crate::MonitorError;

/// Pixels `[h, w, 3]`, RGB.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    bytes: &'a [u8],
    /// `[width, height]` in px.
    pub size: [usize; 2],
}

impl<'a> Pixels<'a> {
    /// At least one pixel, of that `[width, height]`.
    pub fn new(bytes: &'a [u8], size: [u32; 2]) -> Result<Self, MonitorError> {
        let sides = size.map(|side| side as usize);
        let expected = sides[0].checked_mul(sides[1]).and_then(|num_pixels| num_pixels.checked_mul(3));
        if bytes.is_empty() || expected != Some(bytes.len()) {
            return Err(MonitorError::Pixels { num_bytes: bytes.len(), size });
        }
        Ok(Self { bytes, size: sides })
    }

    /// The pixels of a row.
    pub fn row(&self, y: usize) -> impl Iterator<Item = [u8; 3]> {
        let stride = 3 * self.size[0];
        self.bytes[y * stride..][..stride].chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]])
    }
}

/// Luma of BT.601, on the scale of the channels.
pub fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}
