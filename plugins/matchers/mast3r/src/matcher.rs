//! The stage: matches the extractor's keypoints, or pixels anywhere, by the dense descriptors that MASt3R gives both photos
//! together.

use scene3d_sdk::scene::{Correspondences, Matches};
use scene3d_sdk::{
    CreateContext, Descriptor, Device, Host, ImageFeatures, Matcher, Named, NamedView, Prepared, PreparedPair,
    Putative, Result, SdkError, StageKind, WeightSpec, describe, features_ports, pixels_port,
};
use scene3d_torch::{TorchContext, Weights, guard, transfers};

use crate::coarse_to_fine::{Effort, refine};
use crate::config::{Mast3rConfig, Mode};
use crate::dense::{DenseRule, correspond, finished};
use crate::directions::{BothDirections, decode_both};
use crate::keypoint_matches::{Rule, mutual_nearest, sample};
use crate::network::ImageTokens;
use crate::prepared::{PreparedImage, prepare, read};
use crate::{Architecture, Network};

const WEIGHTS: &str = "mast3r-vitlarge-512";

/// MASt3R.
#[derive(Debug)]
pub struct Mast3r {
    network: Network,
    config: Mast3rConfig,
}

impl Mast3r {
    /// A matcher, without a host.
    ///
    /// # Errors
    /// `INCOMPATIBLE` for weights of another network.
    pub fn new(config: &Mast3rConfig, weights: &Weights, context: TorchContext) -> Result<Self> {
        Ok(Self::of(config, Network::new(Architecture::of(weights)?, weights, context)?))
    }

    /// A matcher with this network.
    #[must_use]
    pub fn of(config: &Mast3rConfig, network: Network) -> Self {
        Self { network, config: config.clone() }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Matches of the keypoints of pairs of images that [`prepare`] made, in one batch where their sizes allow.
    ///
    /// # Errors
    /// If torch refuses an operation.
    pub fn match_batch(&self, pairs: &[[PreparedImage<'_>; 2]]) -> crate::Result<Vec<Matches>> {
        let decoded = decode_both(&self.network, &tokens(pairs))?;
        let rule = Rule { min_similarity: self.config.min_similarity, min_confidence: self.config.min_confidence };
        let match_pair = |([image1, image2], maps): (&[PreparedImage<'_>; 2], &BothDirections)| {
            let BothDirections { of_image1, of_image2 } = maps;
            let sampled = [sample(of_image1, &image1.keypoints), sample(of_image2, &image2.keypoints)];
            let matches = mutual_nearest(&sampled, rule)?;
            Ok(of_keypoints(matches, [&image1.indices, &image2.indices]))
        };
        Ok(guard(|| pairs.iter().zip(&decoded).map(match_pair).collect())?)
    }

    /// Correspondences of such pairs, wherever in the images.
    ///
    /// # Errors
    /// `CANCELLED`, or if torch refuses an operation.
    pub fn correspond_batch(
        &self,
        pairs: &[[PreparedImage<'_>; 2]],
        check_cancelled: &dyn Fn() -> Result<(), SdkError>,
    ) -> crate::Result<Vec<Correspondences>> {
        let rule = DenseRule::of(&self.config);
        let (max_windows, batch_size) = (self.config.max_windows as usize, self.batch_size());
        let effort = Effort { max_windows, batch_size, check_cancelled };
        let mut of_pairs = Vec::with_capacity(pairs.len());
        for (pair, maps) in pairs.iter().zip(decode_both(&self.network, &tokens(pairs))?) {
            let crops = [&pair[0].crop, &pair[1].crop];
            let mut found = correspond(&self.network, &maps, crops, rule)?;
            drop(maps);
            if pair.iter().any(|image| image.rgb.is_some()) {
                found = refine(&self.network, pair, found, rule, effort)?;
            }
            let image_sizes = pair.each_ref().map(|image| image.image_size);
            of_pairs.push(finished(found, crops, image_sizes, self.config.max_correspondences as usize));
        }
        Ok(of_pairs)
    }

    /// On CPU one pair fills the cores, and a pair alone gives the same bytes in any batch.
    fn batch_size(&self) -> usize {
        /// Pairs of 512 x 384 px, both directions, that fill a GPU.
        const CUDA_BATCH: usize = 8;
        if self.network.context().is_cpu() { 1 } else { CUDA_BATCH }
    }
}

impl Matcher for Mast3r {
    type Config = Mast3rConfig;
    type Output = Putative;

    fn descriptor() -> Descriptor {
        let summary =
            "MASt3R: keypoints of any extractor, or pixels anywhere, matched by a network that sees both photos";
        let mut inputs = features_ports("D", "not used");
        inputs.push(pixels_port());
        Descriptor {
            source: "Leroy, Cabon and Revaud, Grounding Image Matching in 3D with MASt3R, ECCV 2024".to_owned(),
            inputs,
            accepts_families: vec!["*".to_owned()],
            max_long_side_key: Some("max_image_size".to_owned()),
            devices: ["cpu", "cuda"].map(str::to_owned).to_vec(),
            weights: vec![weights()],
            ..describe(StageKind::Matcher, "mast3r", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: Self::Config, context: &CreateContext<'_>) -> Result<Self> {
        let torch = TorchContext::new(&context.host, config.precision)?;
        Self::new(&config, &Weights::load(context.weight(WEIGHTS)?)?, torch)
    }

    fn prepare(&mut self, image: &ImageFeatures<'_>, host: &Host<'_>) -> Result<Prepared> {
        host.check_cancelled()?;
        let prepared = prepare(&self.network, &self.config, image)?;
        if let (Some(pixels), place) = (image.pixels, self.network.context().place)
            && pixels.device() != place
        {
            host.count_transfer(place, "pixels", 1, pixels.size_bytes() as u64);
        }
        Ok(prepared)
    }

    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], host: &Host<'_>) -> Result<Vec<Putative>> {
        let network = &self.network;
        let mut found = Vec::with_capacity(pairs.len());
        for batch in pairs.chunks(self.batch_size()) {
            host.check_cancelled()?;
            let images = batch.iter().map(|pair| read_pair(network, pair)).collect::<crate::Result<Vec<_>>>()?;
            match self.config.mode {
                Mode::Keypoints => found.extend(self.match_batch(&images)?.into_iter().map(Putative::Matches)),
                Mode::Dense => {
                    let of_batch = self.correspond_batch(&images, &|| host.check_cancelled())?;
                    found.extend(of_batch.into_iter().map(Putative::Correspondences));
                }
            }
            transfers::report(host, "matches and confidences")?;
        }
        Ok(found)
    }

    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        Ok(transfers::copy_to(device, tensors)?)
    }
}

fn read_pair<'a>(network: &Network, pair: &PreparedPair<'a>) -> crate::Result<[PreparedImage<'a>; 2]> {
    Ok([read(network, &pair.image1)?, read(network, &pair.image2)?])
}

fn tokens<'a>(pairs: &'a [[PreparedImage<'_>; 2]]) -> Vec<[&'a ImageTokens; 2]> {
    pairs.iter().map(|pair| pair.each_ref().map(|image| &image.tokens)).collect()
}

/// Indices of all keypoints for those of the ones inside the crop.
fn of_keypoints(matches: Matches, indices: [&[u32]; 2]) -> Matches {
    let whole = |pair: &[u32; 2]| [0, 1].map(|image| indices[image][pair[image] as usize]);
    Matches { indices: matches.indices.iter().map(whole).collect(), scores: matches.scores }
}

fn weights() -> WeightSpec {
    let file = "MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric.pth";
    WeightSpec {
        name: WEIGHTS.to_owned(),
        file: file.to_owned(),
        sha256: String::new(),
        license: "CC-BY-NC-SA-4.0".to_owned(),
        sources: vec![format!("https://download.europe.naverlabs.com/ComputerVision/MASt3R/{file}")],
        when: None,
    }
}
