//! Mutual nearest neighbour matching of any unit descriptors, with optional ratio and similarity thresholds.
//!
//! Each image is laid out once ([`Matcher::prepare`]); a pair is one pass of a fused product-and-argmax kernel.

mod best;
mod kernel;
mod panels;
mod select;

use std::ops::Range;
use std::thread;

use scene3d_sdk::scene::Matches;
use scene3d_sdk::{
    CreateContext, Descriptor, Host, ImageFeatures, Matcher, Prepared, PreparedPair, Result, SdkError, StageKind,
    describe, features_ports,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use best::Bests;
use kernel::BestPartners;
use panels::Panels;

pub use panels::prepare;

/// How matches are chosen; the defaults are plain mutual nearest neighbours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NearestConfig {
    /// Keep a match only if each keypoint is the other's nearest. Without it, every keypoint of image 1 takes its
    /// nearest in image 2, and a keypoint of image 2 keeps the most similar of those that took it.
    pub mutual: bool,
    /// Lowe's ratio: keep a match only if its distance is below this times the distance to the second nearest, on
    /// both sides if mutual. 1 keeps all; 0.8 is usual for SIFT-like descriptors.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub ratio_threshold: f32,
    /// Keep a match only if the cosine of its descriptors is at least this. -1 keeps all.
    #[schemars(range(min = -1.0, max = 1.0))]
    pub min_similarity: f32,
}

impl Default for NearestConfig {
    fn default() -> Self {
        Self { mutual: true, ratio_threshold: 1.0, min_similarity: -1.0 }
    }
}

/// The matcher.
#[derive(Debug)]
pub struct Nearest {
    config: NearestConfig,
}

impl Matcher for Nearest {
    type Config = NearestConfig;
    type Output = Matches;

    fn descriptor() -> Descriptor {
        let summary = "mutual nearest neighbours of any descriptors, with ratio and similarity thresholds";
        Descriptor {
            source: "Lowe, Distinctive image features from scale-invariant keypoints, IJCV 2004 (ratio test)"
                .to_owned(),
            inputs: features_ports("D", "unit length; image 1 and 2 have the same D"),
            accepts_families: vec!["*".to_owned()],
            ..describe(StageKind::Matcher, "nearest", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
        }
    }

    fn create(config: NearestConfig, _: &CreateContext<'_>) -> Result<Self> {
        Self::new(config)
    }

    fn prepare(&mut self, image: &ImageFeatures<'_>, _: &Host<'_>) -> Result<Prepared> {
        prepare(image.descriptors)
    }

    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], host: &Host<'_>) -> Result<Vec<Matches>> {
        let match_pair = |pair: &PreparedPair<'_>| {
            host.check_cancelled()?;
            self.match_pair(pair, host.threads())
        };
        pairs.iter().map(match_pair).collect()
    }
}

impl Nearest {
    /// A matcher, without a host.
    ///
    /// # Errors
    /// `INVALID_CONFIG` for thresholds out of their ranges.
    pub fn new(config: NearestConfig) -> Result<Self> {
        check(&config)?;
        Ok(Self { config })
    }

    /// Matches of two images that [`prepare`] laid out, in rising order of the keypoint of image 1; the same whatever
    /// the number of threads.
    ///
    /// # Errors
    /// `INVALID_INPUT` if the dimensions of their descriptors differ.
    pub fn match_pair(&self, pair: &PreparedPair<'_>, threads: usize) -> Result<Matches> {
        let (image1, image2) = (Panels::of(&pair.image1)?, Panels::of(&pair.image2)?);
        check_dims(image1.dim, image2.dim)?;
        let (rows, columns) = best_partners(image1, image2, self.config.ratio_threshold < 1.0, threads);
        Ok(select::select(&self.config, &rows, &columns, [image1.num_keypoints, image2.num_keypoints]))
    }
}

/// Best partners of both sides, the panels of image 1 shared out among threads.
fn best_partners(image1: Panels<'_>, image2: Panels<'_>, with_second: bool, threads: usize) -> (Bests, Bests) {
    let arch = pulp::Arch::new();
    let find = |panels1| arch.dispatch(BestPartners { image1, image2, panels1, with_second });
    let mut shares = shares(image1.len(), threads).into_iter();
    let first = shares.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = shares.map(|share| scope.spawn(move || find(share))).collect();
        let (mut rows, mut columns) = find(first);
        for other in others {
            let (other_rows, other_columns) = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            rows.append(other_rows);
            (0..columns.len()).for_each(|at| columns.join(at, other_columns.get(at)));
        }
        (rows, columns)
    })
}

/// `0..num_panels` in at most `threads` ranges of nearly equal length, none empty.
fn shares(num_panels: usize, threads: usize) -> Vec<Range<usize>> {
    let num_shares = threads.min(num_panels).max(1);
    let start = |share: usize| share * num_panels / num_shares;
    (0..num_shares).map(|share| start(share)..start(share + 1)).collect()
}

fn check(config: &NearestConfig) -> Result<()> {
    let &NearestConfig { ratio_threshold, min_similarity, .. } = config;
    if !(ratio_threshold > 0.0 && ratio_threshold <= 1.0) {
        let message = format!("ratio_threshold is {ratio_threshold}, expected above 0 and at most 1");
        return Err(SdkError::invalid_config(message));
    }
    if !(-1.0..=1.0).contains(&min_similarity) {
        return Err(SdkError::invalid_config(format!("min_similarity is {min_similarity}, expected -1 to 1")));
    }
    Ok(())
}

fn check_dims(dim1: usize, dim2: usize) -> Result<()> {
    if dim1 == dim2 {
        return Ok(());
    }
    let message = format!("image 1 has descriptors of {dim1} dimensions, image 2 of {dim2}, expected the same");
    Err(SdkError::invalid_input(message).help("extract both images with one extractor and one config"))
}

scene3d_sdk::export_plugin!(matcher: Nearest);
