//! The pipeline: read, extract, pair, match, map, export.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use scene3d_engine::{Negotiated, StagePlan};
use scene3d_scene::{Reconstruction, Statistics};
use scene3d_tensor::Device;

use crate::artifacts::Artifacts;
use crate::context::Context;
use crate::delegate::Delegate;
use crate::event_log::EventLog;
use crate::extractions::{Sources, extract_all, num_extractions};
use crate::finished::Finished;
use crate::gathered::{OfEntry, of_entry};
use crate::joined::{FromEntry, Joined};
use crate::map::{map, match_graph};
use crate::matching::match_all;
use crate::memory::available_bytes;
use crate::observer::{Observer, StageName};
use crate::out_folder::OutFolder;
use crate::outputs::{write_model, write_report};
use crate::pairing::choose_pairs;
use crate::photo_source::PhotoSource;
use crate::photos::{PhotoLimits, PhotoSet};
use crate::plugins::Plugins;
use crate::resident::Resident;
use crate::spill::SpillStore;
use crate::{Cancel, PipelineError, run_record};

/// What to reconstruct, with what, and where to put it.
pub struct Request {
    /// The photos.
    pub photos: PhotoSource,
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
    /// All models, most registered images first; the first is the one that was exported.
    pub models: Vec<Reconstruction>,
}

/// Reconstructs photos with plugins of the registry that the config was negotiated with.
///
/// # Errors
/// [`PipelineError`]; what was finished is kept in the output folder and a later run with `resume` goes on from there.
pub fn reconstruct(
    request: &Request,
    plugins: &Plugins,
    observer: Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<Outcome, PipelineError> {
    reconstruct_with(request, plugins, observer, cancel, None)
}

/// The same model by the help of others, who extract and match.
///
/// # Errors
/// As [`reconstruct`], and [`PipelineError::Elsewhere`].
pub fn reconstruct_with(
    request: &Request,
    plugins: &Plugins,
    observer: Arc<dyn Observer>,
    cancel: &Cancel,
    delegate: Option<Arc<dyn Delegate>>,
) -> Result<Outcome, PipelineError> {
    let out = OutFolder::open(&request.out, request.resume)?;
    let log = Arc::new(EventLog::open(&out.event_log(), observer));
    let mut context = Context::new(request, plugins, log, cancel.clone());
    context.delegate = delegate;
    run(&mut context, &out).inspect_err(|error| context.tell_failure(error))
}

fn run(context: &mut Context<'_>, out: &OutFolder) -> Result<Outcome, PipelineError> {
    let artifacts = Artifacts::open(&out.artifacts())?;
    let libraries = Cell::new(Some(context.load_ahead()));
    let request = context.request;
    let Negotiated { config, features, mapper } = &request.negotiated;

    let photos = context.stage(StageName::Read, None, |context| {
        let photos = PhotoSet::read(&request.photos, request.limits, &context.cancel)?;
        Ok((photos.photos.len(), 0, photos))
    })?;
    context.warn_of_rejected(&photos);
    run_record::write(context, &photos)?;
    // the mapper's child process needs a second to start: it does so while features are extracted
    let mapper_ahead = context.spawn_ahead(mapper);

    let num_photos = photos.photos.len();
    let resident =
        Resident::new(resident_bytes(context), SpillStore::new(artifacts.scratch(), Arc::clone(&context.transfers)));
    let parts = (photos.photos.as_slice(), &artifacts, &resident);
    let num_extractions = num_extractions(context, num_photos);
    let spawn = |context: &Context<'_>, plan: &StagePlan| {
        libraries.take().map_or(Ok(()), |ahead| ahead.wait(&context.cancel)).and_then(|()| context.spawn_all(plan))
    };
    let mut extractions = context.stage(StageName::Extract, Some(num_extractions), |context| {
        let (extractions, reused) = extract_all(Sources::new(context, parts), |plan| spawn(context, plan))?;
        Ok((num_extractions, reused, extractions))
    })?;
    context.tell_resident(&resident);
    let pairs = context.stage(StageName::Pair, None, |context| {
        let pairs = choose_pairs(Sources::new(context, parts), &mut extractions, |plan| spawn(context, plan))?;
        Ok((pairs.len(), 0, pairs))
    })?;
    let num_matchings = features.len() * pairs.len();
    let matched = context.stage(StageName::Match, Some(num_matchings), |context| {
        let spawn = |plan: &StagePlan| spawn(context, plan);
        let (found, reused) = match_all(Sources::new(context, parts), &pairs, &mut extractions, spawn)?;
        let of_entry = |(index, found)| of_entry(Sources::new(context, parts), extractions.of_entry(index), found);
        let matched = found.into_iter().enumerate().map(of_entry).collect::<Result<Vec<_>, _>>()?;
        context.tell_resident(&resident);
        Ok((num_matchings, reused, matched))
    })?;
    drop(resident);
    context.tell_nothing_resident();
    let mut entries = Vec::with_capacity(matched.len());
    for (index, OfEntry { gathered, matched }) in matched.iter().enumerate() {
        let extracted = gathered.as_ref().unwrap_or_else(|| extractions.of_entry(index));
        entries.push(FromEntry { extracted, matched });
    }
    let joined = Joined::of(&entries, config.join.radius as f32, &context.cancel)?;
    let mapping = context.stage(StageName::Map, Some(num_photos), |context| {
        let graph = match_graph(&photos.photos, &joined, out.mapper_workspace()?);
        let (mapping, is_reused) = map(context, &graph, mapper, &artifacts, || mapper_ahead.wait(&context.cancel))?;
        Ok((num_photos, if is_reused { num_photos } else { 0 }, mapping))
    })?;
    let finished = Finished { photos: &photos, joined: &joined, mapping: &mapping };
    let outputs = context.stage(StageName::Export, None, |context| {
        let outputs = write_model(context, &finished)?;
        Ok((outputs.len(), 0, outputs))
    })?;
    let report = write_report(context, &finished, outputs).map_err(|error| context.unless_cancelled(error))?;
    context.keep_instances();
    context.outcome(&report, mapping.models)
}

/// A quarter of the free memory of the host; nothing tells the free memory of a GPU before its stages are there.
pub(crate) fn resident_bytes(context: &Context<'_>) -> usize {
    const SHARE: u64 = 4;
    const WHERE_NOBODY_TELLS: u64 = 4 << 30;
    let configured = u64::from(context.request.negotiated.config.pipeline.resident_mib) << 20;
    let of_host = || match context.device() {
        Device::Cuda(_) => WHERE_NOBODY_TELLS,
        _ => available_bytes().map_or(WHERE_NOBODY_TELLS, |bytes| bytes / SHARE),
    };
    let bytes = if configured == 0 { of_host() } else { configured };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
