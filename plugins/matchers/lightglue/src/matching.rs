//! Matches of a batch of pairs: layer after layer, on ever fewer pairs and keypoints.

use std::ops::Range;

use scene3d_sdk::scene::Matches;
use scene3d_torch::Result;
use tch::{Kind, Tensor};

use crate::assignment;
use crate::exit::{ExitLogits, ExitRule, Fate};
use crate::network::{ImageTokens, Network};

/// What came of a pair, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PairOutcome {
    /// Indices of keypoints as they were given.
    pub matches: Matches,
    /// Layers that were run.
    pub num_layers: usize,
    /// Layers that each keypoint of each image went through before it was dropped or the pair was done: 1 more than the
    /// prunings it survived, where images are pruned.
    pub num_keypoint_layers: [Vec<u8>; 2],
}

/// A pair that is still being matched.
struct ActivePair {
    /// Its place in the batch.
    position: usize,
    /// Keypoints of both images at first.
    num_initial: usize,
    /// Indices of the keypoints of each image that are left.
    kept: [Vec<u32>; 2],
    /// Layers that each keypoint of each image entered.
    num_keypoint_layers: [Vec<u8>; 2],
}

/// The pairs that are still being matched, their tokens concatenated.
struct Active {
    pairs: Vec<ActivePair>,
    /// `[R, 256] f32`
    tokens: Tensor,
    /// `[R, 64] f32`
    rotation: Tensor,
}

/// Matches of each pair, in order; none where an image has no keypoints.
///
/// # Errors
/// [`scene3d_torch::TorchError`] if torch refuses an operation.
pub fn match_batch(
    network: &Network,
    rule: &ExitRule,
    filter_threshold: f32,
    pairs: &[[ImageTokens; 2]],
) -> Result<Vec<PairOutcome>> {
    let mut outcomes = vec![PairOutcome::default(); pairs.len()];
    let is_on_device = !network.context().is_cpu();
    let Some((mut active, projected)) = Active::new(pairs) else { return Ok(outcomes) };
    for (index, layer) in network.layers().iter().enumerate() {
        let lengths = active.lengths();
        if index > 0 {
            active.tokens = network.attend_within(&layer.self_block, &active.tokens, &active.rotation, &lengths)?;
        }
        let projected = Some(&projected).filter(|_| index == 0);
        active.tokens = network.attend_across(&layer.cross_block, &active.tokens, projected, &lengths)?;
        if rule.runs_all() && index + 1 < network.layers().len() {
            continue;
        }
        let logits = ExitLogits::read(&layer.exit.apply(&active.tokens), &lengths)?;
        let logits = logits.as_chunks::<2>().0;
        let fate = |(pair, logits): (&ActivePair, _)| rule.fate(index, logits, pair.num_initial);
        let fates: Vec<_> = active.pairs.iter().zip(logits).map(fate).collect();
        for (((pair, rows), logits), fate) in active.pairs.iter().zip(active.rows()).zip(logits).zip(&fates) {
            if *fate == Fate::Finish {
                let tokens = rows.map(|rows| active.tokens.narrow(0, rows.start as i64, rows.len() as i64));
                let chosen =
                    assignment::match_tokens(&layer.assignment, &tokens, logits, filter_threshold, is_on_device)?;
                outcomes[pair.position] = PairOutcome {
                    matches: pair.original(chosen),
                    num_layers: index + 1,
                    num_keypoint_layers: pair.num_keypoint_layers.clone(),
                };
            }
        }
        active = active.advanced(&fates);
        if active.pairs.is_empty() {
            break;
        }
    }
    Ok(outcomes)
}

impl Active {
    /// The pairs without an empty image and their projections for the first cross-attention; `None` if there is none.
    fn new(pairs: &[[ImageTokens; 2]]) -> Option<(Self, Tensor)> {
        let active_pair = |(position, images): (usize, &[ImageTokens; 2])| {
            let lengths = [0, 1].map(|image| images[image].tokens.size()[0] as u32);
            let pair = ActivePair {
                position,
                num_initial: (lengths[0] + lengths[1]) as usize,
                kept: lengths.map(|length| (0..length).collect()),
                num_keypoint_layers: lengths.map(|length| vec![1; length as usize]),
            };
            (!lengths.contains(&0)).then_some(pair)
        };
        let active: Vec<_> = pairs.iter().enumerate().filter_map(active_pair).collect();
        if active.is_empty() {
            return None;
        }
        let cat = |of: fn(&ImageTokens) -> &Tensor| {
            let images = active.iter().flat_map(|pair| &pairs[pair.position]);
            Tensor::cat(&images.map(of).collect::<Vec<_>>(), 0)
        };
        let [tokens, rotation, projected] = [cat(|i| &i.tokens), cat(|i| &i.rotation), cat(|i| &i.projected)];
        Some((Self { pairs: active, tokens, rotation }, projected))
    }

    /// Number of keypoints left of each image.
    fn lengths(&self) -> Vec<usize> {
        self.pairs.iter().flat_map(|pair| &pair.kept).map(Vec::len).collect()
    }

    /// Rows of both images of each pair.
    fn rows(&self) -> Vec<[Range<usize>; 2]> {
        let mut first = 0;
        let mut next = |kept: &Vec<u32>| {
            first += kept.len();
            first - kept.len()..first
        };
        self.pairs.iter().map(|pair| pair.kept.each_ref().map(&mut next)).collect()
    }

    /// The pairs that go on, with the rows that go on.
    fn advanced(self, fates: &[Fate]) -> Self {
        let mut kept_rows = Vec::new();
        let mut pairs = Vec::new();
        let rows = self.rows();
        for ((pair, rows), fate) in self.pairs.into_iter().zip(rows).zip(fates) {
            // an image that was pruned to nothing has no matches
            let Fate::Continue(kept) = fate else { continue };
            if kept.iter().any(Vec::is_empty) {
                continue;
            }
            for (rows, kept) in rows.iter().zip(kept) {
                kept_rows.extend(kept.iter().map(|&row| rows.start as i64 + i64::from(row)));
            }
            pairs.push(pair.with_rows(kept));
        }
        if kept_rows.len() as i64 == self.tokens.size()[0] {
            return Self { pairs, ..self };
        }
        let index = Tensor::from_slice(&kept_rows).to_kind(Kind::Int64).to_device(self.tokens.device());
        let [tokens, rotation] = [&self.tokens, &self.rotation].map(|rows| rows.index_select(0, &index));
        Self { pairs, tokens, rotation }
    }
}

impl ActivePair {
    /// With only these rows of each image, which enter another layer.
    fn with_rows(mut self, rows: &[Vec<u32>; 2]) -> Self {
        for ((kept, num_layers), rows) in self.kept.iter_mut().zip(&mut self.num_keypoint_layers).zip(rows) {
            *kept = rows.iter().map(|&row| kept[row as usize]).collect();
            kept.iter().for_each(|&keypoint| num_layers[keypoint as usize] += 1);
        }
        self
    }

    /// Matches of rows as matches of keypoints.
    fn original(&self, of_rows: Matches) -> Matches {
        let keypoints = |[row1, row2]: [u32; 2]| [self.kept[0][row1 as usize], self.kept[1][row2 as usize]];
        Matches { indices: of_rows.indices.into_iter().map(keypoints).collect(), scores: of_rows.scores }
    }
}
