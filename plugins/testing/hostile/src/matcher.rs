//! A matcher that lies about its matches, for hosts that link it statically.

use scene3d_sdk::scene::Matches;
use scene3d_sdk::{
    CreateContext, Descriptor, Host, ImageFeatures, Matcher, Prepared, PreparedPair, Result, StageKind, describe,
};

use crate::mode::Config;

/// Matches keypoints that do not exist.
pub struct HostileMatcher;

impl Matcher for HostileMatcher {
    type Config = Config;
    type Output = Matches;

    fn descriptor() -> Descriptor {
        let summary = "Matches keypoints that do not exist.";
        Descriptor {
            accepts_families: vec!["*".to_owned()],
            ..describe(StageKind::Matcher, "hostile-matcher", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
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
