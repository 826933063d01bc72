//! Verify and map: the whole match graph goes to the mapper, its models come back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use scene3d_engine::{Instance, StagePlan};
use scene3d_scene::{ImagePair, Matches};
use scene3d_wire::{Mapping, MatchGraph, NamedView, PairMatches};

use crate::artifacts::{Artifacts, mapping_key};
use crate::context::Context;
use crate::extract::Extracted;
use crate::photos::Photo;
use crate::{PipelineError, tensor_file};

/// Images, keypoints, colours and matches of all pairs that have any; photos without features have no keypoints.
pub(crate) fn match_graph(
    photos: &[Photo],
    extracted: &Extracted,
    matched: &BTreeMap<ImagePair, Matches>,
    workspace: PathBuf,
) -> Result<MatchGraph, PipelineError> {
    let mut graph = MatchGraph {
        images: photos.iter().map(|photo| photo.info.clone()).collect(),
        keypoints: Vec::with_capacity(photos.len()),
        colors: Vec::with_capacity(photos.len()),
        pairs: Vec::new(),
        workspace,
    };
    for features in extracted {
        let (keypoints, colors) = match features {
            Ok(features) => (features.keypoints()?.to_vec(), features.view().rows::<u8, 3>("colors")?.to_vec()),
            Err(_) => (Vec::new(), Vec::new()),
        };
        graph.keypoints.push(keypoints);
        graph.colors.push(colors);
    }
    let with_matches = matched.iter().filter(|(_, matches)| !matches.is_empty());
    graph.pairs = with_matches.map(|(pair, matches)| PairMatches { pair: *pair, matches: matches.clone() }).collect();
    Ok(graph)
}

/// Maps a graph; a mapping of an earlier run of the same graph is read, not computed (then the second value is true).
pub(crate) fn map(
    context: &Context<'_>,
    graph: &MatchGraph,
    plan: &StagePlan,
    artifacts: &Artifacts,
    instance: impl FnOnce() -> Result<Instance, PipelineError>,
) -> Result<(Mapping, bool), PipelineError> {
    let path = artifacts.mapping(&mapping_key(graph, plan, context.seed()));
    if let Some(stored) = context.reuse(tensor_file::read(&path))? {
        return Ok((Mapping::from_named(&NamedView::of(&stored))?, true));
    }
    let mapping = instance()?.map(graph)?;
    tensor_file::write(&path, &NamedView::of(&mapping.to_named()?))?;
    Ok((mapping, false))
}
