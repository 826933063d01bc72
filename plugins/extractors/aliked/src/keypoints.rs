//! Differentiable keypoint detection, the part after suppression: selection and sub-pixel refinement (ALIKED section
//! III-B, `nets/soft_detect.py`).

/// Temperature of the soft-argmax.
const TEMPERATURE: f32 = 0.1;

/// How keypoints are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    /// At most this many, the best.
    pub max_keypoints: usize,
    /// Only scores above this; where none is, those above the map's mean.
    pub threshold: Option<f32>,
    /// Radius of suppression and of the soft-argmax window, and the border that is left out, px.
    pub radius: usize,
}

/// A score map `[height, width]` of the unpadded image.
#[derive(Debug, Clone, Copy)]
pub struct ScoreMap<'a> {
    /// Row-major scores.
    pub scores: &'a [f32],
    /// px
    pub height: usize,
    /// px
    pub width: usize,
}

/// Keypoints of one image, in order of the score of their pixel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detections {
    /// Pixel (`y * width + x`) that was the maximum.
    pub pixels: Vec<usize>,
    /// (x, y) in -1..1 over the centres of the corner pixels.
    pub normalized: Vec<[f32; 2]>,
    /// Score interpolated at the refined position.
    pub scores: Vec<f32>,
}

impl Selection {
    /// The pixels selected among those kept by suppression, best first; equal scores in raster order.
    #[must_use]
    pub fn pixels(&self, map: ScoreMap<'_>, keep: &[u8]) -> Vec<usize> {
        let mut pixels = self.kept_above(map, keep, self.threshold.unwrap_or(0.0));
        if pixels.is_empty() && self.threshold.is_some() {
            pixels = self.kept_above(map, keep, map.mean());
        }
        let order = |a: &usize, b: &usize| map.scores[*b].total_cmp(&map.scores[*a]).then(a.cmp(b));
        if pixels.len() > self.max_keypoints {
            pixels.select_nth_unstable_by(self.max_keypoints, order);
            pixels.truncate(self.max_keypoints);
        }
        pixels.sort_unstable_by(order);
        pixels
    }

    /// In raster order.
    fn kept_above(&self, map: ScoreMap<'_>, keep: &[u8], threshold: f32) -> Vec<usize> {
        let (rows, columns) = (inside(map.height, self.radius), inside(map.width, self.radius));
        let mut pixels = Vec::new();
        for y in rows {
            let row = y * map.width;
            pixels.extend(
                columns.clone().map(|x| row + x).filter(|&pixel| keep[pixel] != 0 && map.scores[pixel] > threshold),
            );
        }
        pixels
    }

    /// Refines pixels by a soft-argmax over the raw scores around them.
    #[must_use]
    pub fn refine(&self, map: ScoreMap<'_>, pixels: Vec<usize>) -> Detections {
        let normalized: Vec<_> = pixels.iter().map(|&pixel| self.refine_pixel(map, pixel)).collect();
        let scores = normalized.iter().map(|&at| map.interpolate(at)).collect();
        Detections { pixels, normalized, scores }
    }

    fn refine_pixel(&self, map: ScoreMap<'_>, pixel: usize) -> [f32; 2] {
        let [dx, dy] = self.mean_step(map, pixel);
        let normalize = |position: f32, size: usize| position / (size as f32 - 1.0) * 2.0 - 1.0;
        [normalize((pixel % map.width) as f32 + dx, map.width), normalize((pixel / map.width) as f32 + dy, map.height)]
    }

    /// Mean step (x, y) from a pixel under the softmax of the raw scores around it, px.
    fn mean_step(&self, map: ScoreMap<'_>, pixel: usize) -> [f32; 2] {
        let (mut sum, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        self.each_weight(map, pixel, |weight, [dx, dy]| {
            sum += weight;
            sum_x += weight * dx;
            sum_y += weight * dy;
        });
        [sum_x / sum, sum_y / sum]
    }

    /// Mean squared distance from the refined position under the same softmax, in squared radii: the reference trains
    /// with it, and inference needs it only to be compared.
    #[cfg(test)]
    pub(crate) fn dispersity(&self, map: ScoreMap<'_>, pixel: usize) -> f32 {
        let [x, y] = self.mean_step(map, pixel);
        let radius = self.radius as f32;
        let (mut sum, mut sum_squares) = (0.0, 0.0);
        self.each_weight(map, pixel, |weight, [dx, dy]| {
            sum += weight;
            sum_squares += weight * (((dx - x) / radius).powi(2) + ((dy - y) / radius).powi(2));
        });
        sum_squares / sum
    }

    /// Shows the unnormalised weight of each pixel of the window and the step (x, y) to it, px.
    #[inline(always)]
    fn each_weight(&self, map: ScoreMap<'_>, pixel: usize, mut show: impl FnMut(f32, [f32; 2])) {
        let (y, x) = (pixel / map.width, pixel % map.width);
        let (radius, side) = (self.radius as isize, 2 * self.radius + 1);
        let window = |i: usize| (i / side) * map.width + i % side + (y - self.radius) * map.width + x - self.radius;
        let max = (0..side * side).map(|i| map.scores[window(i)]).fold(f32::MIN, f32::max);
        for i in 0..side * side {
            let weight = ((map.scores[window(i)] - max) / TEMPERATURE).exp();
            show(weight, [((i % side) as isize - radius) as f32, ((i / side) as isize - radius) as f32]);
        }
    }
}

impl ScoreMap<'_> {
    /// Pixel index (x, y) of a normalised position.
    #[must_use]
    pub fn position(&self, normalized: [f32; 2]) -> [f32; 2] {
        let scale = |n: f32, size: usize| (n + 1.0) / 2.0 * (size as f32 - 1.0);
        [scale(normalized[0], self.width), scale(normalized[1], self.height)]
    }

    fn mean(&self) -> f32 {
        let sum: f64 = self.scores.iter().map(|&score| f64::from(score)).sum();
        (sum / self.scores.len() as f64) as f32
    }

    fn interpolate(&self, normalized: [f32; 2]) -> f32 {
        let [x, y] = self.position(normalized);
        let (x0, y0) = (x.floor(), y.floor());
        let (fx, fy) = (x - x0, y - y0);
        let at = |dy: isize, dx: isize| {
            let (y, x) = (y0 as isize + dy, x0 as isize + dx);
            let is_inside = (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
            if is_inside { self.scores[y as usize * self.width + x as usize] } else { 0.0 }
        };
        at(0, 0) * (1.0 - fx) * (1.0 - fy)
            + at(0, 1) * fx * (1.0 - fy)
            + at(1, 0) * (1.0 - fx) * fy
            + at(1, 1) * fx * fy
    }
}

/// Indices not within the border.
fn inside(size: usize, border: usize) -> std::ops::Range<usize> {
    border.min(size)..size.saturating_sub(border).max(border.min(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(max_keypoints: usize, threshold: Option<f32>) -> Selection {
        Selection { max_keypoints, threshold, radius: 2 }
    }

    #[test]
    fn best_first_equal_scores_in_raster_order_border_left_out() {
        let mut scores = vec![0.1; 64];
        for (pixel, score) in [(9, 0.99), (18, 0.5), (20, 0.5), (45, 0.9), (42, 0.0)] {
            scores[pixel] = score;
        }
        let map = ScoreMap { scores: &scores, height: 8, width: 8 };
        let mut keep = vec![0; 64];
        for pixel in [9, 18, 20, 45, 42] {
            keep[pixel] = 1;
        }
        assert_eq!(selection(9, None).pixels(map, &keep), [45, 18, 20]);
        assert_eq!(selection(2, None).pixels(map, &keep), [45, 18]);
        assert_eq!(selection(9, Some(0.5)).pixels(map, &keep), [45]);
    }

    #[test]
    fn where_no_score_is_above_the_threshold_the_mean_is() {
        let mut scores = vec![0.1; 64];
        (scores[18], scores[20], scores[45]) = (0.3, 0.05, 0.2);
        let map = ScoreMap { scores: &scores, height: 8, width: 8 };
        let mut keep = vec![0; 64];
        for pixel in [18, 20, 45] {
            keep[pixel] = 1;
        }
        assert_eq!(selection(9, Some(0.25)).pixels(map, &keep), [18]);
        assert_eq!(selection(9, Some(0.9)).pixels(map, &keep), [18, 45]);
        assert_eq!(selection(1, Some(0.9)).pixels(map, &keep), [18]);
    }

    #[test]
    fn refinement_leans_towards_the_heavier_side() {
        let mut scores = vec![0.0; 81];
        (scores[40], scores[41]) = (0.9, 0.9);
        let map = ScoreMap { scores: &scores, height: 9, width: 9 };
        let found = selection(1, None).refine(map, vec![40]);
        let [x, y] = map.position(found.normalized[0]);
        assert!((x - 4.5).abs() < 0.01 && (y - 4.0).abs() < 1e-5, "{x} {y}");
    }
}
