//! Random numbers that are functions of their place, so that threads cannot change them.

/// SplitMix64 (Steele, Lea and Flood 2014): a stream of random numbers of a seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `low..high`.
    pub(super) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.next_u64() >> 40) as f32 / (1_u64 << 24) as f32;
        low + (high - low) * unit
    }

    /// Standard normal, near enough: a sum of four uniform numbers (Irwin-Hall), which has variance 1/3.
    pub(super) fn normal(&mut self) -> f32 {
        let bits = self.next_u64();
        let sum: f32 = (0..4).map(|part| ((bits >> (16 * part)) & 0xffff) as f32 / 65_536.0 - 0.5).sum();
        sum * 3.0_f32.sqrt()
    }
}

/// Hash of a lattice point (Wellons' `lowbias32` over a linear mix).
pub(super) fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = x.cast_unsigned().wrapping_mul(0x85eb_ca6b) ^ y.cast_unsigned().wrapping_mul(0xc2b2_ae35);
    h = (h ^ seed).wrapping_mul(0x9e37_79b1);
    h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
    h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
    h ^ (h >> 16)
}

/// Bits of a hash as a number in `0..1`.
pub(super) fn unit(hash: u32) -> f32 {
    (hash >> 8) as f32 / (1 << 24) as f32
}

/// Value noise (Perlin's lattice with random values) in `0..1`, one random value a unit square.
pub(super) fn value_noise(x: f32, y: f32, seed: u32) -> f32 {
    let (ix, iy) = (floor(x), floor(y));
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (smooth(x - ix as f32), smooth(y - iy as f32));
    let corner = |dx, dy| unit(hash(ix.wrapping_add(dx), iy.wrapping_add(dy), seed));
    let (above, below) = (lerp(corner(0, 0), corner(1, 0), u), lerp(corner(0, 1), corner(1, 1), u));
    lerp(above, below, v)
}

/// Largest integer not above `x`; `f32::floor` is a library call on plain x86-64, and this is the innermost loop.
pub(super) fn floor(x: f32) -> i32 {
    let truncated = x as i32;
    truncated - i32::from(x < truncated as f32)
}

/// From `a` at 0 to `b` at 1.
pub(super) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}
