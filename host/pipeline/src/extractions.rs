//! Extraction for all entries of `[[features]]`: each distinct extractor once, what an earlier run found is read.

use std::sync::Arc;

use scene3d_engine::{FeaturesPlan, Instance, StagePlan};
use scene3d_export::Verdict;
use scene3d_wire::Named;

use crate::artifacts::{Artifacts, features_key};
use crate::context::Context;
use crate::delegate::{PartTask, work_elsewhere};
use crate::extract::{Finished, Tally, Task, Work};
use crate::observer::StageName;
use crate::photo_features::{DESCRIPTORS, Extracted, PhotoFeatures};
use crate::photos::{Photo, Rejected};
use crate::resident::{Kept, Kind, Resident};
use crate::spill::Spilled;
use crate::split::shards;
use crate::{PipelineError, tensor_file};

/// What extraction works with.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub context: &'a Context<'a>,
    pub photos: &'a [Photo],
    pub artifacts: &'a Artifacts,
    pub resident: &'a Resident,
}

impl<'a> Sources<'a> {
    pub(crate) fn new(
        context: &'a Context<'a>,
        (photos, artifacts, resident): (&'a [Photo], &'a Artifacts, &'a Resident),
    ) -> Self {
        Self { context, photos, artifacts, resident }
    }
}

/// Features by extractor. Entries of `[[features]]` with equal extractors share theirs.
pub(crate) struct Extractions {
    of_extractor: Vec<Extracted>,
    extractor_of_entry: Vec<usize>,
}

impl Extractions {
    /// What the extractor of an entry found.
    pub(crate) fn of_entry(&self, entry: usize) -> &Extracted {
        &self.of_extractor[self.extractor_of_entry[entry]]
    }

    /// What is kept of an image for an entry's matcher.
    pub(crate) fn descriptors(&self, entry: usize, image: usize) -> Kept {
        Kept { kind: Kind::Descriptors(self.extractor_of_entry[entry]), image }
    }

    /// Bytes that the artifacts of the image with the largest have.
    pub(crate) fn largest_image_bytes(sources: Sources<'_>) -> usize {
        let Sources { context, photos, artifacts, .. } = sources;
        let extractors = distinct_extractors(context).0;
        let size = |photo: &Photo, plan: &Option<&StagePlan>| {
            let path = artifacts.features(&features_key(&photo.sha256, *plan, context.seed()));
            std::fs::metadata(path).map_or(0, |metadata| metadata.len() as usize)
        };
        let of_photo = |photo: &Photo| extractors.iter().map(|plan| size(photo, plan)).sum();
        photos.iter().map(of_photo).max().unwrap_or(0)
    }

    /// Extracts again what was found in some photos where the descriptors are kept no more: those of an earlier run on a
    /// GPU never left it.
    pub(crate) fn extract_again(
        &mut self,
        sources: Sources<'_>,
        needed: impl Iterator<Item = Kept>,
        spawn: impl Fn(&StagePlan) -> Result<Vec<Arc<Instance>>, PipelineError>,
    ) -> Result<bool, PipelineError> {
        let mut tasks: Vec<Task> = Vec::new();
        for Kept { kind, image } in needed.filter(|kept| !sources.resident.has(*kept)) {
            let Kind::Descriptors(extractor) = kind else { continue };
            match tasks.iter_mut().find(|task| task.photo == image) {
                Some(task) if task.extractors.contains(&extractor) => {}
                Some(task) => task.extractors.push(extractor),
                None => tasks.push(Task { photo: image, extractors: vec![extractor] }),
            }
        }
        let extractors = distinct_extractors(sources.context).0;
        let finished = run(sources, &extractors, &tasks, None, spawn)?;
        for (extractor, photo, result) in finished {
            self.of_extractor[extractor][photo] = kept_if_sharp(sources, photo, result)?;
        }
        Ok(!tasks.is_empty())
    }
}

/// Extracts the features of all photos with the extractor of each entry. Also returns how many were reused.
pub(crate) fn extract_all(
    sources: Sources<'_>,
    spawn: impl Fn(&StagePlan) -> Result<Vec<Arc<Instance>>, PipelineError>,
) -> Result<(Extractions, usize), PipelineError> {
    let Sources { context, photos, .. } = sources;
    let (extractors, extractor_of_entry) = distinct_extractors(context);
    let mut found: Vec<Found> = extractors.iter().map(|_| photos.iter().map(|_| None).collect()).collect();
    read_stored(sources, &extractors, &mut found)?;
    let total = extractors.len() * photos.len();
    let reused = total - num_missing(&found);
    if let Some(delegate) = &context.delegate {
        let missing: Vec<usize> =
            (0..photos.len()).filter(|&photo| found.iter().any(|of_photo| of_photo[photo].is_none())).collect();
        let parts = shards(photos, &missing, delegate.images_per_shard(), &PartTask::Extract);
        work_elsewhere(context, delegate.as_ref(), parts, (StageName::Extract, [reused, total]))?;
        read_stored(sources, &extractors, &mut found)?;
    }
    let missing = |photo: usize| Task {
        photo,
        extractors: (0..extractors.len()).filter(|&extractor| found[extractor][photo].is_none()).collect(),
    };
    let tasks: Vec<Task> = (0..photos.len()).map(missing).filter(|task| !task.extractors.is_empty()).collect();
    let tally = Tally { before: total - num_missing(&found), total };
    for (extractor, photo, result) in run(sources, &extractors, &tasks, Some(tally), spawn)? {
        found[extractor][photo] = Some(result);
    }
    let mut of_extractor = Vec::with_capacity(extractors.len());
    for found in found {
        let kept = found.into_iter().flatten().enumerate().map(|(photo, found)| kept_if_sharp(sources, photo, found));
        of_extractor.push(kept.collect::<Result<_, _>>()?);
    }
    Ok((Extractions { of_extractor, extractor_of_entry }, reused))
}

/// By photo what an extractor found; none where nothing is known yet.
type Found = Vec<Option<Result<PhotoFeatures, Rejected>>>;

fn num_missing(found: &[Found]) -> usize {
    found.iter().flatten().filter(|found| found.is_none()).count()
}

/// Reads what lies in artifacts and is not known yet.
fn read_stored(
    sources: Sources<'_>,
    extractors: &[Option<&StagePlan>],
    found: &mut [Found],
) -> Result<(), PipelineError> {
    for (index, (plan, found)) in extractors.iter().zip(found).enumerate() {
        for (photo, found) in found.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            let stored = stored(sources, index, *plan, photo)?;
            if let (Some(features), Some(plan)) = (&stored, plan) {
                sources.context.observer.event(features.extracted(&sources.photos[photo], plan)?);
            }
            *found = stored.map(Ok);
        }
    }
    Ok(())
}

/// Number of items of the stage: photos by extractors.
pub(crate) fn num_extractions(context: &Context<'_>, num_photos: usize) -> usize {
    distinct_extractors(context).0.len() * num_photos
}

/// Runs the extractors that a task asks for; one instance of each for every worker.
fn run(
    sources: Sources<'_>,
    extractors: &[Option<&StagePlan>],
    tasks: &[Task],
    tally: Option<Tally>,
    spawn: impl Fn(&StagePlan) -> Result<Vec<Arc<Instance>>, PipelineError>,
) -> Result<Vec<Finished>, PipelineError> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let Sources { context, photos, artifacts, resident } = sources;
    let num_items = tasks.iter().map(|task| task.extractors.len()).sum();
    let is_first = tally.is_some();
    let tally = tally.unwrap_or(Tally { before: 0, total: num_items });
    let work = Work { context, photos, extractors, artifacts, resident, tally, is_first };
    work.run(tasks, || {
        let instances = extractors.iter().map(|plan| plan.map(&spawn).transpose()).collect::<Result<Vec<_>, _>>()?;
        let num_workers = instances.iter().flatten().map(Vec::len).min().unwrap_or(context.threads());
        let mut of_extractors: Vec<_> = instances.into_iter().map(|list| list.map(Vec::into_iter)).collect();
        let next_worker = |_| of_extractors.iter_mut().map(|list| list.as_mut()?.next()).collect();
        let of_workers: Vec<Vec<Option<Arc<Instance>>>> = (0..num_workers).map(next_worker).collect();
        of_workers.iter().flatten().flatten().for_each(|instance| resident.move_by(instance));
        Ok(of_workers)
    })
}

/// What an earlier run found in a photo; its descriptors wait in the artifact.
fn stored(
    sources: Sources<'_>,
    extractor: usize,
    plan: Option<&StagePlan>,
    photo: usize,
) -> Result<Option<PhotoFeatures>, PipelineError> {
    let Sources { context, photos, artifacts, resident } = sources;
    context.cancel.check()?;
    let key = features_key(&photos[photo].sha256, plan, context.seed());
    let path = artifacts.features(&key);
    let Some(tensors) = context.reuse(tensor_file::read(&path))? else { return Ok(None) };
    let (descriptors, tensors): (Named, Named) = tensors.into_iter().partition(|(name, _)| name == DESCRIPTORS);
    if !descriptors.is_empty() {
        let kept = Kept { kind: Kind::Descriptors(extractor), image: photo };
        resident.put_spilled(kept, Spilled::Artifact { path, name: DESCRIPTORS });
    }
    PhotoFeatures::new(&key, tensors).map(Some)
}

/// After extraction, not before: the artifact holds for every bound.
fn kept_if_sharp(
    sources: Sources<'_>,
    photo: usize,
    result: Result<PhotoFeatures, Rejected>,
) -> Result<Result<PhotoFeatures, Rejected>, PipelineError> {
    let min_sharpness = sources.context.request.negotiated.config.images.min_sharpness;
    let Ok(features) = result else { return Ok(result) };
    let sharpness = f64::from(features.sharpness()?);
    if sharpness >= min_sharpness {
        return Ok(Ok(features));
    }
    Ok(Err(Rejected {
        name: sources.photos[photo].info.name.clone(),
        verdict: Verdict::TooBlurred,
        reason: format!("sharpness {sharpness:.1}, expected at least {min_sharpness:.1}"),
        next_step: "take it again with a shorter exposure, or lower images.min_sharpness".to_owned(),
    }))
}

/// The extractors that differ.
pub(crate) fn distinct_plans(features: &[FeaturesPlan], seed: u64) -> Vec<Option<&StagePlan>> {
    distinct(features, seed).0
}

/// The extractors that differ, and which of them each entry has.
fn distinct_extractors<'a>(context: &Context<'a>) -> (Vec<Option<&'a StagePlan>>, Vec<usize>) {
    distinct(&context.request.negotiated.features, context.seed())
}

fn distinct(features: &[FeaturesPlan], seed: u64) -> (Vec<Option<&StagePlan>>, Vec<usize>) {
    let mut distinct: Vec<Option<&StagePlan>> = Vec::new();
    let mut identities: Vec<Option<String>> = Vec::new();
    let mut of_entry = Vec::new();
    for entry in features {
        let extractor = entry.extractor.as_ref();
        let identity = extractor.map(|plan| plan.identity_json(seed));
        let known = identities.iter().position(|known| *known == identity);
        of_entry.push(known.unwrap_or_else(|| {
            distinct.push(extractor);
            identities.push(identity);
            distinct.len() - 1
        }));
    }
    (distinct, of_entry)
}
