//! Matches of one pair, of which each keypoint keeps the best.

use scene3d_scene::Matches;

/// Of candidates that share a keypoint the one with the highest score stays, of equals the one with the lower indices.
pub(super) fn one_to_one(mut candidates: Vec<([u32; 2], f32)>) -> Matches {
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let num = |side: usize| candidates.iter().map(|(indices, _)| indices[side] as usize + 1).max().unwrap_or_default();
    let (mut taken1, mut taken2) = (vec![false; num(0)], vec![false; num(1)]);
    candidates.retain(|&([one, two], _)| {
        let (is_taken1, is_taken2) = (&mut taken1[one as usize], &mut taken2[two as usize]);
        let is_free = !*is_taken1 && !*is_taken2;
        *is_taken1 |= is_free;
        *is_taken2 |= is_free;
        is_free
    });
    candidates.sort_by_key(|(indices, _)| *indices);
    let (indices, scores) = candidates.into_iter().unzip();
    Matches { indices, scores }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keypoint_keeps_its_best_match() {
        let candidates = vec![([3, 1], 0.5), ([0, 1], 0.9), ([0, 2], 0.8), ([3, 2], 0.1), ([3, 2], 0.4), ([5, 6], 0.2)];
        let matches = one_to_one(candidates);
        assert_eq!((matches.indices, matches.scores), (vec![[0, 1], [3, 2], [5, 6]], vec![0.9, 0.4, 0.2]));
    }

    #[test]
    fn of_equal_scores_the_lower_indices_stay() {
        let matches = one_to_one(vec![([1, 1], 0.5), ([1, 0], 0.5), ([0, 1], 0.5)]);
        assert_eq!(matches.indices, [[0, 1], [1, 0]]);
    }
}
