//! A trivial matcher for tests of the host: keypoint i of one image matches keypoint i of the other. No torch, no weights.

use scene3d_sdk::scene::Matches;
use scene3d_sdk::{
    CreateContext, Descriptor, Host, ImageFeatures, Matcher, Prepared, PreparedPair, PreparedView, Result, SdkError,
    StageKind, Tensor, describe, features_ports,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of the dummy matcher.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// At most this many matches a pair.
    #[schemars(extend("x-unit" = "matches"))]
    max_matches: u32,
    /// Score of every match.
    #[schemars(range(min = 0.0, max = 1.0))]
    score: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_matches: 4096, score: 1.0 }
    }
}

/// Matches equal indices.
pub struct DummyMatcher {
    config: Config,
}

impl Matcher for DummyMatcher {
    type Config = Config;

    fn descriptor() -> Descriptor {
        let summary = "Equal keypoint indices match, for tests.";
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
        Ok(vec![("num_keypoints".to_owned(), Tensor::from_vec(vec![num_keypoints], &[1])?)])
    }

    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], host: &Host<'_>) -> Result<Vec<Matches>> {
        let matches = |pair: &PreparedPair<'_>| {
            host.check_cancelled()?;
            let num_both = num_keypoints(&pair.image1)?.min(num_keypoints(&pair.image2)?);
            let num_matches = num_both.min(self.config.max_matches);
            let indices = (0..num_matches).map(|index| [index, index]).collect();
            Ok(Matches { indices, scores: vec![self.config.score; num_matches as usize] })
        };
        pairs.iter().map(matches).collect()
    }
}

fn num_keypoints(image: &PreparedView<'_>) -> Result<u32> {
    let count = image.slice::<i64>("num_keypoints")?.first().copied().unwrap_or_default();
    u32::try_from(count).map_err(|_| SdkError::invalid_input(format!("num_keypoints is {count}")))
}

scene3d_sdk::export_plugin!(matcher: DummyMatcher);
