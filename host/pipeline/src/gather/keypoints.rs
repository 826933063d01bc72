//! Keypoints of one image: where positions of different pairs lie close together.

use std::collections::HashSet;

use scene3d_scene::Keypoints;

use super::GatherRule;

/// So that a position without a score counts too.
const MIN_WEIGHT: f64 = 1e-6;

/// One end of a correspondence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub position: [f32; 2],
    pub score: f32,
}

/// Observations that are one keypoint.
struct Group {
    center: [f32; 2],
    score: f64,
    members: Vec<usize>,
}

/// Keypoints, best first, and for each observation its keypoint, if it has one.
///
/// Greedily, from the cells with the highest sum of scores to those with the lowest, and within a cell from the best
/// observation: all observations within the maximum error of their mean are one keypoint at that mean. What falls into a
/// cell that has its keypoint already is dropped.
pub(super) fn gather_keypoints(found: &[Observation], rule: GatherRule) -> (Keypoints, Vec<Option<u32>>) {
    // best first, so that the order of the pairs has no influence: observations that are equal here are exchangeable
    let mut order: Vec<usize> = (0..found.len()).collect();
    let key = |index: &usize| bits(found[*index].position);
    order.sort_by(|a, b| found[*b].score.total_cmp(&found[*a].score).then(key(a).cmp(&key(b))));
    let observations: Vec<Observation> = order.iter().map(|&index| found[index]).collect();
    let mut groups = groups(&observations, rule);
    groups.sort_by(|a, b| b.score.total_cmp(&a.score).then(bits(a.center).cmp(&bits(b.center))));
    if rule.max_keypoints > 0 {
        groups.truncate(rule.max_keypoints);
    }
    let mut keypoints = Keypoints::default();
    let mut keypoint_of = vec![None; found.len()];
    for (index, group) in groups.into_iter().enumerate() {
        keypoints.positions.push(group.center);
        keypoints.scores.push(group.score as f32);
        group.members.into_iter().for_each(|member| keypoint_of[order[member]] = Some(index as u32));
    }
    (keypoints, keypoint_of)
}

/// Positions within images are never negative, so that their bits are in their order.
fn bits(position: [f32; 2]) -> [u32; 2] {
    position.map(f32::to_bits)
}

fn groups(observations: &[Observation], rule: GatherRule) -> Vec<Group> {
    let mut near = Near::new(observations, rule.max_error_px);
    let mut taken = HashSet::new();
    let mut groups = Vec::new();
    for seed in seeds(observations, rule.cell_px) {
        if !near.is_free[seed] {
            continue;
        }
        let center = mean(observations, &near.free_within(observations[seed].position));
        // the seed is among them but for rounding: the mean of a disc lies in the disc
        let members = near.free_within(center);
        near.take(&members);
        near.take(&[seed]);
        if taken.insert(cell_of(center, rule.cell_px)) {
            let score = members.iter().map(|&member| f64::from(observations[member].score)).sum();
            groups.push(Group { center, score, members });
        }
    }
    groups
}

/// All observations, those of the best cells first.
fn seeds(observations: &[Observation], cell_px: f32) -> Vec<usize> {
    let cells: Vec<[i64; 2]> = observations.iter().map(|o| cell_of(o.position, cell_px)).collect();
    let mut seeds: Vec<usize> = (0..observations.len()).collect();
    // stable: within a cell, best first
    seeds.sort_by_key(|&index| cells[index]);
    let of_cell = |members: &&[usize]| members.iter().map(|&index| f64::from(observations[index].score)).sum::<f64>();
    let mut by_cell: Vec<_> = seeds.chunk_by(|&a, &b| cells[a] == cells[b]).map(|c| (of_cell(&c), c)).collect();
    // stable: of equals, the first in position
    by_cell.sort_by(|a, b| b.0.total_cmp(&a.0));
    by_cell.into_iter().flat_map(|(_, members)| members).copied().collect()
}

fn cell_of(position: [f32; 2], side_px: f32) -> [i64; 2] {
    position.map(|px| (px / side_px).floor() as i64)
}

/// Weighted by score.
fn mean(observations: &[Observation], members: &[usize]) -> [f32; 2] {
    let weight = |member: usize| f64::from(observations[member].score).max(MIN_WEIGHT);
    let total: f64 = members.iter().map(|&member| weight(member)).sum();
    [0, 1].map(|axis| {
        let part = |&member: &usize| weight(member) * f64::from(observations[member].position[axis]);
        (members.iter().map(part).sum::<f64>() / total) as f32
    })
}

/// Observations that are in no group yet, by place.
struct Near<'a> {
    observations: &'a [Observation],
    radius_px: f32,
    /// In rows as high as the radius, in each from left to right.
    by_place: Vec<usize>,
    /// Where each row begins in `by_place`, and the end of the last.
    row_starts: Vec<usize>,
    is_free: Vec<bool>,
}

impl<'a> Near<'a> {
    fn new(observations: &'a [Observation], radius_px: f32) -> Self {
        let row = |index: &usize| row_of(observations[*index].position[1], radius_px);
        let mut by_place: Vec<usize> = (0..observations.len()).collect();
        by_place.sort_by_key(|index| (row(index), observations[*index].position[0].to_bits()));
        let num_rows = by_place.last().map_or(0, |last| row(last) + 1);
        let row_starts = (0..=num_rows).map(|start| by_place.partition_point(|index| row(index) < start)).collect();
        Self { observations, radius_px, by_place, row_starts, is_free: vec![true; observations.len()] }
    }

    /// Best first.
    fn free_within(&self, center: [f32; 2]) -> Vec<usize> {
        let row = row_of(center[1], self.radius_px);
        let mut near = Vec::new();
        for starts in self.row_starts[row.saturating_sub(1).min(self.row_starts.len() - 1)..].windows(2).take(3) {
            let row = &self.by_place[starts[0]..starts[1]];
            // a little more than the radius: rounding decides below
            let first = row.partition_point(|&index| self.x(index) < center[0] - self.radius_px * 1.001);
            let in_reach =
                row[first..].iter().take_while(|&&index| self.x(index) <= center[0] + self.radius_px * 1.001);
            near.extend(in_reach.copied().filter(|&index| self.is_free[index] && self.is_within(index, center)));
        }
        near.sort_unstable();
        near
    }

    fn x(&self, index: usize) -> f32 {
        self.observations[index].position[0]
    }

    fn is_within(&self, index: usize, center: [f32; 2]) -> bool {
        let position = self.observations[index].position;
        let [dx, dy] = [0, 1].map(|axis| f64::from(position[axis]) - f64::from(center[axis]));
        dx * dx + dy * dy <= f64::from(self.radius_px) * f64::from(self.radius_px)
    }

    fn take(&mut self, members: &[usize]) {
        members.iter().for_each(|&member| self.is_free[member] = false);
    }
}

/// Rows are counted from the top of the image.
fn row_of(y: f32, radius_px: f32) -> usize {
    (y / radius_px) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: GatherRule = GatherRule { cell_px: 1.0, max_error_px: 2.0, max_keypoints: 0 };

    fn observations(of: &[(f32, f32, f32)]) -> Vec<Observation> {
        of.iter().map(|&(x, y, score)| Observation { position: [x, y], score }).collect()
    }

    #[test]
    fn near_ones_are_one_at_their_weighted_mean() {
        let found = observations(&[(10.0, 10.0, 0.75), (11.0, 10.0, 0.25), (30.0, 5.0, 0.5)]);
        let (keypoints, keypoint_of) = gather_keypoints(&found, RULE);
        assert_eq!(keypoints.positions, [[10.25, 10.0], [30.0, 5.0]]);
        assert_eq!((keypoints.scores, keypoint_of), (vec![1.0, 0.5], vec![Some(0), Some(0), Some(1)]));
    }

    #[test]
    fn a_cell_has_one_keypoint_and_the_better_one() {
        let found = observations(&[(9.0, 1.0, 0.3), (6.0, 1.0, 0.5), (1.0, 1.0, 0.4), (1.5, 1.0, 0.4)]);
        let (keypoints, keypoint_of) = gather_keypoints(&found, GatherRule { cell_px: 8.0, ..RULE });
        // [1, 1] and [1.5, 1] agree, but [6, 1] is the best one of the cell
        assert_eq!(keypoints.positions, [[6.0, 1.0], [9.0, 1.0]]);
        assert_eq!(keypoint_of, [Some(1), Some(0), None, None]);
    }

    #[test]
    fn what_is_over_the_limit_has_no_keypoint() {
        let found = observations(&[(9.0, 1.0, 0.3), (1.0, 1.0, 0.5), (9.0, 1.5, 0.3)]);
        let (keypoints, keypoint_of) = gather_keypoints(&found, GatherRule { max_keypoints: 1, ..RULE });
        assert_eq!((keypoints.scores, keypoint_of), (vec![0.6], vec![Some(0), None, Some(0)]));
    }

    #[test]
    fn observations_without_scores_are_gathered_too() {
        let found = observations(&[(9.0, 1.0, 0.0), (10.0, 1.0, 0.0)]);
        let (keypoints, keypoint_of) = gather_keypoints(&found, RULE);
        assert_eq!((keypoints.positions, keypoint_of), (vec![[9.5, 1.0]], vec![Some(0), Some(0)]));
        assert!(gather_keypoints(&[], RULE).0.is_empty());
    }

    #[test]
    fn many_at_one_place_are_one() {
        let found = observations(&[(9.0, 1.0, 0.5); 20_000]);
        let (keypoints, keypoint_of) = gather_keypoints(&found, RULE);
        assert_eq!((keypoints.scores, keypoint_of), (vec![10_000.0], vec![Some(0); 20_000]));
    }
}
