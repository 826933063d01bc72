//! The half-pixel rule, in one place.
//!
//! Our pixel coordinates are COLMAP's: the image spans `[0, width] x [0, height]` and the centre of the top-left pixel is
//! `(0.5, 0.5)`. Networks count from the centre: the same pixel is `(0, 0)`. Resizing an image scales the span, so it
//! is exact only in coordinates of the span (cf. `hloc/extract_features.py`, which writes it out by hand).

/// Pixel coordinate of a pixel index (`0` is the centre of the first pixel) in our convention.
#[must_use]
pub fn from_index(index: f32) -> f32 {
    index + 0.5
}

/// Pixel index (`0` is the centre of the first pixel) of a coordinate in our convention.
#[must_use]
pub fn to_index(px: f32) -> f32 {
    px - 0.5
}

/// Coordinate in an image of `to_size` of a coordinate in the same image resized to `from_size`, one axis.
#[must_use]
pub fn rescale(px: f32, from_size: u32, to_size: u32) -> f32 {
    // in f64: at 20,000 px an f32 product would round at 1e-3 px
    (f64::from(px) * f64::from(to_size) / f64::from(from_size)) as f32
}

/// `[width, height]` when the long side is reduced to at most `max_long_side`; never enlarges, never below 1 px.
#[must_use]
pub fn fit_long_side(image_size: [u32; 2], max_long_side: u32) -> [u32; 2] {
    let long_side = image_size[0].max(image_size[1]);
    if long_side <= max_long_side {
        return image_size;
    }
    let scale = f64::from(max_long_side) / f64::from(long_side);
    image_size.map(|side| ((f64::from(side) * scale).round() as u32).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resized_keypoint_returns_to_its_place() {
        // a 4 px wide image halved: the first small pixel covers the first two large ones, its centre is at 1.0
        assert_eq!(rescale(from_index(0.0), 2, 4), 1.0);
        assert_eq!(to_index(rescale(from_index(0.0), 2, 4)), 0.5);
        for x in [0.5, 17.25, 1023.5] {
            assert!((rescale(rescale(x, 1024, 1536), 1536, 1024) - x).abs() < 1e-4);
        }
    }

    #[test]
    fn the_long_side_is_reduced_and_never_enlarged() {
        assert_eq!(fit_long_side([1536, 1024], 1024), [1024, 683]);
        assert_eq!(fit_long_side([640, 480], 1024), [640, 480]);
        assert_eq!(fit_long_side([20_000, 1], 1024), [1024, 1]);
    }
}
