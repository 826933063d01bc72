//! What a matcher finds in a pair, and how a journal records it.

use scene3d_engine::{Instance, StagePlan};
use scene3d_scene::{Correspondences, Matches};
use scene3d_wire::PreparedPair;

use crate::PipelineError;
use crate::photo_features::PhotoFeatures;

/// What a matcher finds in a pair.
#[derive(Debug, Clone, PartialEq)]
pub enum PairFound {
    /// Of the extractor's keypoints.
    Matches(Matches),
    /// Of positions anywhere.
    Correspondences(Correspondences),
}

/// Which of the two a matcher finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoundKind {
    /// [`PairFound::Matches`]
    Matches,
    /// [`PairFound::Correspondences`]
    Correspondences,
}

impl FoundKind {
    pub(crate) fn of(matcher: &StagePlan) -> Self {
        if matcher.finds_correspondences() { Self::Correspondences } else { Self::Matches }
    }

    /// Where nothing can be found.
    pub(crate) fn nothing(self) -> PairFound {
        match self {
            Self::Matches => PairFound::Matches(Matches::default()),
            Self::Correspondences => PairFound::Correspondences(Correspondences::default()),
        }
    }

    /// What the matcher finds in each pair, in order.
    pub(crate) fn find(
        self,
        instance: &Instance,
        pairs: &[PreparedPair<'_>],
        features: &[[&PhotoFeatures; 2]],
    ) -> Result<Vec<PairFound>, PipelineError> {
        let found: Vec<PairFound> = match self {
            Self::Matches => {
                let num_keypoints = |[a, b]: &[&PhotoFeatures; 2]| Ok([a.keypoints()?.len(), b.keypoints()?.len()]);
                let num_keypoints = features.iter().map(num_keypoints).collect::<Result<Vec<_>, PipelineError>>()?;
                instance.match_pairs(pairs, &num_keypoints)?.into_iter().map(PairFound::Matches).collect()
            }
            Self::Correspondences => {
                let image_sizes = |[a, b]: &[&PhotoFeatures; 2]| Ok([a.image_size()?, b.image_size()?]);
                let image_sizes = features.iter().map(image_sizes).collect::<Result<Vec<_>, PipelineError>>()?;
                let found = instance.correspond_pairs(pairs, &image_sizes)?;
                found.into_iter().map(PairFound::Correspondences).collect()
            }
        };
        if found.len() != pairs.len() {
            return Err(PipelineError::internal("the matcher did not answer as many pairs as it was asked"));
        }
        Ok(found)
    }

    /// Reads what [`PairFound::words`] wrote; `None` if it is not whole.
    pub(crate) fn read(self, words: &[[u8; 4]]) -> Option<PairFound> {
        let width = match self {
            Self::Matches => 3,
            Self::Correspondences => 5,
        };
        if !words.len().is_multiple_of(width) {
            return None;
        }
        let (ends, scores) = words.split_at(words.len() / width * (width - 1));
        let scores = scores.iter().map(|word| f32::from_le_bytes(*word)).collect();
        Some(match self {
            Self::Matches => {
                let indices: Vec<u32> = ends.iter().map(|word| u32::from_le_bytes(*word)).collect();
                PairFound::Matches(Matches { indices: indices.as_chunks::<2>().0.to_vec(), scores })
            }
            Self::Correspondences => {
                let points: Vec<f32> = ends.iter().map(|word| f32::from_le_bytes(*word)).collect();
                PairFound::Correspondences(Correspondences { points: points.as_chunks::<4>().0.to_vec(), scores })
            }
        })
    }
}

impl PairFound {
    /// Little-endian words: indices or positions of all, then scores of all.
    pub(crate) fn words(&self) -> Vec<[u8; 4]> {
        let (mut words, scores): (Vec<[u8; 4]>, _) = match self {
            Self::Matches(found) => {
                (found.indices.iter().flatten().map(|index| index.to_le_bytes()).collect(), &found.scores)
            }
            Self::Correspondences(found) => {
                (found.points.iter().flatten().map(|px| px.to_le_bytes()).collect(), &found.scores)
            }
        };
        words.extend(scores.iter().map(|score| score.to_le_bytes()));
        words
    }
}
