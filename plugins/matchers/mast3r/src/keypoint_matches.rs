//! Matches of given keypoints by the dense descriptors at their positions: mutual nearest neighbours.

use scene3d_sdk::scene::Matches;
use scene3d_torch::{Result, transfers::to_host};
use tch::{Kind, Tensor};

use crate::directions::Maps;

/// Rows of similarities computed at a time: 2048 x 8192 of them are 64 MiB.
const BLOCK_ROWS: i64 = 2048;

/// Which mutual nearest neighbours are matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Least cosine of the angle between their descriptors.
    pub min_similarity: f32,
    /// Least geometric mean of their confidences.
    pub min_confidence: f32,
}

/// What the maps of one image say at its keypoints.
#[derive(Debug)]
pub struct Sampled {
    /// `[K, 2 D] f32`, unit length: both directions' descriptors, so that a product is the mean of both similarities
    pub descriptors: Tensor,
    /// `[K] f32`, geometric mean of both directions'
    pub confidence: Tensor,
}

/// Samples the maps of both directions at `[K, 2] f32` (x, y) pixel indices within them, bilinear.
#[must_use]
pub fn sample(directions: &[Maps; 2], keypoints: &Tensor) -> Sampled {
    let corners = Corners::of(keypoints, &directions[0].confidence);
    let descriptors = directions.each_ref().map(|maps| {
        let sampled = corners.interpolate(&maps.descriptors.flatten(0, 1));
        let length = sampled.norm_scalaropt_dim(2.0, 1, true).clamp_min(1e-12);
        sampled / length
    });
    let [forth, back] = directions.each_ref().map(|maps| corners.interpolate(&maps.confidence.reshape([-1, 1])));
    Sampled {
        descriptors: Tensor::cat(&descriptors, 1) * std::f64::consts::FRAC_1_SQRT_2,
        confidence: (forth * back).sqrt().squeeze_dim(1),
    }
}

/// The four pixels around each keypoint and their weights.
struct Corners([(Tensor, Tensor); 4]);

impl Corners {
    fn of(keypoints: &Tensor, map: &Tensor) -> Self {
        let [height, width] = [map.size()[0], map.size()[1]];
        let (x, y) = (keypoints.select(1, 0), keypoints.select(1, 1));
        // the last pixel's right neighbour has no weight, but must be there
        let (left, top) = (x.floor().clamp(0.0, (width - 2) as f64), y.floor().clamp(0.0, (height - 2) as f64));
        let (across, down) = (x - &left, y - &top);
        let first = (top * width as f64 + left).to_kind(Kind::Int64);
        let corner = |dx: i64, dy: i64| {
            let weight_x = if dx == 0 { 1.0 - &across } else { across.shallow_clone() };
            let weight_y = if dy == 0 { 1.0 - &down } else { down.shallow_clone() };
            (&first + (dy * width + dx), (weight_x * weight_y).unsqueeze(1))
        };
        Self([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)])
    }

    /// `[K, C]` of rows `[H * W, C]`.
    fn interpolate(&self, rows: &Tensor) -> Tensor {
        let [a, b, c, d] = self.0.each_ref().map(|(index, weight)| rows.index_select(0, index) * weight);
        a + b + c + d
    }
}

/// Keypoints of both images that are each other's nearest, by rising index in image 1, scored `(1 + cosine) / 2`.
///
/// # Errors
/// If torch refuses an operation.
pub fn mutual_nearest([image1, image2]: &[Sampled; 2], rule: Rule) -> Result<Matches> {
    let [num1, num2] = [image1, image2].map(|image| image.descriptors.size()[0]);
    if num1 == 0 || num2 == 0 {
        return Ok(Matches::default());
    }
    let (best, partner) = nearest(&image1.descriptors, &image2.descriptors);
    let (_, partner_back) = nearest(&image2.descriptors, &image1.descriptors);
    let own = Tensor::arange(num1, (Kind::Int64, partner.device()));
    let confidence = (&image1.confidence * image2.confidence.index_select(0, &partner)).sqrt();
    let is_mutual = partner_back.index_select(0, &partner).eq_tensor(&own);
    let is_good = best.ge(f64::from(rule.min_similarity)).logical_and(&confidence.ge(f64::from(rule.min_confidence)));
    let is_match = is_mutual.logical_and(&is_good);
    let kept = is_match.nonzero().squeeze_dim(1);
    let scores = ((best.index_select(0, &kept) + 1.0) / 2.0).clamp(0.0, 1.0);
    let partners = partner.index_select(0, &kept).to_kind(Kind::Float);
    // one copy: indices below 2^24 are whole numbers in f32
    let found = Vec::<f32>::try_from(&to_host(&Tensor::cat(&[kept.to_kind(Kind::Float), partners, scores], 0))?)?;
    let (kept, rest) = found.split_at(found.len() / 3);
    let (partners, scores) = rest.split_at(kept.len());
    let indices = kept.iter().zip(partners).map(|(&one, &two)| [one as u32, two as u32]).collect();
    Ok(Matches { indices, scores: scores.to_vec() })
}

/// Largest product of each row with any row of `others`, and which it is; the lowest index among equals.
fn nearest(rows: &Tensor, others: &Tensor) -> (Tensor, Tensor) {
    let columns = others.transpose(0, 1);
    let blocks: Vec<(Tensor, Tensor)> =
        rows.split(BLOCK_ROWS, 0).iter().map(|block| block.matmul(&columns).max_dim(1, false)).collect();
    let (best, index): (Vec<Tensor>, Vec<Tensor>) = blocks.into_iter().unzip();
    (Tensor::cat(&best, 0), Tensor::cat(&index, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Rule = Rule { min_similarity: -1.0, min_confidence: 0.0 };

    /// A map of 3 x 4 px whose descriptors are the directions of (x + 1, y + 1) and whose confidence is x.
    fn maps() -> Maps {
        let x = Tensor::arange(4, (Kind::Float, tch::Device::Cpu)).unsqueeze(0).repeat([3, 1]);
        let y = Tensor::arange(3, (Kind::Float, tch::Device::Cpu)).unsqueeze(1).repeat([1, 4]);
        let raw = Tensor::stack(&[&x + 1.0, y + 1.0], 2);
        let length = raw.norm_scalaropt_dim(2.0, 2, true);
        Maps { descriptors: raw / length, confidence: x }
    }

    #[test]
    fn maps_are_read_between_pixels_and_at_the_last_one() {
        let keypoints = Tensor::from_slice(&[0.0_f32, 0.0, 1.5, 0.0, 3.0, 2.0]).reshape([3, 2]);
        let sampled = sample(&[maps(), maps()], &keypoints);
        let confidence = Vec::<f32>::try_from(&sampled.confidence).unwrap();
        assert_eq!(confidence, [0.0, 1.5, 3.0]);
        let last = Vec::<f32>::try_from(sampled.descriptors.get(2)).unwrap();
        let expected = [0.8_f32, 0.6, 0.8, 0.6].map(|value| value / 2.0_f32.sqrt());
        assert!(last.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-6), "{last:?}");
    }

    fn sampled(rows: &[[f32; 2]], confidence: f32) -> Sampled {
        let descriptors = Tensor::from_slice(rows.as_flattened()).reshape([-1, 2]);
        Sampled { descriptors, confidence: Tensor::from_slice(&vec![confidence; rows.len()]) }
    }

    #[test]
    fn nearest_of_each_other_match_and_the_rule_decides() {
        let image1 = sampled(&[[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], 4.0);
        let image2 = sampled(&[[0.8, 0.6], [0.0, 1.0]], 1.0);
        // [1, 0] and [0.6, 0.8] both like [0.8, 0.6], which likes the latter (0.96) more
        let matches = mutual_nearest(&[image1, image2], ALL).unwrap();
        assert_eq!(matches.indices, [[1, 1], [2, 0]]);
        assert!((matches.scores[0] - 1.0).abs() < 1e-6 && (matches.scores[1] - 0.98).abs() < 1e-6);
        let again = || [sampled(&[[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], 4.0), sampled(&[[0.8, 0.6], [0.0, 1.0]], 1.0)];
        let strict = mutual_nearest(&again(), Rule { min_similarity: 0.97, ..ALL }).unwrap();
        assert_eq!(strict.indices, [[1, 1]]);
        assert_eq!(mutual_nearest(&again(), Rule { min_confidence: 2.0, ..ALL }).unwrap().len(), 2);
        assert_eq!(mutual_nearest(&again(), Rule { min_confidence: 2.1, ..ALL }).unwrap().len(), 0);
    }

    #[test]
    fn an_image_without_keypoints_has_no_matches() {
        let none = Sampled { descriptors: Tensor::zeros([0, 2], (Kind::Float, tch::Device::Cpu)), ..sampled(&[], 1.0) };
        assert!(mutual_nearest(&[none, sampled(&[[1.0, 0.0]], 1.0)], ALL).unwrap().is_empty());
    }
}
