//! Verify and map: the whole match graph goes to the mapper, its models come back.

use std::path::PathBuf;

use scene3d_engine::{Instance, StagePlan};
use scene3d_scene::ImagePair;
use scene3d_wire::{Mapping, MatchGraph, NamedView, PairMatches};

use crate::artifacts::{Artifacts, mapping_key};
use crate::context::Context;
use crate::join::JoinedMatches;
use crate::joined::Joined;
use crate::photos::Photo;
use crate::{PipelineError, tensor_file};

/// Images, keypoints, colours and matches of all pairs that have any; photos without features have no keypoints.
pub(crate) fn match_graph(photos: &[Photo], joined: &Joined<'_>, workspace: PathBuf) -> MatchGraph {
    let mut graph = MatchGraph {
        images: photos.iter().map(|photo| photo.info.clone()).collect(),
        keypoints: Vec::with_capacity(photos.len()),
        colors: Vec::with_capacity(photos.len()),
        pairs: Vec::new(),
        workspace,
    };
    for image in &joined.images {
        let image = image.as_ref().ok();
        graph.keypoints.push(image.map(|image| image.found.keypoints.positions.clone()).unwrap_or_default());
        graph.colors.push(image.map(|image| image.colors.clone()).unwrap_or_default());
    }
    let with_matches = joined.matched.iter().filter(|(_, joined)| !joined.matches.is_empty());
    let of_pair = |(pair, joined): (&ImagePair, &JoinedMatches)| (*pair, joined.matches.clone());
    graph.pairs = with_matches.map(of_pair).map(|(pair, matches)| PairMatches { pair, matches }).collect();
    graph
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
