//! A trivial matcher for tests of the host: keypoint i of one image matches keypoint i of the other. No torch, no weights.

use scene3d_sdk::scene::Matches;
use scene3d_sdk::{
    CreateContext, Descriptor, Host, ImageFeatures, Matcher, PortSpec, Prepared, PreparedPair, PreparedView, Result,
    SdkError, StageKind, Tensor,
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
        let port = |name: &str, dtype: &str, shape: &str, doc: &str| PortSpec {
            name: name.to_owned(),
            dtype: dtype.to_owned(),
            shape: shape.to_owned(),
            doc: doc.to_owned(),
            optional: false,
        };
        Descriptor {
            id: "dummy-matcher".to_owned(),
            kind: StageKind::Matcher,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            license: "Apache-2.0".to_owned(),
            summary: "Equal keypoint indices match, for tests.".to_owned(),
            source: String::new(),
            inputs: vec![port("keypoints", "f32", "[N, 2]", "px, original image")],
            outputs: vec![
                port("matches", "u32", "[M, 2]", "keypoint index in image 1, in image 2"),
                port("scores", "f32", "[M]", "0..1"),
            ],
            emits_family: None,
            accepts_families: vec!["dummy-mean".to_owned()],
            max_long_side_key: None,
            devices: vec!["cpu".to_owned()],
            extensions: Vec::new(),
            weights: Vec::new(),
            config_schema: serde_json::Value::Null,
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
