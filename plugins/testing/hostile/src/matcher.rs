//! A matcher that lies about its matches, for hosts that link it statically.

use scene3d_sdk::scene::Matches;
use scene3d_sdk::{
    CreateContext, Descriptor, Host, ImageFeatures, Matcher, PortSpec, Prepared, PreparedPair, Result, StageKind,
};

use crate::mode::Config;

/// Matches keypoints that do not exist.
pub struct HostileMatcher;

impl Matcher for HostileMatcher {
    type Config = Config;

    fn descriptor() -> Descriptor {
        let port = |name: &str, dtype: &str, shape: &str| PortSpec {
            name: name.to_owned(),
            dtype: dtype.to_owned(),
            shape: shape.to_owned(),
            doc: String::new(),
            optional: false,
        };
        Descriptor {
            id: "hostile-matcher".to_owned(),
            kind: StageKind::Matcher,
            summary: "Matches keypoints that do not exist.".to_owned(),
            outputs: vec![port("matches", "u32", "[M, 2]"), port("scores", "f32", "[M]")],
            accepts_families: vec!["*".to_owned()],
            emits_family: None,
            ..crate::stage::descriptor()
        }
    }

    fn create(_: Config, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn prepare(&mut self, _: &ImageFeatures<'_>, _: &Host<'_>) -> Result<Prepared> {
        Ok(Prepared::new())
    }

    /// A pair of images without prepared tensors is not seen at all, so as many matches are made as can never be right.
    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], _: &Host<'_>) -> Result<Vec<Matches>> {
        Ok(pairs.iter().map(|_| Matches { indices: vec![[u32::MAX, 0]], scores: vec![1.0] }).collect())
    }
}
