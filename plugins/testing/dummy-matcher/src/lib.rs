//! A trivial matcher for tests of the host: keypoint i of one image matches keypoint i of the other, or the same places of
//! both images correspond. No torch, no weights.

use scene3d_sdk::scene::{Correspondences, Matches};
use scene3d_sdk::{
    CreateContext, Descriptor, Host, ImageFeatures, Matcher, Prepared, PreparedPair, PreparedView, Putative, Result,
    SdkError, StageKind, Tensor, describe, features_ports,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of the dummy matcher.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is matched.
    #[schemars(extend("x-correspondences-when" = ["dense"]))]
    mode: Mode,
    /// At most this many matches a pair.
    #[schemars(extend("x-unit" = "matches"))]
    max_matches: u32,
    /// Score of every match.
    #[schemars(range(min = 0.0, max = 1.0))]
    score: f32,
}

/// What is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The extractor's keypoints of equal index.
    Keypoints,
    /// The centres of a grid of 8 x 8 cells, row by row; no extractor is needed.
    Dense,
}

impl Default for Config {
    fn default() -> Self {
        Self { mode: Mode::Keypoints, max_matches: 4096, score: 1.0 }
    }
}

/// Cells of the grid along a side.
const GRID_SIDE: u32 = 8;

/// Matches what is equal.
pub struct DummyMatcher {
    config: Config,
}

impl Matcher for DummyMatcher {
    type Config = Config;
    type Output = Putative;

    fn descriptor() -> Descriptor {
        let summary = "Equal keypoint indices match, or equal places, for tests.";
        Descriptor {
            inputs: features_ports("D", "not used"),
            accepts_families: vec!["dummy-mean".to_owned()],
            ..describe(StageKind::Matcher, "dummy-matcher", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: Config, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self { config })
    }

    fn prepare(&mut self, image: &ImageFeatures<'_>, _: &Host<'_>) -> Result<Prepared> {
        let num_keypoints = image.keypoints.shape().first().copied().unwrap_or_default();
        Ok(vec![
            ("num_keypoints".to_owned(), Tensor::from_vec(vec![num_keypoints], &[1])?),
            ("image_size".to_owned(), Tensor::from_vec(image.image_size.to_vec(), &[2])?),
        ])
    }

    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], host: &Host<'_>) -> Result<Vec<Putative>> {
        let found = |pair: &PreparedPair<'_>| {
            host.check_cancelled()?;
            match self.config.mode {
                Mode::Keypoints => self.matches(pair).map(Putative::Matches),
                Mode::Dense => self.correspondences(pair).map(Putative::Correspondences),
            }
        };
        pairs.iter().map(found).collect()
    }
}

impl DummyMatcher {
    fn matches(&self, pair: &PreparedPair<'_>) -> Result<Matches> {
        let num_both = num_keypoints(&pair.image1)?.min(num_keypoints(&pair.image2)?);
        let num_matches = num_both.min(self.config.max_matches);
        let indices = (0..num_matches).map(|index| [index, index]).collect();
        Ok(Matches { indices, scores: vec![self.config.score; num_matches as usize] })
    }

    fn correspondences(&self, pair: &PreparedPair<'_>) -> Result<Correspondences> {
        let [size1, size2] = [image_size(&pair.image1)?, image_size(&pair.image2)?];
        let center = |cell: u32, side: u32| (cell as f32 + 0.5) * side as f32 / GRID_SIDE as f32;
        let cells = (0..GRID_SIDE).flat_map(|row| (0..GRID_SIDE).map(move |column| [column, row]));
        let point =
            |[x, y]: [u32; 2]| [center(x, size1[0]), center(y, size1[1]), center(x, size2[0]), center(y, size2[1])];
        let points: Vec<_> = cells.take(self.config.max_matches as usize).map(point).collect();
        Ok(Correspondences { scores: vec![self.config.score; points.len()], points })
    }
}

fn num_keypoints(image: &PreparedView<'_>) -> Result<u32> {
    let count = image.slice::<i64>("num_keypoints")?.first().copied().unwrap_or_default();
    u32::try_from(count).map_err(|_| SdkError::invalid_input(format!("num_keypoints is {count}")))
}

fn image_size(image: &PreparedView<'_>) -> Result<[u32; 2]> {
    match image.slice::<u32>("image_size")? {
        &[width, height] => Ok([width, height]),
        other => Err(SdkError::invalid_input(format!("image_size is {other:?}"))),
    }
}

scene3d_sdk::export_plugin!(matcher: DummyMatcher);
