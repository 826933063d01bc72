//! How an image looks: brightness, contrast, entropy and colour, at a reduced size.
//!
//! Blocks of pixels are averaged until the long side is at most [`LONG_SIDE_PX`], so that images of any resolution are
//! compared at about the same one, and noise does not count as contrast, entropy or colour.

use super::{Pixels, luma};

/// Long side to which images are reduced.
const LONG_SIDE_PX: usize = 512;
const NUM_LEVELS: usize = 256;

/// Brightness, contrast and colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Appearance {
    /// Mean luma.
    pub brightness: f64,
    /// Standard deviation of luma.
    pub contrast: f64,
    /// Entropy of the histogram of luma, bits.
    pub entropy: f64,
    /// M3 of Hasler and Süsstrunk, "Measuring colourfulness in natural images", Human Vision and Electronic Imaging
    /// 2003.
    pub colourfulness: f64,
    /// Mean saturation of HSV.
    pub saturation: f64,
}

impl Appearance {
    /// Of at least one pixel.
    pub fn of(pixels: &Pixels<'_>) -> Self {
        let side = pixels.size[0].max(pixels.size[1]).div_ceil(LONG_SIDE_PX);
        // a strip thinner than a block is a block
        let block = pixels.size.map(|length| side.min(length));
        let mut tally = Tally::new();
        let mut sums = vec![[0_u32; 3]; pixels.size[0] / block[0]];
        for top in (0..=pixels.size[1] - block[1]).step_by(block[1]) {
            sums.fill([0; 3]);
            for y in top..top + block[1] {
                add_row(&mut sums, pixels.row(y), block[0]);
            }
            let num_pixels = (block[0] * block[1]) as f32;
            sums.iter().for_each(|sum| tally.add(sum.map(|channel| channel as f32 / num_pixels)));
        }
        tally.appearance()
    }
}

fn add_row(sums: &mut [[u32; 3]], row: impl Iterator<Item = [u8; 3]>, block: usize) {
    let mut row = row;
    for sum in sums {
        for pixel in row.by_ref().take(block) {
            sum.iter_mut().zip(pixel).for_each(|(sum, channel)| *sum += u32::from(channel));
        }
    }
}

/// Sum and sum of squares.
#[derive(Default)]
struct Moments {
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f32) {
        let value = f64::from(value);
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self, count: f64) -> f64 {
        self.sum / count
    }

    fn variance(&self, count: f64) -> f64 {
        (self.squares / count - self.mean(count).powi(2)).max(0.0)
    }
}

struct Tally {
    histogram: [u32; NUM_LEVELS],
    luma: Moments,
    red_green: Moments,
    yellow_blue: Moments,
    saturation: f64,
}

impl Tally {
    fn new() -> Self {
        Self {
            histogram: [0; NUM_LEVELS],
            luma: Moments::default(),
            red_green: Moments::default(),
            yellow_blue: Moments::default(),
            saturation: 0.0,
        }
    }

    fn add(&mut self, [r, g, b]: [f32; 3]) {
        let luma = luma([r, g, b]);
        self.luma.add(luma);
        self.histogram[(luma.round() as usize).min(NUM_LEVELS - 1)] += 1;
        self.red_green.add(r - g);
        self.yellow_blue.add(0.5 * (r + g) - b);
        let (max, min) = (r.max(g).max(b), r.min(g).min(b));
        self.saturation += if max > 0.0 { f64::from((max - min) / max) } else { 0.0 };
    }

    fn appearance(&self) -> Appearance {
        let count = f64::from(self.histogram.iter().sum::<u32>());
        let share = |level: &u32| f64::from(*level) / count;
        let spread = (self.red_green.variance(count) + self.yellow_blue.variance(count)).sqrt();
        let offset = self.red_green.mean(count).hypot(self.yellow_blue.mean(count));
        Appearance {
            brightness: self.luma.mean(count),
            contrast: self.luma.variance(count).sqrt(),
            entropy: self
                .histogram
                .iter()
                .filter(|level| **level > 0)
                .map(|level| -share(level) * share(level).log2())
                .sum(),
            colourfulness: spread + 0.3 * offset,
            saturation: self.saturation / count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appearance(size: [u32; 2], color: impl Fn(u32, u32) -> [u8; 3]) -> Appearance {
        let bytes: Vec<u8> = (0..size[0] * size[1]).flat_map(|index| color(index % size[0], index / size[0])).collect();
        Appearance::of(&Pixels::new(&bytes, size).unwrap())
    }

    fn check_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-4, "{found}, expected {expected}");
    }

    #[test]
    fn grey_has_brightness_alone() {
        let found = appearance([20, 10], |_, _| [77; 3]);
        check_close(found.brightness, 77.0);
        for nothing in [found.contrast, found.entropy, found.colourfulness, found.saturation] {
            check_close(nothing, 0.0);
        }
    }

    #[test]
    fn black_and_white_have_contrast_and_one_bit() {
        let found = appearance([20, 10], |x, _| [if x % 2 == 0 { 0 } else { 255 }; 3]);
        check_close(found.brightness, 127.5);
        check_close(found.contrast, 127.5);
        check_close(found.entropy, 1.0);
    }

    #[test]
    fn four_equal_levels_have_two_bits() {
        check_close(appearance([8, 8], |x, _| [10 * (x % 4) as u8; 3]).entropy, 2.0);
    }

    #[test]
    fn colour_is_measured_as_in_the_papers() {
        let red = appearance([4, 4], |_, _| [200, 0, 0]);
        check_close(red.saturation, 1.0);
        // no spread; the offset is (200, 100)
        check_close(red.colourfulness, 0.3 * 200.0_f64.hypot(100.0));
        let red_and_green = appearance([4, 4], |x, _| if x % 2 == 0 { [200, 0, 0] } else { [0, 200, 0] });
        // red-green is +-200, yellow-blue 100 everywhere
        check_close(red_and_green.colourfulness, 200.0 + 0.3 * 100.0);
        check_close(appearance([4, 4], |_, _| [200, 150, 100]).saturation, 0.5);
    }

    #[test]
    fn resolution_does_not_count_as_drift_of_appearance() {
        let wave =
            |x: f32, y: f32| [(127.0 + 60.0 * (x * 9.0).sin()) as u8, (120.0 + 50.0 * (y * 7.0).cos()) as u8, 90];
        let at = |long: u32| appearance([long, long / 2], |x, y| wave(x as f32 / long as f32, y as f32 / long as f32));
        let (large, small) = (at(2000), at(1000));
        assert!((large.brightness - small.brightness).abs() < 0.2, "{large:?} {small:?}");
        assert!((large.contrast - small.contrast).abs() < 0.2, "{large:?} {small:?}");
        assert!((large.colourfulness - small.colourfulness).abs() < 0.2, "{large:?} {small:?}");
    }

    #[test]
    fn thin_images_are_measured() {
        check_close(appearance([3000, 1], |_, _| [40; 3]).brightness, 40.0);
        check_close(appearance([1, 3000], |_, _| [40; 3]).brightness, 40.0);
    }
}
