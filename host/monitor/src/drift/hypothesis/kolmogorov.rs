//! The distribution of the one-sample Kolmogorov-Smirnov statistic, two-sided, chosen by size and argument as Simard and
//! L'Ecuyer do ("Computing the Two-Sided Kolmogorov-Smirnov Distribution", Journal of Statistical Software 39(11), 2011).
//!
//! Where they take Pomeranz' recursion the matrix of Durbin is taken: both are exact, and it is small there.

use std::f64::consts::PI;

/// Below this size the exact formulas are cheap.
const MAX_SMALL: u64 = 140;
/// 2 to this power: intermediate results are scaled by it.
const SCALE_BITS: i32 = 128;

/// Probability that the statistic of `n` values exceeds `x`.
pub fn kolmogorov_sf(n: u64, x: f64) -> f64 {
    let size = n as f64;
    let t = size * x;
    if x >= 1.0 {
        return 0.0;
    }
    if t <= 0.5 {
        return 1.0;
    }
    if t <= 1.0 {
        return 1.0 - ((1..=n).map(|i| (i as f64 / size).ln()).sum::<f64>() + size * (2.0 * t - 1.0).ln()).exp();
    }
    if t >= size - 1.0 {
        return 2.0 * (1.0 - x).powf(size);
    }
    let square = t * x;
    let is_tail = if n <= MAX_SMALL { square > 4.0 } else { square >= 2.2 };
    let sf = if square >= 370.0 {
        0.0
    } else if x >= 0.5 || is_tail {
        2.0 * one_sided_sf(n, x)
    } else if n <= MAX_SMALL || (n <= 100_000 && size * x.powf(1.5) <= 1.4) {
        1.0 - durbin_cdf(n, x)
    } else {
        1.0 - pelz_good_cdf(size, x)
    };
    sf.clamp(0.0, 1.0)
}

/// Of the one-sided statistic (Birnbaum and Tingey 1951).
fn one_sided_sf(n: u64, x: f64) -> f64 {
    let size = n as f64;
    let mut ln_binomial = 0.0;
    let mut sum = 0.0;
    for j in 0..=(size * (1.0 - x)).floor() as u64 {
        let above = x + j as f64 / size;
        let below = 1.0 - above;
        if below > 0.0 {
            sum += (ln_binomial + (j as f64 - 1.0) * above.ln() + (n - j) as f64 * below.ln()).exp();
        }
        ln_binomial += ((n - j) as f64 / (j as f64 + 1.0)).ln();
    }
    x * sum
}

/// Durbin's matrix as Marsaglia, Tsang and Wang evaluate it ("Evaluating Kolmogorov's Distribution", Journal of
/// Statistical Software 8(18), 2003).
fn durbin_cdf(n: u64, x: f64) -> f64 {
    let t = n as f64 * x;
    let k = t.ceil() as usize;
    let (power, mut exponent) = Square::durbin(2 * k - 1, k as f64 - t).power(n, k - 1);
    let mut p = power.at(k - 1, k - 1);
    for i in 1..=n {
        p = i as f64 * p / n as f64;
        if p.abs() < 2.0_f64.powi(-SCALE_BITS) {
            p *= 2.0_f64.powi(SCALE_BITS);
            exponent -= SCALE_BITS;
        }
    }
    // in two steps: the factor alone may be out of range
    p * 2.0_f64.powi(exponent / 2) * 2.0_f64.powi(exponent - exponent / 2)
}

/// A square matrix, row by row.
struct Square {
    side: usize,
    entries: Vec<f64>,
}

impl Square {
    fn durbin(side: usize, h: f64) -> Self {
        let mut factorials = vec![1.0];
        (1..=side).for_each(|j| factorials.push(factorials[j - 1] / j as f64));
        let mut edge: Vec<f64> = (1..=side).map(|j| (1.0 - h.powi(j as i32)) * factorials[j]).collect();
        let corner = (2.0 * h - 1.0).max(0.0).powi(side as i32) - 2.0 * h.powi(side as i32);
        edge[side - 1] = (1.0 + corner) * factorials[side];
        let mut matrix = Self { side, entries: vec![0.0; side * side] };
        for row in 0..side {
            for column in 1..=(row + 1).min(side - 1) {
                matrix.entries[row * side + column] = factorials[row + 1 - column];
            }
            matrix.entries[row * side] = edge[row];
        }
        for column in 0..side {
            matrix.entries[(side - 1) * side + column] = edge[side - 1 - column];
        }
        matrix
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.entries[row * self.side + column]
    }

    /// The `n`-th power, and the binary exponent by which it is scaled so that the middle entry stays in range.
    fn power(self, n: u64, middle: usize) -> (Self, i32) {
        let (mut base, mut base_exponent) = (self, 0);
        let (mut power, mut exponent) = (Self::identity(base.side), 0);
        let mut rest = n;
        while rest > 0 {
            if rest % 2 == 1 {
                power = power.times(&base);
                exponent += base_exponent;
            }
            base = base.times(&base);
            base_exponent *= 2;
            if base.at(middle, middle).abs() > 2.0_f64.powi(SCALE_BITS) {
                base.entries.iter_mut().for_each(|entry| *entry *= 2.0_f64.powi(-SCALE_BITS));
                base_exponent += SCALE_BITS;
            }
            rest /= 2;
        }
        (power, exponent)
    }

    fn identity(side: usize) -> Self {
        let entries = (0..side * side).map(|place| if place % (side + 1) == 0 { 1.0 } else { 0.0 }).collect();
        Self { side, entries }
    }

    fn times(&self, other: &Self) -> Self {
        let mut entries = vec![0.0; self.side * self.side];
        for (row, out) in entries.chunks_exact_mut(self.side).enumerate() {
            for inner in 0..self.side {
                let factor = self.at(row, inner);
                let line = &other.entries[inner * self.side..][..self.side];
                out.iter_mut().zip(line).for_each(|(out, entry)| *out += factor * entry);
            }
        }
        Self { side: self.side, entries }
    }
}

/// Pelz and Good, "Approximating the Lower Tail-areas of the Kolmogorov-Smirnov One-sample Statistic", Journal of the
/// Royal Statistical Society B 38(2), 1976; each of the four terms in its form for small `z`.
fn pelz_good_cdf(n: f64, x: f64) -> f64 {
    let z = n.sqrt() * x;
    let (z2, pi2) = (z * z, PI * PI);
    let (z4, z6) = (z2 * z2, z2 * z2 * z2);
    let coefficients = |odd2: f64| {
        let (b, c, d) = (pi2 * odd2 / 4.0, pi2 * pi2 * odd2 * odd2 / 16.0, pi2.powi(3) * odd2.powi(3) / 64.0);
        [
            1.0,
            b - z2,
            6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * b + (1.0 - 2.0 * z2) * c,
            -30.0 * z6 - 90.0 * z4 * z4
                + (135.0 * z4 - 96.0 * z6) * b
                + (212.0 * z4 - 60.0 * z2) * c
                + (5.0 - 30.0 * z2) * d,
        ]
    };
    let num_terms = (16.0 * z / PI).ceil() as u32;
    let mut terms = [0.0; 4];
    let mut extra = [0.0; 2];
    for k in (1..=num_terms).map(f64::from) {
        let odd2 = (2.0 * k - 1.0).powi(2);
        let weight = (-pi2 * odd2 / (8.0 * z2)).exp();
        terms.iter_mut().zip(coefficients(odd2)).for_each(|(term, coefficient)| *term += weight * coefficient);
        let even_weight = k * k * (-pi2 * k * k / (2.0 * z2)).exp();
        extra[0] += even_weight;
        extra[1] += even_weight * (3.0 * z2 - pi2 * k * k);
    }
    let divisors = [z, 6.0 * z4, 72.0 * z6 * z, 6480.0 * z4 * z6];
    terms.iter_mut().zip(divisors).for_each(|(term, divisor)| *term /= divisor);
    terms[2] -= extra[0] * pi2 / (36.0 * z2 * z);
    terms[3] += extra[1] * pi2 / (216.0 * z6);
    let root = n.sqrt();
    (2.0 * PI).sqrt() * (terms[0] + terms[1] / root + terms[2] / n + terms[3] / (n * root))
}
