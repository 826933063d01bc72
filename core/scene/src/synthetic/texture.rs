//! Procedural colour of a surface: noise at every scale, masonry, and glyphs that no two places share.

use super::noise::{floor, hash, lerp, unit, value_noise};

/// Longest wavelength of the noise, m.
const MAX_WAVELENGTH: f32 = 0.64;
/// Number of octaves: the shortest wavelength is 1 cm, two pixels of a near surface.
const NUM_OCTAVES: u32 = 7;
/// Sizes of the two sets of glyphs, m: for walls far away and for objects near by.
const GLYPH_SIZES: [f32; 2] = [0.62, 0.19];

/// What a surface is made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Material {
    /// Rows of stones of `size` m.
    Bricks { size: [f32; 2] },
    /// Irregular slabs of about `size` m.
    Slabs { size: f32 },
    /// Plain but for noise and glyphs.
    Plaster,
}

/// A texture, unbounded in both directions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texture {
    pub(super) seed: u32,
    pub(super) material: Material,
}

impl Texture {
    /// Linear RGB at `uv` (m on the surface); detail below `footprint` (m a pixel) is left out, as a lens does.
    pub(super) fn color(&self, uv: [f32; 2], footprint: f32) -> [f32; 3] {
        let mut color = match self.material {
            Material::Bricks { size } => self.bricks(uv, size),
            Material::Slabs { size } => self.slabs(uv, size),
            Material::Plaster => tint(hash(1, 1, self.seed), 0.5),
        };
        for (layer, size) in GLYPH_SIZES.into_iter().enumerate() {
            if let Some(ink) = glyph(uv, size, self.seed.wrapping_add(layer as u32 + 7)) {
                color = ink;
            }
        }
        let grain = 0.35 + 1.3 * fractal_noise(uv, self.seed, footprint);
        color.map(|channel| channel * grain)
    }

    fn bricks(&self, uv: [f32; 2], size: [f32; 2]) -> [f32; 3] {
        let row = floor(uv[1] / size[1]);
        let along = uv[0] / size[0] + unit(hash(row, 5, self.seed));
        let column = floor(along);
        let (fraction_x, fraction_y) = (along - column as f32, uv[1] / size[1] - row as f32);
        let to_joint = (fraction_x.min(1.0 - fraction_x) * size[0]).min(fraction_y.min(1.0 - fraction_y) * size[1]);
        if to_joint < 0.012 {
            return [0.55, 0.53, 0.5];
        }
        tint(hash(column, row, self.seed), 0.28)
    }

    /// Voronoi cells (Worley 1996) of one jittered point a square.
    fn slabs(&self, uv: [f32; 2], size: f32) -> [f32; 3] {
        let [x, y] = [uv[0] / size, uv[1] / size];
        let (ix, iy) = (floor(x), floor(y));
        let (mut nearest, mut second, mut cell) = (f32::MAX, f32::MAX, 0);
        for dy in -1..=1 {
            for dx in -1..=1 {
                let h = hash(ix + dx, iy + dy, self.seed);
                let point_x = (ix + dx) as f32 + unit(h);
                let point_y = (iy + dy) as f32 + unit(h.wrapping_mul(0x9e37_79b1));
                let distance = (x - point_x).powi(2) + (y - point_y).powi(2);
                if distance < nearest {
                    (second, nearest, cell) = (nearest, distance, h);
                } else {
                    second = second.min(distance);
                }
            }
        }
        if (second.sqrt() - nearest.sqrt()) * size < 0.02 { [0.12, 0.12, 0.11] } else { tint(cell, 0.4) }
    }
}

/// Sum of octaves of value noise around 0.5, short wavelengths strong enough to give corners at every scale.
fn fractal_noise(uv: [f32; 2], seed: u32, footprint: f32) -> f32 {
    let (mut sum, mut weight) = (0.0, 0.3);
    let mut wavelength = MAX_WAVELENGTH;
    for octave in 0..NUM_OCTAVES {
        let visible = (wavelength / footprint - 1.0).clamp(0.0, 1.0);
        if visible == 0.0 {
            break;
        }
        // each octave is turned, so that lattices do not line up
        let (sin, cos) = [(0.0, 1.0), (0.6, 0.8), (0.8, 0.6), (0.28, 0.96)][octave as usize % 4];
        let [x, y] = [(uv[0] * cos - uv[1] * sin) / wavelength, (uv[0] * sin + uv[1] * cos) / wavelength];
        sum += visible * weight * (value_noise(x, y, seed.wrapping_add(octave * 101)) - 0.5);
        weight *= 0.86;
        wavelength *= 0.5;
    }
    0.5 + sum
}

/// Colour of the glyph at `uv`, if one is there: a random 5 x 5 bit pattern, turned, in its own square of `size` m.
fn glyph(uv: [f32; 2], size: f32, seed: u32) -> Option<[f32; 3]> {
    let [x, y] = [uv[0] / size, uv[1] / size];
    let (ix, iy) = (floor(x), floor(y));
    let h = hash(ix, iy, seed);
    if h & 1 == 0 {
        return None;
    }
    let (dx, dy) =
        (x - ix as f32 - lerp(0.42, 0.58, unit(h)), y - iy as f32 - lerp(0.42, 0.58, unit(h.rotate_left(9))));
    let slope = lerp(-1.0, 1.0, unit(h.rotate_left(17)));
    let norm = (1.0 + slope * slope).sqrt().recip();
    // 8.5 dots a square leaves a margin all around
    let dot = |along: f32| floor(along * norm * 8.5 + 2.5);
    let (column, row) = (dot(dx + slope * dy), dot(dy - slope * dx));
    let inside = (0..5).contains(&column) && (0..5).contains(&row);
    let bits = hash(h.cast_signed(), 3, seed);
    (inside && (bits >> (row * 5 + column)) & 1 == 1)
        .then(|| tint(h.rotate_left(5), if h & 4 == 0 { 0.08 } else { 0.75 }))
}

/// A muted colour of about that brightness.
fn tint(hash: u32, brightness: f32) -> [f32; 3] {
    let bright = brightness * lerp(0.6, 1.4, unit(hash));
    [0, 11, 22].map(|shift| bright * lerp(0.7, 1.2, unit(hash.rotate_left(shift).wrapping_mul(0x2c1b_3c6d))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_below_a_pixel_is_left_out() {
        let variation = |footprint: f32| -> f32 {
            let at = |step: u32| fractal_noise([step as f32 * 0.005, 0.3], 3, footprint);
            (0..400).map(|step| (at(step) - at(step + 1)).abs()).sum()
        };
        assert!(variation(0.1) < 0.4 * variation(0.004), "{} {}", variation(0.1), variation(0.004));
    }

    #[test]
    fn no_two_squares_have_the_same_glyph() {
        let pattern = |square: u32| -> Vec<bool> {
            (0..400)
                .map(|i| [square as f32 + (i % 20) as f32 / 20.0, (i / 20) as f32 / 20.0])
                .map(|uv| glyph(uv, 1.0, 5).is_some())
                .collect()
        };
        let drawn: Vec<_> = (0..100).map(pattern).filter(|pattern| pattern.contains(&true)).collect();
        assert!(drawn.len() > 30);
        for (index, one) in drawn.iter().enumerate() {
            assert!(!drawn[..index].contains(one));
        }
    }
}
