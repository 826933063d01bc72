//! Keypoints of a score map: non-maximum suppression, border, threshold, the best `max_keypoints`.

use pulp::{Simd, WithSimd};

use crate::SuperPointConfig;
use crate::dense::ScoreMap;

/// Rounds in which maxima hidden by suppressed neighbours come back (the reference's `simple_nms`).
const NUM_ROUNDS: usize = 2;

/// A keypoint at a px index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// (x, y), whole numbers, centre of the first px at 0
    pub position: [f32; 2],
    /// In 0..1
    pub score: f32,
}

/// Keypoints in raster order, or by falling score if there were more than `max_keypoints`, of equals the first in
/// raster order.
pub fn detect(scores: &ScoreMap, config: &SuperPointConfig) -> Vec<Detection> {
    let maxima = pulp::Arch::new().dispatch(Suppress { scores, radius: config.nms_radius as usize });
    let mut found = above_threshold(&maxima, config);
    let max_keypoints = config.max_keypoints as usize;
    if found.len() > max_keypoints {
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(max_keypoints);
    }
    found
}

fn above_threshold(maxima: &ScoreMap, config: &SuperPointConfig) -> Vec<Detection> {
    let border = config.remove_borders as usize;
    let inside = |side: usize| border..side.saturating_sub(border);
    let mut found = Vec::new();
    for y in inside(maxima.height) {
        for x in inside(maxima.width) {
            let score = maxima.values[y * maxima.width + x];
            if score > config.detection_threshold {
                found.push(Detection { position: [x as f32, y as f32], score });
            }
        }
    }
    found
}

/// Scores where they are the largest within the radius, zero elsewhere; a maximum is one by exact equality.
struct Suppress<'a> {
    scores: &'a ScoreMap,
    radius: usize,
}

impl WithSimd for Suppress<'_> {
    type Output = ScoreMap;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> ScoreMap {
        let Self { scores, radius } = self;
        let mut filter = MaxFilter { width: scores.width, radius, horizontal: Vec::new() };
        let mut largest = vec![0.0; scores.values.len()];
        filter.run(&scores.values, &mut largest);
        // 1 where a maximum is known
        let mut mask: Vec<f32> =
            scores.values.iter().zip(&largest).map(|(score, largest)| f32::from(u8::from(score == largest))).collect();
        let (mut suppressed, mut others) = (vec![0.0; mask.len()], vec![0.0; mask.len()]);
        for _ in 0..NUM_ROUNDS {
            filter.run(&mask, &mut suppressed);
            for ((other, score), suppressed) in others.iter_mut().zip(&scores.values).zip(&suppressed) {
                *other = if *suppressed > 0.0 { 0.0 } else { *score };
            }
            filter.run(&others, &mut largest);
            for (((mask, other), largest), suppressed) in mask.iter_mut().zip(&others).zip(&largest).zip(&suppressed) {
                *mask = if (other == largest) & (*suppressed == 0.0) { 1.0 } else { *mask };
            }
        }
        let values = scores.values.iter().zip(&mask).map(|(score, mask)| score * mask).collect();
        ScoreMap { values, ..*scores }
    }
}

/// Largest value within a square of side `2 radius + 1`, rows first, then columns.
struct MaxFilter {
    width: usize,
    radius: usize,
    horizontal: Vec<f32>,
}

impl MaxFilter {
    #[inline(always)]
    fn run(&mut self, values: &[f32], out: &mut [f32]) {
        self.horizontal.clear();
        self.horizontal.extend_from_slice(values);
        for (row, largest) in values.chunks_exact(self.width).zip(self.horizontal.chunks_exact_mut(self.width)) {
            for shift in 1..=self.radius.min(self.width - 1) {
                take_larger(&mut largest[shift..], row);
                take_larger(largest, &row[shift..]);
            }
        }
        let height = values.len() / self.width;
        for (y, largest) in out.chunks_exact_mut(self.width).enumerate() {
            let first = y.saturating_sub(self.radius);
            largest.copy_from_slice(&self.horizontal[first * self.width..][..self.width]);
            for row in first + 1..(y + self.radius + 1).min(height) {
                take_larger(largest, &self.horizontal[row * self.width..]);
            }
        }
    }
}

#[inline(always)]
fn take_larger(largest: &mut [f32], values: &[f32]) {
    for (largest, value) in largest.iter_mut().zip(values) {
        // not `f32::max`: scores are never NaN, and this is one instruction
        *largest = if *value > *largest { *value } else { *largest };
    }
}
