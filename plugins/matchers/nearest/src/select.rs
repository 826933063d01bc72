//! From best partners of both sides to matches: mutual check, ratio test, similarity threshold.

use scene3d_sdk::scene::Matches;

use crate::NearestConfig;
use crate::best::{Best, Bests};

/// Matches in rising order of the keypoint of image 1, each keypoint at most once.
pub fn select(config: &NearestConfig, rows: &Bests, columns: &Bests, num_keypoints: [usize; 2]) -> Matches {
    let mut partner_of_column = vec![None; num_keypoints[1]];
    for row in 0..num_keypoints[0] {
        let best = rows.get(row);
        if best.index == u32::MAX || !passes(config, best) {
            continue;
        }
        let column = best.index as usize;
        let is_mutual = columns.index[column] == row as u32 && passes(config, columns.get(column));
        if config.mutual && !is_mutual {
            continue;
        }
        keep_best(&mut partner_of_column[column], row as u32, best.similarity);
    }
    collect(&partner_of_column)
}

fn passes(config: &NearestConfig, best: Best) -> bool {
    // rounding takes the similarity of unit vectors a hair out of -1..1
    best.similarity.clamp(-1.0, 1.0) >= config.min_similarity && passes_ratio(config.ratio_threshold, best)
}

/// Strictly below the ratio, so that of two descriptors at distance 0 neither passes.
fn passes_ratio(ratio_threshold: f32, best: Best) -> bool {
    ratio_threshold >= 1.0
        || squared_distance(best.similarity) < ratio_threshold.powi(2) * squared_distance(best.second)
}

/// |a - b|^2 of unit vectors; infinite where there is no second best.
fn squared_distance(similarity: f32) -> f32 {
    2.0 - 2.0 * similarity.min(1.0)
}

/// One-way nearest neighbours may share a keypoint of image 2: it keeps the most similar, the first of equals.
fn keep_best(partner: &mut Option<(u32, f32)>, row: u32, similarity: f32) {
    if partner.is_none_or(|(_, known)| similarity > known) {
        *partner = Some((row, similarity));
    }
}

fn collect(partner_of_column: &[Option<(u32, f32)>]) -> Matches {
    let partners = partner_of_column.iter().enumerate();
    let mut matches: Vec<_> =
        partners.filter_map(|(column, partner)| partner.map(|(row, score)| ([row, column as u32], score))).collect();
    matches.sort_unstable_by_key(|(pair, _)| *pair);
    let score = |similarity: f32| (1.0 + similarity.clamp(-1.0, 1.0)) / 2.0;
    Matches {
        indices: matches.iter().map(|(pair, _)| *pair).collect(),
        scores: matches.iter().map(|(_, similarity)| score(*similarity)).collect(),
    }
}
