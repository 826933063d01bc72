//! The finest detail of an image, at its stored size: sharpness and noise.
//!
//! Both live in differences of neighbouring pixels, which averaging takes away: reduced to a fourth, an image blurred by
//! two pixels is as sharp as before, and noise of four levels is one. What they say therefore depends on the resolution,
//! and a change of resolution changes them, as it should.

use std::f64::consts::FRAC_PI_2;

use super::{Pixels, luma};

/// Rows of larger images are measured only as far as this goes: four million differences tell the same as forty.
const MAX_MEASURED_PX: usize = 4_000_000;

/// Sharpness and noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detail {
    /// Variance of the 4-neighbour Laplacian of luma (Pech-Pacheco et al., ICPR 2000).
    pub sharpness: f64,
    /// Standard deviation of noise (Immerkær, "Fast Noise Variance Estimation", CVIU 64(2), 1996).
    pub noise: f64,
}

impl Detail {
    /// Zero for images of fewer than three rows or columns.
    pub fn of(pixels: &Pixels<'_>) -> Self {
        let [width, height] = pixels.size;
        if width < 3 || height < 3 {
            return Self { sharpness: 0.0, noise: 0.0 };
        }
        let step = (width * height).div_ceil(MAX_MEASURED_PX);
        let mut sums = Sums::default();
        let mut rows = [const { Vec::new() }; 3];
        for y in (1..height - 1).step_by(step) {
            for (row, y) in rows.iter_mut().zip(y - 1..) {
                row.clear();
                row.extend(pixels.row(y).map(|pixel| luma(pixel.map(f32::from))));
            }
            sums.add([&rows[0], &rows[1], &rows[2]]);
        }
        sums.detail()
    }
}

#[derive(Default)]
struct Sums {
    count: f64,
    laplacian: f64,
    laplacian_squared: f64,
    noise: f64,
}

impl Sums {
    fn add(&mut self, [above, here, below]: [&[f32]; 3]) {
        for x in 1..here.len() - 1 {
            let cross = above[x] + below[x] + here[x - 1] + here[x + 1];
            let corners = above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1];
            let laplacian = f64::from(cross - 4.0 * here[x]);
            self.laplacian += laplacian;
            self.laplacian_squared += laplacian * laplacian;
            // the difference of two Laplacians, which a straight edge leaves at zero
            self.noise += f64::from((corners - 2.0 * cross + 4.0 * here[x]).abs());
        }
        self.count += (here.len() - 2) as f64;
    }

    fn detail(&self) -> Detail {
        let sharpness = self.laplacian_squared / self.count - (self.laplacian / self.count).powi(2);
        Detail { sharpness: sharpness.max(0.0), noise: FRAC_PI_2.sqrt() * self.noise / (6.0 * self.count) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::random::SplitMix64;
    use super::*;

    fn detail(size: [u32; 2], grey: impl Fn(u32, u32) -> u8) -> Detail {
        let at = |index| [grey(index % size[0], index / size[0]); 3];
        let bytes: Vec<u8> = (0..size[0] * size[1]).flat_map(at).collect();
        Detail::of(&Pixels::new(&bytes, size).unwrap())
    }

    #[test]
    fn a_plane_and_a_ramp_have_no_detail() {
        for detail in [detail([32, 24], |_, _| 99), detail([32, 24], |x, y| (3 * x + 5 * y) as u8)] {
            assert!(detail.sharpness < 1e-6 && detail.noise < 1e-4, "{detail:?}");
        }
        assert_eq!(detail([2, 9], |x, _| x as u8), Detail { sharpness: 0.0, noise: 0.0 });
    }

    #[test]
    fn sharpness_is_the_variance_of_the_laplacian() {
        // one bright pixel: the Laplacian is -400 there, 100 at four neighbours, 0 at the 11 others inside
        let found = detail([6, 6], |x, y| if (x, y) == (2, 3) { 100 } else { 0 });
        let expected = (400.0_f64.powi(2) + 4.0 * 100.0_f64.powi(2)) / 16.0;
        assert!((found.sharpness - expected).abs() < 1e-2, "{found:?}");
    }

    #[test]
    fn noise_is_that_which_was_added() {
        for sigma in [2.0, 5.0] {
            let mut random = SplitMix64::new(7);
            let mut gaussian = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
            let noise: Vec<f64> = (0..300 * 200).map(|_| sigma * gaussian()).collect();
            let grey = |x: u32, y: u32| (100.0 + 0.2 * f64::from(x) + noise[(y * 300 + x) as usize]).round() as u8;
            let found = detail([300, 200], grey).noise;
            assert!((found / sigma - 1.0).abs() < 0.05, "{found} of {sigma}");
        }
    }

    #[test]
    fn large_images_are_measured_in_part_and_tell_the_same() {
        let grey = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)) >> 9) as u8;
        let (part, small) = (detail([3000, 3000], grey), detail([1000, 1000], grey));
        assert!((part.sharpness / small.sharpness - 1.0).abs() < 0.05, "{part:?} {small:?}");
    }
}
