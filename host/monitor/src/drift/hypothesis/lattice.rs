//! The exact distribution of the two-sample Kolmogorov-Smirnov statistic, by lattice paths.
//!
//! Merging two samples of one distribution walks from `(0, 0)` to `(m, n)`, all paths equally likely. The statistic is
//! at least `h / lcm(m, n)` if and only if the path leaves the band `|x n - y m| < h gcd(m, n)` (Hodges, "The significance
//! probability of the Smirnov two-sample test", Arkiv för Matematik 3, 1958). What leaves is summed up where it leaves,
//! so that small p-values keep their digits.

/// Probability that a path between sizes `m` and `n`, whose steps are `m / gcd` and `n / gcd`, leaves the band of `h`.
pub fn outside_probability(sizes: [usize; 2], steps: [u64; 2], h: u64) -> f64 {
    if h == 0 {
        return 1.0;
    }
    // the longer sample along the columns: the band is narrower along the other
    let turned = sizes[0] < sizes[1];
    let [m, n] = if turned { [sizes[1], sizes[0]] } else { sizes };
    let [step_m, step_n] = if turned { [steps[1], steps[0]] } else { steps };
    let mut arriving = vec![0.0; n + 1];
    arriving[0] = 1.0;
    let mut outside = 0.0;
    for x in 0..=m {
        let column = Column { x: x as u64, rest: m - x, step_m, step_n, h };
        outside += column.walk(&mut arriving);
    }
    outside
}

struct Column {
    x: u64,
    /// Steps to the right that are left.
    rest: usize,
    step_m: u64,
    step_n: u64,
    h: u64,
}

impl Column {
    /// Turns what arrives in this column into what arrives in the next; returns what leaves the band.
    fn walk(&self, arriving: &mut [f64]) -> f64 {
        let n = arriving.len() - 1;
        let (mut outside, mut up) = (0.0, 0.0);
        for (y, arrived) in arriving.iter_mut().enumerate().take(self.highest().min(n) + 1).skip(self.lowest(self.x)) {
            let mass = *arrived + up;
            let steps_left = (self.rest + n - y).max(1) as f64;
            *arrived = mass * self.rest as f64 / steps_left;
            up = mass * (n - y) as f64 / steps_left;
        }
        if self.highest() < n {
            outside += up;
        }
        if self.rest > 0 {
            for mass in &mut arriving[self.lowest(self.x)..self.lowest(self.x + 1).min(n + 1)] {
                outside += *mass;
                *mass = 0.0;
            }
        }
        outside
    }

    /// Least `y` inside the band at `x`.
    fn lowest(&self, x: u64) -> usize {
        let along = x * self.step_n;
        if along < self.h { 0 } else { ((along - self.h) / self.step_m + 1) as usize }
    }

    /// Greatest `y` inside the band.
    fn highest(&self) -> usize {
        ((self.x * self.step_n + self.h - 1) / self.step_m) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_paths_of_small_samples_are_counted() {
        // sizes 2 and 3: 10 paths; two have all of one sample before the other, h = 6
        assert!((outside_probability([2, 3], [2, 3], 6) - 0.2).abs() < 1e-15);
        assert!((outside_probability([3, 2], [3, 2], 6) - 0.2).abs() < 1e-15);
        assert_eq!(outside_probability([2, 3], [2, 3], 0), 1.0);
        assert!((outside_probability([2, 3], [2, 3], 1) - 1.0).abs() < 1e-15);
        // of sizes 1 and 1 both paths reach 1
        assert!((outside_probability([1, 1], [1, 1], 1) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_smallest_p_value_keeps_its_digits() {
        // two paths of binomial(60, 30)
        let paths: f64 = (1..=30).map(|k| f64::from(30 + k) / f64::from(k)).product();
        let found = outside_probability([30, 30], [1, 1], 30);
        assert!((found * paths / 2.0 - 1.0).abs() < 1e-12, "{found}");
    }
}
