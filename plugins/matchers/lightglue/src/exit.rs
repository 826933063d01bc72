//! When a pair is done, and which keypoints still matter: the paper's adaptive depth and width (section 3.3).

use scene3d_torch::{Result, transfers::to_host};
use tch::Tensor;

use crate::parameters::NUM_LAYERS;

/// Number of keypoints up to which pruning costs more than it saves with flash attention on CUDA (the reference's).
const MIN_PRUNED_CUDA: usize = 1536;

/// Logits of the keypoints of an image after a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitLogits {
    /// That it has a match.
    pub matchability: Vec<f32>,
    /// That its match will not change any more; empty after the last layer.
    pub confidence: Vec<f32>,
}

/// Adaptive depth and width.
#[derive(Debug, Clone, Copy)]
pub struct ExitRule {
    /// Stop when more than this share of keypoints is confident; 1 disables.
    pub depth_confidence: f32,
    /// Drop confident keypoints that are matchable with at most 1 minus this; 1 disables.
    pub width_confidence: f32,
    /// Only images with more keypoints are pruned.
    pub min_pruned: usize,
}

/// What becomes of a pair after a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Its matches are read off now.
    Finish,
    /// It goes on with these rows of each image.
    Continue([Vec<u32>; 2]),
}

impl ExitLogits {
    /// Reads `[R, 1 or 2] f32`, one entry an image.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] if torch can't copy them.
    pub fn read(logits: &Tensor, lengths: &[usize]) -> Result<Vec<Self>> {
        let num_columns = logits.size()[1];
        let columns = to_host(&logits.transpose(0, 1))?;
        let column = |index: i64| -> Result<Vec<f32>> {
            if index >= num_columns {
                return Ok(Vec::new());
            }
            Ok(Vec::try_from(&columns.select(0, index))?)
        };
        let (mut matchability, mut confidence) = (column(0)?.into_iter(), column(1)?.into_iter());
        let of_image = |&length: &usize| Self {
            matchability: matchability.by_ref().take(length).collect(),
            confidence: confidence.by_ref().take(length).collect(),
        };
        Ok(lengths.iter().map(of_image).collect())
    }
}

impl ExitRule {
    /// The rule of a device.
    #[must_use]
    pub fn new(depth_confidence: f32, width_confidence: f32, is_cpu: bool) -> Self {
        Self { depth_confidence, width_confidence, min_pruned: if is_cpu { 0 } else { MIN_PRUNED_CUDA } }
    }

    /// Whether every pair runs all layers with all keypoints.
    #[must_use]
    pub fn runs_all(&self) -> bool {
        !self.stops_early() && !self.prunes()
    }

    /// What becomes of a pair that had `num_initial` keypoints, after layer `index`.
    #[must_use]
    pub fn fate(&self, index: usize, logits: &[ExitLogits; 2], num_initial: usize) -> Fate {
        if index + 1 == NUM_LAYERS || self.stops(index, logits, num_initial) {
            return Fate::Finish;
        }
        Fate::Continue([0, 1].map(|image| self.kept(index, &logits[image])))
    }

    /// Pruned keypoints count as confident.
    fn stops(&self, index: usize, logits: &[ExitLogits; 2], num_initial: usize) -> bool {
        let threshold = confidence_threshold(index);
        let is_unsure = |logit: &&f32| sigmoid(**logit) < threshold;
        let num_unsure = logits.iter().flat_map(|image| &image.confidence).filter(is_unsure).count();
        self.stops_early() && 1.0 - num_unsure as f32 / num_initial as f32 > self.depth_confidence
    }

    fn kept(&self, index: usize, logits: &ExitLogits) -> Vec<u32> {
        let all = 0..logits.matchability.len() as u32;
        if !self.prunes() || logits.matchability.len() <= self.min_pruned {
            return all.collect();
        }
        let threshold = confidence_threshold(index);
        let is_kept = |&row: &u32| {
            let row = row as usize;
            // as in the reference, nobody is spared for doubt where depth is fixed
            let is_unsure = self.stops_early() && sigmoid(logits.confidence[row]) <= threshold;
            is_unsure || sigmoid(logits.matchability[row]) > 1.0 - self.width_confidence
        };
        all.filter(is_kept).collect()
    }

    fn stops_early(&self) -> bool {
        self.depth_confidence < 1.0
    }

    fn prunes(&self) -> bool {
        self.width_confidence < 1.0
    }
}

/// Confidence from which a keypoint counts as sure after layer `index` (`lightglue.py`, `confidence_threshold`).
fn confidence_threshold(index: usize) -> f32 {
    (0.8 + 0.1 * (-4.0 * index as f64 / NUM_LAYERS as f64).exp()).clamp(0.0, 1.0) as f32
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SURE: f32 = 10.0;

    fn image(matchability: &[f32], confidence: &[f32]) -> ExitLogits {
        ExitLogits { matchability: matchability.to_vec(), confidence: confidence.to_vec() }
    }

    #[test]
    fn thresholds_are_the_references() {
        for (index, expected) in [0.9, 0.8641, 0.8411, 0.8264, 0.8169, 0.8108, 0.8069, 0.8045].into_iter().enumerate() {
            assert!((confidence_threshold(index) - expected).abs() < 5e-5);
        }
    }

    #[test]
    fn a_pair_stops_when_enough_are_confident() {
        let rule = ExitRule::new(0.75, 1.0, true);
        let images = [image(&[0.0; 2], &[SURE, SURE]), image(&[0.0; 2], &[SURE, -SURE])];
        assert_eq!(rule.fate(0, &images, 4), Fate::Continue([vec![0, 1], vec![0, 1]]));
        // with one pruned before, the share is 4 of 5
        assert_eq!(rule.fate(0, &images, 5), Fate::Finish);
        assert_eq!(rule.fate(NUM_LAYERS - 1, &images, 4), Fate::Finish);
    }

    #[test]
    fn only_confident_and_unmatchable_keypoints_are_dropped() {
        let images = [image(&[SURE, -SURE, -SURE], &[SURE, SURE, -SURE]), image(&[-SURE], &[SURE])];
        let fate = ExitRule::new(0.95, 0.99, true).fate(0, &images, 4);
        assert_eq!(fate, Fate::Continue([vec![0, 2], vec![]]));
        let few = ExitRule::new(0.95, 0.99, false).fate(0, &images, 4);
        assert_eq!(few, Fate::Continue([vec![0, 1, 2], vec![0]]));
        assert!(ExitRule::new(1.0, 1.0, true).runs_all());
    }
}
