//! Made-up photos with the variety of real ones: size, exposure, texture, edges, colour, noise. And what may go wrong
//! with them.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scene3d_monitor::drift::ImageStatistics;

const LONG_SIDES_PX: [u32; 4] = [480, 520, 560, 640];
const OCTAVES: [usize; 5] = [3, 6, 14, 32, 80];

/// Pixels `[h, w, 3]`, RGB.
#[derive(Clone)]
pub struct Photo {
    pub pixels: Vec<u8>,
    pub size: [u32; 2],
}

/// What goes wrong with a whole set of photos.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Darker,
    Blurred,
    HalfResolution,
}

impl Photo {
    /// One of the population; the same for the same number.
    pub fn taken(number: u64) -> Self {
        let mut random = StdRng::seed_from_u64(number);
        let long = LONG_SIDES_PX[random.random_range(0..LONG_SIDES_PX.len())];
        let size = if random.random_bool(0.7) { [long, long * 3 / 4] } else { [long * 3 / 4, long] };
        let scene = Scene::new(&mut random);
        let noise = random.random_range(0.8..4.0);
        let mut pixels = Vec::with_capacity((size[0] * size[1] * 3) as usize);
        for y in 0..size[1] {
            for x in 0..size[0] {
                let color = scene.color([x, y].map(|px| px as f32 / long as f32));
                let grain: f32 = (0..3).map(|_| random.random_range(-1.0..1.0_f32)).sum();
                pixels.extend(color.map(|channel| (255.0 * channel + noise * grain).round().clamp(0.0, 255.0) as u8));
            }
        }
        Self { pixels, size }
    }

    pub fn statistics(&self) -> ImageStatistics {
        match ImageStatistics::measure(&self.pixels, self.size) {
            Ok(statistics) => statistics,
            Err(error) => unreachable!("{error}"),
        }
    }

    pub fn with(&self, fault: Fault) -> Self {
        match fault {
            Fault::Darker => {
                let darker = self.pixels.iter().map(|value| (0.7 * f32::from(*value)).round() as u8);
                Self { pixels: darker.collect(), size: self.size }
            }
            Fault::Blurred => self.blurred(2.0),
            Fault::HalfResolution => self.halved(),
        }
    }

    fn blurred(&self, sigma_px: f32) -> Self {
        let radius = (3.0 * sigma_px).ceil() as i64;
        let weights: Vec<f32> =
            (-radius..=radius).map(|d| (-((d * d) as f32) / (2.0 * sigma_px * sigma_px)).exp()).collect();
        let total: f32 = weights.iter().sum();
        let [width, height] = self.size.map(i64::from);
        let source: Vec<f32> = self.pixels.iter().map(|value| f32::from(*value)).collect();
        let pass = |source: &[f32], [along_x, along_y]: [i64; 2]| -> Vec<f32> {
            let at = |x: i64, y: i64, channel: i64| {
                let tap = |(weight, d): (&f32, i64)| {
                    let (x, y) = ((x + d * along_x).clamp(0, width - 1), (y + d * along_y).clamp(0, height - 1));
                    weight * source[((y * width + x) * 3 + channel) as usize]
                };
                weights.iter().zip(-radius..).map(tap).sum::<f32>() / total
            };
            (0..height * width * 3).map(|i| at(i / 3 % width, i / 3 / width, i % 3)).collect()
        };
        let blurred = pass(&pass(&source, [1, 0]), [0, 1]);
        Self { pixels: blurred.into_iter().map(|value| value.round() as u8).collect(), size: self.size }
    }

    fn halved(&self) -> Self {
        let [width, height] = self.size.map(|side| side as usize / 2);
        let stride = self.size[0] as usize;
        let mean = |i: usize| {
            let (x, y, channel) = (i / 3 % width * 2, i / 3 / width * 2, i % 3);
            let at = |x: usize, y: usize| u32::from(self.pixels[(y * stride + x) * 3 + channel]);
            ((at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1) + 2) / 4) as u8
        };
        Self { pixels: (0..width * height * 3).map(mean).collect(), size: [width as u32, height as u32] }
    }
}

/// Noise at several scales, plates with edges, light from one side.
struct Scene {
    grids: Vec<(usize, f32, Vec<f32>)>,
    plates: Vec<Plate>,
    tint: [f32; 3],
    exposure: f32,
    slope: [f32; 2],
}

struct Plate {
    from: [f32; 2],
    to: [f32; 2],
    color: [f32; 3],
}

impl Scene {
    fn new(random: &mut StdRng) -> Self {
        let roughness = random.random_range(0.55..0.85_f32);
        let amplitude = random.random_range(0.15..0.45_f32);
        let grid = |(octave, side): (usize, usize), random: &mut StdRng| {
            let values = (0..(side + 2) * (side + 2)).map(|_| random.random_range(-1.0..1.0_f32)).collect();
            (side, amplitude * roughness.powi(octave as i32), values)
        };
        let num_plates = random.random_range(2..14);
        Self {
            grids: OCTAVES.into_iter().enumerate().map(|octave| grid(octave, random)).collect(),
            plates: (0..num_plates).map(|_| Plate::new(random)).collect(),
            tint: [0, 1, 2].map(|_| random.random_range(0.75..1.1)),
            exposure: 2.0_f32.powf(random.random_range(-0.75..0.75)),
            slope: [0, 1].map(|_| random.random_range(-0.25..0.25)),
        }
    }

    /// Linear in 0 to 1 before it is clamped; `at` is in long sides.
    fn color(&self, at: [f32; 2]) -> [f32; 3] {
        let grain: f32 = self.grids.iter().map(|(side, weight, values)| weight * interpolated(*side, values, at)).sum();
        let light = 0.45 + grain + self.slope[0] * (at[0] - 0.5) + self.slope[1] * (at[1] - 0.5);
        let base = self.plates.iter().rev().find(|plate| plate.holds(at)).map_or(self.tint, |plate| plate.color);
        base.map(|channel| (self.exposure * channel * light).clamp(0.0, 1.0))
    }
}

impl Plate {
    fn new(random: &mut StdRng) -> Self {
        let from = [0, 1].map(|_| random.random_range(0.0..0.9_f32));
        let to = from.map(|start| start + random.random_range(0.05..0.4));
        let brightness = random.random_range(0.4..1.4_f32);
        Self { from, to, color: [0, 1, 2].map(|_| brightness * random.random_range(0.6..1.2_f32)) }
    }

    fn holds(&self, at: [f32; 2]) -> bool {
        (0..2).all(|axis| (self.from[axis]..self.to[axis]).contains(&at[axis]))
    }
}

fn interpolated(side: usize, values: &[f32], at: [f32; 2]) -> f32 {
    let [x, y] = at.map(|along| along * side as f32);
    let (column, row) = (x as usize, y as usize);
    let [fx, fy] = [x - column as f32, y - row as f32];
    let at = |dx: usize, dy: usize| values[(row + dy) * (side + 2) + column + dx];
    let top = at(0, 0) + fx * (at(1, 0) - at(0, 0));
    let bottom = at(0, 1) + fx * (at(1, 1) - at(0, 1));
    top + fy * (bottom - top)
}
