//! Images as the networks take them, and their padding.

/// Sides are padded to multiples of this: the encoder halves five times.
const SIDE_MULTIPLE: usize = 32;

/// `[height, width, 3] u8`, RGB.
#[derive(Debug, Clone, Copy)]
pub struct RgbImage<'a> {
    /// Row-major pixels.
    pub pixels: &'a [u8],
    /// px
    pub height: usize,
    /// px
    pub width: usize,
}

impl RgbImage<'_> {
    /// Pixels of a row.
    #[must_use]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.pixels[3 * y * self.width..][..3 * self.width]
    }
}

/// Replicated pixels around an image, half of them before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// Height with padding, px.
    pub height: usize,
    /// Width with padding, px.
    pub width: usize,
    /// Rows above the image.
    pub top: usize,
    /// Columns left of the image.
    pub left: usize,
}

impl Padding {
    /// Padding of an image of these sides.
    #[must_use]
    pub fn of(height: usize, width: usize) -> Self {
        let padded = |side: usize| side.next_multiple_of(SIDE_MULTIPLE);
        let before = |side: usize| (padded(side) - side) / 2;
        Self { height: padded(height), width: padded(width), top: before(height), left: before(width) }
    }
}
