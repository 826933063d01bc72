//! Where a run keeps what its stages finished: files named by the key of everything they depend on.
//!
//! A key is the sha256 of the inputs' keys and the stage's identity (plugin, version, config, weights, seed, device), so
//! a file that exists is the stage's output and nothing else; changing a later stage's config leaves it valid.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use scene3d_engine::{FeaturesPlan, StagePlan};
use scene3d_scene::ImagePair;
use scene3d_wire::MatchGraph;

use crate::PipelineError;
use crate::hash::{Key, key_of};

/// Bump when the content of an artifact changes its meaning.
const FORMAT: &str = "2";

/// In place of an extractor's identity.
const NO_EXTRACTOR: &str = "none";

pub(crate) const FEATURES: &str = "features";
pub(crate) const MATCHES: &str = "matches";
pub(crate) const MAPPING: &str = "mapping";
/// Only of runs of which parts are done elsewhere.
pub(crate) const RETRIEVAL: &str = "retrieval";
const SCRATCH: &str = "scratch";

/// The artifact folder of a run.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    root: PathBuf,
}

impl Artifacts {
    /// Creates the folders, without what a killed run had half written.
    pub(crate) fn open(root: &Path) -> Result<Self, PipelineError> {
        let scratch = root.join(SCRATCH);
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(PipelineError::write(&scratch))?;
        }
        for folder in [FEATURES, MATCHES, MAPPING, RETRIEVAL, SCRATCH] {
            let path = root.join(folder);
            fs::create_dir_all(&path).and_then(|()| remove_parts(&path)).map_err(PipelineError::write(&path))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Folder for what found no room in memory; empty when a run begins.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join(SCRATCH)
    }

    /// File of an image's features.
    pub(crate) fn features(&self, key: &str) -> PathBuf {
        self.root.join(features_name(key))
    }

    /// Journal of the matches of one matcher over one extractor's features.
    pub(crate) fn matches(&self, stage_key: &str) -> PathBuf {
        self.root.join(journal_name(stage_key))
    }

    /// File of a codebook, or of vectors of images.
    pub(crate) fn retrieval(&self, key: &str) -> PathBuf {
        self.root.join(retrieval_name(key))
    }

    /// File of a mapping.
    pub(crate) fn mapping(&self, key: &str) -> PathBuf {
        self.root.join(MAPPING).join(format!("{key}.safetensors"))
    }
}

fn remove_parts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "part") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Name below the artifacts of an image's features.
pub(crate) fn features_name(key: &str) -> String {
    format!("{FEATURES}/{key}.safetensors")
}

/// Name below the artifacts of a journal.
pub(crate) fn journal_name(stage_key: &str) -> String {
    format!("{MATCHES}/{stage_key}.journal")
}

/// Name below the artifacts of a codebook, or of vectors of images.
pub(crate) fn retrieval_name(key: &str) -> String {
    format!("{RETRIEVAL}/{key}.safetensors")
}

/// Key of what is found in the photo of this sha256; without an extractor, of its appearance alone.
pub(crate) fn features_key(sha256: &str, extractor: Option<&StagePlan>, seed: u64) -> Key {
    // the orientation is in the file, hence in its hash
    let identity = extractor.map_or_else(|| NO_EXTRACTOR.to_owned(), |plan| plan.identity_json(seed));
    key_of(["features", FORMAT, sha256, &identity].map(str::as_bytes))
}

/// Key of a matcher's work on one extractor's features.
pub(crate) fn match_stage_key(plan: &FeaturesPlan, seed: u64) -> Key {
    let extractor = plan.extractor.as_ref().map_or_else(|| NO_EXTRACTOR.to_owned(), |plan| plan.identity_json(seed));
    let matcher = plan.matcher.identity_json(seed);
    key_of(["matches", FORMAT, &extractor, &matcher].map(str::as_bytes))
}

/// Key of a pair's matches within a match stage.
pub(crate) fn pair_key(features1: &str, features2: &str) -> Key {
    key_of([features1, features2].map(str::as_bytes))
}

/// Key of a mapping: the mapper and the whole graph but its workspace.
pub(crate) fn mapping_key(graph: &MatchGraph, mapper: &StagePlan, seed: u64) -> Key {
    let images = serde_json::to_vec(&graph.images).unwrap_or_default();
    let keypoints = graph.keypoints.iter().flatten().flatten().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let colors = graph.colors.iter().flatten().flatten().copied().collect::<Vec<u8>>();
    let lens = graph.keypoints.iter().flat_map(|list| (list.len() as u64).to_le_bytes()).collect::<Vec<u8>>();
    let pair_bytes = |pair: ImagePair| [pair.image1.0.to_le_bytes(), pair.image2.0.to_le_bytes()].concat();
    let matches = graph.pairs.iter().flat_map(|p| {
        let indices = p.matches.indices.iter().flatten().flat_map(|index| index.to_le_bytes());
        let len = (p.matches.len() as u64).to_le_bytes();
        pair_bytes(p.pair).into_iter().chain(len).chain(indices).collect::<Vec<u8>>()
    });
    let matches = matches.collect::<Vec<u8>>();
    let identity = mapper.identity_json(seed);
    key_of([b"mapping", FORMAT.as_bytes(), identity.as_bytes(), &images, &lens, &keypoints, &colors, &matches])
}
