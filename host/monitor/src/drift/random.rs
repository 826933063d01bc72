//! Random numbers that depend on a seed only, in this version and in the next.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A stream of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for each place below a seed.
    #[must_use]
    pub fn at(seed: u64, place: [u64; 3]) -> Self {
        place.into_iter().fold(Self::new(seed), |mut random, part| Self::new(random.draw() ^ part))
    }

    /// Uniform.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform below `bound`, but for a bias of `bound / 2^64`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }

    /// Indices below `len` in a random order, the first `num_wanted` of them (Fisher and Yates).
    pub fn choose(&mut self, len: usize, num_wanted: usize) -> Vec<usize> {
        let mut indices: Vec<usize> = (0..len).collect();
        for place in 0..num_wanted.min(len) {
            let other = place + self.below(len - place);
            indices.swap(place, other);
        }
        indices.truncate(num_wanted);
        indices
    }

    /// Uniform from 0 to 1.
    #[cfg(test)]
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // https://prng.di.unimi.it/splitmix64.c, seed 1234567
        let mut random = SplitMix64::new(1_234_567);
        assert_eq!([random.draw(), random.draw()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn chosen_indices_are_distinct_and_cover_all() {
        let mut chosen = SplitMix64::new(3).choose(10, 10);
        assert_ne!(chosen, (0..10).collect::<Vec<_>>());
        chosen.sort_unstable();
        assert_eq!(chosen, (0..10).collect::<Vec<_>>());
        assert_eq!(SplitMix64::new(3).choose(10, 4).len(), 4);
    }
}
