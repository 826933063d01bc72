//! Keypoints of one image from several extractors; near ones of different extractors are one.

use std::collections::HashMap;

use scene3d_scene::Keypoints;

use super::SourceSet;

/// Keypoints of one image.
#[derive(Debug, Default)]
pub(crate) struct JoinedKeypoints {
    /// Positions and scores, each of the source whose keypoint was kept.
    pub keypoints: Keypoints,
    /// For each source, the joined index of each of its keypoints.
    pub index_of: Vec<Vec<u32>>,
    /// For each joined keypoint, the source and the index there whose position was kept.
    pub kept: Vec<(usize, usize)>,
    /// For each joined keypoint, the sources that found it.
    pub sources: Vec<SourceSet>,
}

/// Joins in the order of the sources. A keypoint within `radius_px` of one of an earlier source is the same, nearest
/// first, one to one; of the two the better one stays. Scores of different extractors have no common scale, so the better
/// one is the one with the higher rank among its own source's keypoints. Keypoints of one source are never merged: its own
/// suppression decided that they are different.
pub(crate) fn join_keypoints(of_sources: &[&Keypoints], radius_px: f32) -> JoinedKeypoints {
    let mut joined = JoinedKeypoints::default();
    let mut rank_of_kept: Vec<f32> = Vec::new();
    for (source, keypoints) in of_sources.iter().enumerate() {
        let ranks = ranks(&keypoints.scores);
        let partners = partners(&joined.keypoints.positions, &keypoints.positions, radius_px);
        let mut index_of = Vec::with_capacity(keypoints.len());
        for (index, partner) in partners.into_iter().enumerate() {
            let joined_index = partner.unwrap_or_else(|| joined.push_empty(&mut rank_of_kept));
            if ranks[index] > rank_of_kept[joined_index] {
                rank_of_kept[joined_index] = ranks[index];
                joined.keypoints.positions[joined_index] = keypoints.positions[index];
                joined.keypoints.scores[joined_index] = keypoints.scores[index];
                joined.kept[joined_index] = (source, index);
            }
            joined.sources[joined_index].add(SourceSet::of(source));
            index_of.push(joined_index as u32);
        }
        joined.index_of.push(index_of);
    }
    joined
}

impl JoinedKeypoints {
    fn push_empty(&mut self, rank_of_kept: &mut Vec<f32>) -> usize {
        rank_of_kept.push(f32::NEG_INFINITY);
        self.keypoints.positions.push([0.0; 2]);
        self.keypoints.scores.push(0.0);
        self.kept.push((0, 0));
        self.sources.push(SourceSet::default());
        self.kept.len() - 1
    }
}

/// Share of the keypoints that score lower, 0..1.
fn ranks(scores: &[f32]) -> Vec<f32> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)));
    let mut ranks = vec![0.0; scores.len()];
    for (place, index) in order.into_iter().enumerate() {
        ranks[index] = place as f32 / scores.len() as f32;
    }
    ranks
}

/// For each new position the earlier one that is the same, if any.
fn partners(earlier: &[[f32; 2]], new: &[[f32; 2]], radius_px: f32) -> Vec<Option<usize>> {
    let mut partners = vec![None; new.len()];
    if earlier.is_empty() || radius_px <= 0.0 {
        return partners;
    }
    let mut near = near_pairs(earlier, new, radius_px);
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut is_taken = vec![false; earlier.len()];
    for (_, new_index, earlier_index) in near {
        if partners[new_index].is_none() && !is_taken[earlier_index] {
            partners[new_index] = Some(earlier_index);
            is_taken[earlier_index] = true;
        }
    }
    partners
}

/// Squared distance, new index, earlier index of all that are near each other.
fn near_pairs(earlier: &[[f32; 2]], new: &[[f32; 2]], radius_px: f32) -> Vec<(f32, usize, usize)> {
    let cell_of = |[x, y]: [f32; 2]| ((x / radius_px).floor() as i64, (y / radius_px).floor() as i64);
    let mut cells: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
    for (index, &position) in earlier.iter().enumerate() {
        cells.entry(cell_of(position)).or_default().push(index);
    }
    let mut near = Vec::new();
    for (new_index, &position) in new.iter().enumerate() {
        let (column, row) = cell_of(position);
        for neighbour in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (column + dx, row + dy))) {
            for &earlier_index in cells.get(&neighbour).into_iter().flatten() {
                let [dx, dy] = [0, 1].map(|axis| position[axis] - earlier[earlier_index][axis]);
                let squared_px = dx * dx + dy * dy;
                if squared_px <= radius_px * radius_px {
                    near.push((squared_px, new_index, earlier_index));
                }
            }
        }
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keypoints(positions: &[[f32; 2]], scores: &[f32]) -> Keypoints {
        Keypoints { positions: positions.to_vec(), scores: scores.to_vec() }
    }

    #[test]
    fn one_source_is_as_it_was() {
        let only = keypoints(&[[1.0, 1.0], [1.0, 1.0], [9.0, 4.0]], &[0.2, 0.9, 0.5]);
        let joined = join_keypoints(&[&only], 3.0);
        assert_eq!(joined.keypoints, only);
        assert_eq!(joined.index_of, [[0, 1, 2]]);
        assert_eq!(joined.kept, [(0, 0), (0, 1), (0, 2)]);
    }

    #[test]
    fn near_ones_of_two_sources_are_one_and_the_better_position_stays() {
        let first = keypoints(&[[10.0, 10.0], [20.0, 20.0]], &[0.1, 0.9]);
        let second = keypoints(&[[50.0, 50.0], [10.5, 10.0], [20.0, 20.4]], &[3.0, 9.0, 5.0]);
        let joined = join_keypoints(&[&first, &second], 1.0);
        // [10, 10] is the worst of its source, [10.5, 10] the best of its own
        assert_eq!(joined.keypoints.positions, [[10.5, 10.0], [20.0, 20.0], [50.0, 50.0]]);
        assert_eq!(joined.keypoints.scores, [9.0, 0.9, 3.0]);
        assert_eq!(joined.index_of, [vec![0, 1], vec![2, 0, 1]]);
        assert_eq!(joined.kept, [(1, 1), (0, 1), (1, 0)]);
        assert_eq!(joined.sources.iter().map(|set| set.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert!(joined.sources[2].contains(1) && !joined.sources[2].contains(0));
    }

    #[test]
    fn of_two_that_are_near_one_the_nearer_is_merged() {
        let first = keypoints(&[[10.0, 10.0]], &[0.5]);
        let second = keypoints(&[[10.8, 10.0], [10.2, 10.0]], &[0.5, 0.4]);
        let joined = join_keypoints(&[&first, &second], 1.0);
        assert_eq!(joined.index_of[1], [1, 0]);
        assert_eq!(join_keypoints(&[&first, &second], 0.0).kept.len(), 3);
        assert_eq!(join_keypoints(&[&first, &second], 0.1).kept.len(), 3);
    }

    #[test]
    fn the_grid_finds_what_a_search_of_all_finds() {
        let at = |i: u32| {
            let hash = |salt: u32| (i.wrapping_mul(0x9E37_79B9) ^ salt).wrapping_mul(0x85EB_CA6B) >> 8;
            [hash(1) as f32 / 16_777_216.0 * 100.0 - 20.0, hash(2) as f32 / 16_777_216.0 * 60.0 - 20.0]
        };
        let (earlier, new): (Vec<_>, Vec<_>) = ((0..400).map(at).collect(), (400..800).map(at).collect());
        let is_near = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) <= 4.0;
        let all: usize = new.iter().map(|&b| earlier.iter().filter(|&&a| is_near(a, b)).count()).sum();
        assert_eq!(near_pairs(&earlier, &new, 2.0).len(), all);
        assert!(all > 100, "{all}");
    }
}
