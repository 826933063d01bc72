//! Takes the distortion of a known camera out of a photo.

use image::{Rgb, RgbImage};
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use scene3d_scene::Camera;

/// The photo that the pinhole camera with the same focal lengths and principal point would have taken, of the same size;
/// black where `camera` saw nothing. Interpolated bilinearly.
pub(super) fn undistorted(photo: &RgbImage, camera: &Camera) -> RgbImage {
    let ([fx, fy], [cx, cy]) = (camera.focal(), camera.principal_point());
    let (width, height) = photo.dimensions();
    let mut pixels = vec![0_u8; photo.as_raw().len()];
    pixels.par_chunks_mut(3 * width.max(1) as usize).enumerate().for_each(|(row, line)| {
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            // pixel centres are at halves
            let ray = Vector3::new((column as f64 + 0.5 - cx) / fx, (row as f64 + 0.5 - cy) / fy, 1.0);
            let seen_at = camera.project(&ray).and_then(|px| sample(photo, px));
            pixel.copy_from_slice(&seen_at.unwrap_or([0; 3]));
        }
    });
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// Colour at a pixel coordinate; `None` outside. Towards the border it is that of the nearest pixel's centre.
fn sample(photo: &RgbImage, px: Vector2<f64>) -> Option<[u8; 3]> {
    let (width, height) = photo.dimensions();
    let inside = |at: f64, side: u32| (0.0..=f64::from(side)).contains(&at);
    if !inside(px.x, width) || !inside(px.y, height) {
        return None;
    }
    let clamped = |at: f64, side: u32| (at - 0.5).clamp(0.0, f64::from(side - 1));
    let (x, y) = (clamped(px.x, width), clamped(px.y, height));
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (right_share, bottom_share) = (x.fract(), y.fract());
    let mix = |channel: usize| {
        let at = |column, row| {
            let Rgb(color) = photo.get_pixel(column, row);
            f64::from(color[channel])
        };
        let line = |row| at(left, row) * (1.0 - right_share) + at(right, row) * right_share;
        (line(top) * (1.0 - bottom_share) + line(bottom) * bottom_share).round() as u8
    };
    Some([0, 1, 2].map(mix))
}
