//! From light to an 8-bit image: lens blur, vignetting, exposure, the tone curve and noise.

use rayon::prelude::*;

use super::SceneSpec;
use super::noise::Random;

/// Gaussian blur of linear RGB `[H * W]`, borders replicated.
pub(super) fn blur(radiance: &mut Vec<[f32; 3]>, image_size: [u32; 2], sigma_px: f32) {
    let radius = (3.0 * sigma_px).ceil() as i64;
    let weights: Vec<f32> = (-radius..=radius).map(|d| (-0.5 * (d as f32 / sigma_px).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    let [width, height] = image_size.map(i64::from);
    for [step_x, step_y] in [[1, 0], [0, 1]] {
        let tap = |x: i64, y: i64, d: i64| {
            let (x, y) = ((x + d * step_x).clamp(0, width - 1), (y + d * step_y).clamp(0, height - 1));
            radiance[(y * width + x) as usize]
        };
        let blurred = (0..width * height).into_par_iter().map(|index| {
            let mut total = [0.0; 3];
            for (weight, d) in weights.iter().zip(-radius..=radius) {
                let color = tap(index % width, index / width, d);
                total = std::array::from_fn(|c| total[c] + weight / sum * color[c]);
            }
            total
        });
        *radiance = blurred.collect();
    }
}

/// RGB bytes `[H * W * 3]` of linear RGB `[H * W]`, as the camera takes image `index`.
pub(super) fn develop(radiance: &[[f32; 3]], spec: &SceneSpec, index: usize) -> Vec<u8> {
    let seed = spec.seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(index as u64 + 1);
    let stops = Random::new(seed).uniform(-spec.exposure_change, spec.exposure_change);
    let exposure = stops.exp2();
    let [width, height] = spec.image_size.map(|side| side as f32);
    let corner2 = (width * width + height * height) / 4.0;
    let mut rgb = vec![0; radiance.len() * 3];
    rgb.par_chunks_mut(3).zip(radiance).enumerate().for_each(|(index, (rgb, color))| {
        let (x, y) = (index as u32 % spec.image_size[0], index as u32 / spec.image_size[0]);
        let (dx, dy) = (x as f32 + 0.5 - width / 2.0, y as f32 + 0.5 - height / 2.0);
        let gain = exposure * (1.0 - spec.vignetting * (dx * dx + dy * dy) / corner2);
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ ((index as u64) << 20));
        for (byte, channel) in rgb.iter_mut().zip(color) {
            let level = 255.0 * tone(channel * gain) + spec.noise * random.normal();
            *byte = level.round().clamp(0.0, 255.0) as u8;
        }
    });
    rgb
}

/// Display gamma 2.2 with a soft shoulder, so that highlights keep their texture.
fn tone(linear: f32) -> f32 {
    let compressed = linear * (1.0 + linear / 2.25) / (1.0 + linear);
    compressed.max(0.0).powf(1.0 / 2.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_the_sum_and_spreads_a_dot() {
        let mut radiance = vec![[0.0; 3]; 31 * 31];
        radiance[15 * 31 + 15] = [1.0; 3];
        blur(&mut radiance, [31, 31], 2.0);
        let sum: f32 = radiance.iter().map(|color| color[0]).sum();
        // the peak of a 2D Gaussian is 1 / (2 pi sigma^2) = 0.0398
        assert!((sum - 1.0).abs() < 1e-4 && (radiance[15 * 31 + 15][0] - 0.0398).abs() < 1e-3);
    }

    #[test]
    fn noise_has_the_standard_deviation_asked_for() {
        let spec = SceneSpec {
            image_size: [200, 200],
            noise: 4.0,
            vignetting: 0.0,
            exposure_change: 0.0,
            ..SceneSpec::default()
        };
        let rgb = develop(&vec![[0.3; 3]; 40_000], &spec, 0);
        let mean = rgb.iter().map(|byte| f64::from(*byte)).sum::<f64>() / rgb.len() as f64;
        let variance = rgb.iter().map(|byte| (f64::from(*byte) - mean).powi(2)).sum::<f64>() / rgb.len() as f64;
        // rounding to levels adds 1/12
        assert!((variance.sqrt() - (16.0 + 1.0 / 12.0_f64).sqrt()).abs() < 0.05, "{}", variance.sqrt());
    }
}
