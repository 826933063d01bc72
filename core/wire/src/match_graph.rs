//! What a mapper is given: images, keypoints and the matches of all pairs.

use std::path::PathBuf;

use scene3d_scene::{ImageId, ImageInfo, ImagePair, Matches};

use crate::named::{NamedView, rows, tensor, vector};
use crate::{Named, WireError};

/// Matches of one pair.
#[derive(Debug, Clone, PartialEq)]
pub struct PairMatches {
    /// The pair.
    pub pair: ImagePair,
    /// Its putative matches.
    pub matches: Matches,
}

/// Images, keypoints and the matches of all pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchGraph {
    /// The images, ids counted up from 1 in this order.
    pub images: Vec<ImageInfo>,
    /// Per image, `[N, 2] f32, px, original image, top-left pixel centre at (0.5, 0.5)`.
    pub keypoints: Vec<Vec<[f32; 2]>>,
    /// Per image and keypoint, the RGB colour of the photo there.
    pub colors: Vec<Vec<[u8; 3]>>,
    /// Pairs with at least one match, ordered.
    pub pairs: Vec<PairMatches>,
    /// A folder of this run that the mapper may fill; what is left there is kept as its log.
    pub workspace: PathBuf,
}

impl MatchGraph {
    /// Writes the graph as flat arrays: `images_json [B] u8`, `workspace [B] u8`, `keypoints [K, 2] f32`,
    /// `colors [K, 3] u8`, `keypoint_offsets [I+1] u64`, `pairs [P, 2] u32` (image ids), `matches [M, 2] u32`,
    /// `match_scores [M] f32`, `match_offsets [P+1] u64`.
    ///
    /// # Errors
    /// [`WireError`] if lists that belong together differ in length.
    pub fn to_named(&self) -> Result<Named, WireError> {
        if self.keypoints.len() != self.images.len() || self.colors.len() != self.images.len() {
            return Err(WireError::content("keypoints", "expected one list of keypoints and colours an image"));
        }
        let images =
            serde_json::to_vec(&self.images).map_err(|error| WireError::content("images_json", error.to_string()))?;
        let workspace = self.workspace.to_str().ok_or_else(|| WireError::content("workspace", "path is not UTF-8"))?;
        let pairs: Vec<[u32; 2]> = self.pairs.iter().map(|p| [p.pair.image1.0, p.pair.image2.0]).collect();
        let scores: Vec<f32> = self.pairs.iter().flat_map(|p| p.matches.scores.iter().copied()).collect();
        Ok(vec![
            vector("images_json", images)?,
            vector("workspace", workspace.as_bytes().to_vec())?,
            rows("keypoints", &self.keypoints.concat())?,
            rows("colors", &self.colors.concat())?,
            offsets("keypoint_offsets", self.keypoints.iter().map(Vec::len))?,
            rows("pairs", &pairs)?,
            rows("matches", &self.pairs.iter().flat_map(|p| p.matches.indices.iter().copied()).collect::<Vec<_>>())?,
            tensor("match_scores", scores.clone(), &[scores.len() as i64])?,
            offsets("match_offsets", self.pairs.iter().map(|p| p.matches.len()))?,
        ])
    }

    /// Reads what [`Self::to_named`] wrote.
    ///
    /// # Errors
    /// [`WireError`] if an array is missing or they contradict each other.
    pub fn from_named(named: &NamedView<'_>) -> Result<Self, WireError> {
        let images: Vec<ImageInfo> = serde_json::from_str(named.text("images_json")?)
            .map_err(|error| WireError::content("images_json", error.to_string()))?;
        let keypoint_offsets = named.slice::<u64>("keypoint_offsets")?;
        let match_offsets = named.slice::<u64>("match_offsets")?;
        let indices = parts("match_offsets", match_offsets, named.rows::<u32, 2>("matches")?)?;
        let scores = parts("match_offsets", match_offsets, named.slice::<f32>("match_scores")?)?;
        let pairs = named.rows::<u32, 2>("pairs")?;
        if pairs.len() != indices.len() {
            return Err(WireError::content("pairs", format!("{} pairs, {} offsets", pairs.len(), indices.len())));
        }
        let pair_matches = |(ids, matches): (&[u32; 2], Matches)| {
            let pair = ImagePair::new(ImageId(ids[0]), ImageId(ids[1]))
                .map_err(|error| WireError::content("pairs", error.to_string()))?;
            Ok(PairMatches { pair, matches })
        };
        let matches = indices.into_iter().zip(scores).map(|(indices, scores)| Matches { indices, scores });
        Ok(Self {
            images,
            keypoints: parts("keypoint_offsets", keypoint_offsets, named.rows::<f32, 2>("keypoints")?)?,
            colors: parts("keypoint_offsets", keypoint_offsets, named.rows::<u8, 3>("colors")?)?,
            pairs: pairs.iter().zip(matches).map(pair_matches).collect::<Result<_, WireError>>()?,
            workspace: PathBuf::from(named.text("workspace")?),
        })
    }
}

pub(crate) fn offsets(
    name: &str,
    lens: impl Iterator<Item = usize>,
) -> Result<(String, scene3d_tensor::Tensor), WireError> {
    let mut offsets = vec![0_u64];
    for len in lens {
        offsets.push(offsets[offsets.len() - 1] + len as u64);
    }
    vector(name, offsets)
}

pub(crate) fn parts<T: Clone>(name: &str, offsets: &[u64], all: &[T]) -> Result<Vec<Vec<T>>, WireError> {
    let part = |bounds: &[u64]| {
        let (start, end) = (bounds[0] as usize, bounds[1] as usize);
        let reason = || format!("rows {start}..{end} of {}", all.len());
        all.get(start..end).map(<[T]>::to_vec).ok_or_else(|| WireError::content(name, reason()))
    };
    offsets.windows(2).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn small_graph() -> MatchGraph {
        let image = |id: u32| ImageInfo {
            image_id: ImageId(id),
            name: format!("räum/{id}.jpg"),
            image_size: [640, 480],
            focal_px: (id == 1).then_some(500.0),
            device: None,
        };
        MatchGraph {
            images: vec![image(1), image(2), image(3)],
            keypoints: vec![vec![[0.5, 1.5], [2.0, 3.0]], vec![], vec![[9.0, 9.5]]],
            colors: vec![vec![[1, 2, 3], [4, 5, 6]], vec![], vec![[7, 8, 9]]],
            pairs: vec![PairMatches {
                pair: ImagePair::new(ImageId(1), ImageId(3)).unwrap(),
                matches: Matches { indices: vec![[1, 0]], scores: vec![0.75] },
            }],
            workspace: PathBuf::from("work"),
        }
    }

    #[test]
    fn a_graph_crosses_the_boundary_unchanged() {
        let graph = small_graph();
        let named = graph.to_named().unwrap();
        assert_eq!(MatchGraph::from_named(&NamedView::of(&named)).unwrap(), graph);
    }

    #[test]
    fn contradicting_offsets_are_refused() {
        let mut named = small_graph().to_named().unwrap();
        named.retain(|(name, _)| name != "match_offsets");
        named.push(vector("match_offsets", vec![0_u64, 5]).unwrap());
        let error = MatchGraph::from_named(&NamedView::of(&named)).unwrap_err();
        assert_eq!(error.to_string(), "tensor `match_offsets`: rows 0..5 of 1");
    }
}
