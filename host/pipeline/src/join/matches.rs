//! Matches of one pair from several matchers; equal ones are one, and each keypoint keeps at most one partner.

use std::collections::{BTreeMap, BTreeSet};

use scene3d_scene::Matches;

use super::SourceSet;

/// Matches of one pair.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct JoinedMatches {
    /// Of joined keypoints.
    pub matches: Matches,
    /// For each match, the sources that found it.
    pub sources: Vec<SourceSet>,
}

/// Joins matches, given by source with the joined indices of that source's keypoints in both images. Where they contradict
/// each other, the match that more sources found stays, then the one with the higher score.
pub(crate) fn join_matches(of_sources: &[(&Matches, [&[u32]; 2])]) -> JoinedMatches {
    let mut found: BTreeMap<[u32; 2], (SourceSet, f32)> = BTreeMap::new();
    for (source, (matches, [index_of1, index_of2])) in of_sources.iter().enumerate() {
        for (&[index1, index2], &score) in matches.indices.iter().zip(&matches.scores) {
            let indices = [index_of1[index1 as usize], index_of2[index2 as usize]];
            let (sources, best) = found.entry(indices).or_insert((SourceSet::default(), score));
            sources.add(SourceSet::of(source));
            *best = best.max(score);
        }
    }
    let mut ordered: Vec<([u32; 2], SourceSet, f32)> =
        found.into_iter().map(|(indices, (sources, score))| (indices, sources, score)).collect();
    // stable: equal ones stay in the order of their indices
    ordered.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(b.2.total_cmp(&a.2)));
    one_to_one(ordered)
}

fn one_to_one(best_first: Vec<([u32; 2], SourceSet, f32)>) -> JoinedMatches {
    let (mut taken1, mut taken2) = (BTreeSet::new(), BTreeSet::new());
    let mut kept = Vec::with_capacity(best_first.len());
    for (indices, sources, score) in best_first {
        if !taken1.contains(&indices[0]) && !taken2.contains(&indices[1]) {
            taken1.insert(indices[0]);
            taken2.insert(indices[1]);
            kept.push((indices, sources, score));
        }
    }
    kept.sort_by_key(|(indices, ..)| *indices);
    let mut joined = JoinedMatches::default();
    for (indices, sources, score) in kept {
        joined.matches.indices.push(indices);
        joined.matches.scores.push(score);
        joined.sources.push(sources);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(indices: &[[u32; 2]], scores: &[f32]) -> Matches {
        Matches { indices: indices.to_vec(), scores: scores.to_vec() }
    }

    #[test]
    fn one_source_is_as_it_was() {
        let only = matches(&[[0, 3], [2, 1]], &[0.4, 0.6]);
        let identity: Vec<u32> = (0..4).collect();
        let joined = join_matches(&[(&only, [&identity, &identity])]);
        assert_eq!(joined.matches, only);
        assert_eq!(joined.sources, [SourceSet::of(0); 2]);
    }

    #[test]
    fn equal_ones_are_one_and_contradictions_go_to_the_majority_then_the_score() {
        let identity: Vec<u32> = (0..9).collect();
        let shifted: Vec<u32> = (1..9).collect();
        let first = matches(&[[1, 1], [2, 2], [4, 4]], &[0.3, 0.9, 0.5]);
        let second = matches(&[[0, 0], [1, 2], [3, 6], [7, 7]], &[0.8, 1.0, 0.6, 0.1]);
        let third = matches(&[[2, 2]], &[0.1]);
        let joined = join_matches(&[
            (&first, [&identity, &identity]),
            (&second, [&shifted, &shifted]),
            (&third, [&identity, &identity]),
        ]);
        // second's [0, 0] is [1, 1] again, its [1, 2] is [2, 3] against the [2, 2] of two sources, its [3, 6] is [4, 7] and
        // beats [4, 4] by its score
        assert_eq!(joined.matches.indices, [[1, 1], [2, 2], [4, 7], [8, 8]]);
        assert_eq!(joined.matches.scores, [0.8, 0.9, 0.6, 0.1]);
        assert_eq!(joined.sources.iter().map(|set| set.len()).collect::<Vec<_>>(), [2, 2, 1, 1]);
    }
}
