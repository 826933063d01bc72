//! Bilinear enlargement with `align_corners=true`, as a table of taps for each axis.

/// Where an output position lies between two input positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tap {
    pub low: usize,
    pub high: usize,
    /// Share of `high`.
    pub fraction: f32,
}

/// Taps of all outputs of an axis.
pub fn taps(input: usize, output: usize) -> Vec<Tap> {
    // in f32, as torch's upsample_bilinear2d: tables must agree to the last bit near integers
    let scale = if output > 1 { (input - 1) as f32 / (output - 1) as f32 } else { 0.0 };
    let tap = |out: usize| {
        let position = scale * out as f32;
        let low = (position as usize).min(input - 1);
        Tap { low, high: (low + 1).min(input - 1), fraction: (position - low as f32).clamp(0.0, 1.0) }
    };
    (0..output).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_meet_corners() {
        for (input, output) in [(1, 32), (2, 64), (22, 704), (352, 704), (512, 1024)] {
            let taps = taps(input, output);
            assert_eq!(taps[0], Tap { low: 0, high: 1.min(input - 1), fraction: 0.0 });
            let last = taps[output - 1];
            assert!((last.low as f32 + last.fraction - (input - 1) as f32).abs() < 1e-4, "{last:?}");
        }
    }
}
