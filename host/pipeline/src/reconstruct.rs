//! The pipeline: read, extract, pair, match, map, export.

use std::path::PathBuf;
use std::sync::Arc;

use scene3d_engine::{Negotiated, Registry};
use scene3d_scene::Statistics;
use scene3d_tensor::Device;

use crate::artifacts::Artifacts;
use crate::context::Context;
use crate::extract::extract;
use crate::finished::Finished;
use crate::map::{map, match_graph};
use crate::matching::match_pairs;
use crate::observer::{Observer, StageName};
use crate::out_folder::OutFolder;
use crate::outputs::{write_model, write_report};
use crate::pairing::choose_pairs;
use crate::photos::{PhotoLimits, PhotoSet};
use crate::{Cancel, PipelineError, run_record};

/// What to reconstruct, with what, and where to put it.
pub struct Request {
    /// Folder of the photos.
    pub photos: PathBuf,
    /// Output folder.
    pub out: PathBuf,
    /// Name of the config, e.g. `aliked+lightglue`.
    pub config_name: String,
    /// The checked config.
    pub negotiated: Negotiated,
    /// Whether to go on with a run in the output folder.
    pub resume: bool,
    /// Bounds on the photos.
    pub limits: PhotoLimits,
    /// The command that runs this again.
    pub command: String,
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Images given, including the rejected ones.
    pub num_images: usize,
    /// Figures of the largest model.
    pub statistics: Statistics,
    /// The output folder.
    pub out: PathBuf,
    /// `report.html`.
    pub report: PathBuf,
    /// Wall time of the run.
    pub secs: f64,
}

/// Reconstructs a folder of photos with plugins of the registry that the config was negotiated with.
///
/// # Errors
/// [`PipelineError`]; what was finished is kept in the output folder and a later run with `resume` goes on from there.
pub fn reconstruct(
    request: &Request,
    registry: &Arc<Registry>,
    observer: Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Outcome, PipelineError> {
    check_devices(&request.negotiated)?;
    let out = OutFolder::open(&request.out, request.resume)?;
    let artifacts = Artifacts::open(&out.artifacts())?;
    let mut context = Context::new(request, Arc::clone(registry), observer, cancel.clone());
    let libraries = context.load_ahead();
    let Negotiated { extractor, matcher, mapper, .. } = &request.negotiated;

    let photos = context.stage(StageName::Read, None, |_| {
        let photos = PhotoSet::read(&request.photos, request.limits, cancel)?;
        Ok((photos.photos.len(), 0, photos))
    })?;
    context.warn_of_rejected(&photos);
    run_record::write(&context, &photos)?;
    // the mapper's child process needs a second to start: it does so while features are extracted
    let mapper_ahead = context.spawn_ahead(mapper);

    let num_photos = photos.photos.len();
    let extracted = context.stage(StageName::Extract, Some(num_photos), |context| {
        let spawn = || libraries.wait().and_then(|()| context.spawn_all(extractor));
        let (extracted, reused) = extract(context, &photos.photos, extractor, &artifacts, spawn)?;
        Ok((num_photos, reused, extracted))
    })?;
    let pairs = context.stage(StageName::Pair, None, |context| {
        let pairs = choose_pairs(context, &extracted)?;
        Ok((pairs.len(), 0, pairs))
    })?;
    let matched = context.stage(StageName::Match, Some(pairs.len()), |context| {
        let spawn = || context.spawn_all(matcher);
        let (matched, reused) = match_pairs(context, &pairs, &extracted, (extractor, matcher), &artifacts, spawn)?;
        Ok((pairs.len(), reused, matched))
    })?;
    let mapping = context.stage(StageName::Map, Some(num_photos), |context| {
        let graph = match_graph(&photos.photos, &extracted, &matched, out.mapper_workspace()?)?;
        let (mapping, is_reused) = map(context, &graph, mapper, &artifacts, || mapper_ahead.wait())?;
        Ok((num_photos, if is_reused { num_photos } else { 0 }, mapping))
    })?;
    let finished = Finished { photos: &photos, extracted: &extracted, matched: &matched, mapping: &mapping };
    let outputs = context.stage(StageName::Export, None, |context| {
        let outputs = write_model(context, &finished)?;
        Ok((outputs.len(), 0, outputs))
    })?;
    let report = write_report(&context, &finished, outputs)?;
    context.outcome(&report)
}

fn check_devices(negotiated: &Negotiated) -> Result<(), PipelineError> {
    match negotiated.stages().into_iter().find(|plan| plan.device != Device::Cpu) {
        None => Ok(()),
        Some(plan) => Err(PipelineError::Device { stage: plan.kind().name(), device: plan.device }),
    }
}
