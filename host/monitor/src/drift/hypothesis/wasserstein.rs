//! The first Wasserstein distance of two samples: `scipy.stats.wasserstein_distance`.

/// Area between the distribution functions of two samples sorted upwards, neither of them empty; in the unit of the
/// values.
#[must_use]
pub fn wasserstein(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut area) = (0, 0, 0.0);
    let Some(mut before) = a.first().zip(b.first()).map(|(a, b)| a.min(*b)) else { return 0.0 };
    while i < a.len() || j < b.len() {
        let next = match (a.get(i), b.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (one, other) => one.or(other).copied().unwrap_or(before),
        };
        let difference = i as f64 / a.len() as f64 - j as f64 / b.len() as f64;
        area += difference.abs() * (next - before);
        before = next;
        i += usize::from(a.get(i) == Some(&next));
        j += usize::from(b.get(j) == Some(&next));
    }
    area
}
