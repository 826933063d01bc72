//! Works on a part of a run: what it finishes lies in artifacts under the keys that the run looks for.

use std::collections::HashMap;
use std::sync::Arc;

use scene3d_engine::{Negotiated, StagePlan};
use scene3d_scene::{ImageId, ImageInfo, ImagePair};

use crate::artifacts::{Artifacts, features_key, features_name, journal_name, match_stage_key, retrieval_name};
use crate::context::Context;
use crate::delegate::PartTask;
use crate::describe::describe_shard;
use crate::event_log::EventLog;
use crate::extractions::{Sources, distinct_plans, extract_all, num_extractions};
use crate::matching::match_all;
use crate::observer::{Observer, StageName};
use crate::out_folder::OutFolder;
use crate::pairing::{OnHost, retrieval_of};
use crate::photo_source::NamedFile;
use crate::photos::{Photo, PhotoSet};
use crate::plugins::Plugins;
use crate::reconstruct::{Request, resident_bytes};
use crate::resident::Resident;
use crate::spill::SpillStore;
use crate::{Cancel, PhotoSource, PipelineError};

/// A photo whose content is known without being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPhoto {
    /// The file; it need not be there for what does not look at photos.
    pub file: NamedFile,
    /// Of the file, lower-case hex.
    pub sha256: String,
}

/// A part and what it is done with.
pub struct PartRequest<'a> {
    /// The photos of the part, in the run's order.
    pub photos: &'a [KnownPhoto],
    /// What is done with them.
    pub task: &'a PartTask,
    /// Whether the files of the photos are there to be read.
    pub reads_photos: bool,
}

impl PartRequest<'_> {
    /// Whether it looks at the photos even if all that was found in them is there.
    #[must_use]
    pub fn looks_at_photos(&self, negotiated: &Negotiated) -> bool {
        match self.task {
            PartTask::Extract => true,
            PartTask::Describe { .. } => false,
            PartTask::Match { .. } => negotiated.features.iter().any(|entry| entry.matcher.needs_pixels()),
        }
    }

    /// Names below the artifacts of the files that it begins with, as far as they are there.
    #[must_use]
    pub fn begins_with(&self, negotiated: &Negotiated) -> Vec<String> {
        let seed = negotiated.config.pipeline.seed;
        let plans = distinct_plans(&negotiated.features, seed);
        let name = |photo: &KnownPhoto, plan| features_name(&features_key(&photo.sha256, plan, seed));
        let mut names: Vec<String> =
            self.photos.iter().flat_map(|photo| plans.iter().map(move |plan| name(photo, *plan))).collect();
        if let PartTask::Describe { codebook } = self.task {
            names.push(retrieval_name(codebook));
        }
        names
    }

    /// Names below the artifacts of the journals that it goes on with.
    #[must_use]
    pub fn journals(&self, negotiated: &Negotiated) -> Vec<String> {
        let seed = negotiated.config.pipeline.seed;
        match self.task {
            PartTask::Extract | PartTask::Describe { .. } => Vec::new(),
            PartTask::Match { .. } => {
                negotiated.features.iter().map(|plan| journal_name(&match_stage_key(plan, seed))).collect()
            }
        }
    }
}

/// Works on a part, in the output folder of `request`; its photos are those of the part.
///
/// # Errors
/// [`PipelineError`]; what was finished is kept there.
pub fn work_on_part(
    request: &Request,
    part: &PartRequest<'_>,
    plugins: &Plugins,
    observer: Arc<dyn Observer>,
    cancel: &Cancel,
) -> Result<(), PipelineError> {
    let out = OutFolder::open(&request.out, request.resume)?;
    let log = Arc::new(EventLog::open(&out.event_log(), observer));
    let mut context = Context::new(request, plugins, log, cancel.clone());
    context.is_part = true;
    work(&mut context, part, &out).inspect_err(|error| context.tell_failure(error))
}

fn work(context: &mut Context<'_>, part: &PartRequest<'_>, out: &OutFolder) -> Result<(), PipelineError> {
    let artifacts = Artifacts::open(&out.artifacts())?;
    let photos = context.stage(StageName::Read, None, |context| {
        let photos = photos_of(context, part)?;
        Ok((photos.len(), 0, photos))
    })?;
    let resident =
        Resident::new(resident_bytes(context), SpillStore::new(artifacts.scratch(), Arc::clone(&context.transfers)));
    let parts = (photos.as_slice(), &artifacts, &resident);
    let num_extractions = num_extractions(context, photos.len());
    let spawn = |context: &Context<'_>, plan: &StagePlan| context.spawn_all(plan);
    let mut extractions = context.stage(StageName::Extract, Some(num_extractions), |context| {
        let (extractions, reused) = extract_all(Sources::new(context, parts), |plan| spawn(context, plan))?;
        Ok((num_extractions, reused, extractions))
    })?;
    context.tell_resident(&resident);
    match part.task {
        PartTask::Extract => {}
        PartTask::Describe { codebook } => context.stage(StageName::Pair, None, |context| {
            let sources = Sources::new(context, parts);
            let images = OnHost { sources, extractions: &extractions };
            describe_shard(sources, &extractions, (&retrieval_of(sources, 0), &images), codebook)?;
            Ok((photos.len(), 0, ()))
        })?,
        PartTask::Match { pairs } => {
            let pairs = pairs_of(&photos, part.photos, pairs);
            let num_matchings = context.request.negotiated.features.len() * pairs.len();
            context.stage(StageName::Match, Some(num_matchings), |context| {
                let spawn = |plan: &StagePlan| spawn(context, plan);
                let (_, reused) = match_all(Sources::new(context, parts), &pairs, &mut extractions, spawn)?;
                context.tell_resident(&resident);
                Ok((num_matchings, reused, ()))
            })?;
        }
    }
    drop(resident);
    context.tell_nothing_resident();
    context.keep_instances();
    Ok(())
}

/// Those that can be used. What only matches features needs no photo.
fn photos_of(context: &Context<'_>, part: &PartRequest<'_>) -> Result<Vec<Photo>, PipelineError> {
    let request = context.request;
    if part.reads_photos {
        let files = part.photos.iter().map(|photo| photo.file.clone()).collect();
        return Ok(PhotoSet::read_any(&PhotoSource::Files(files), request.limits, &context.cancel)?.photos);
    }
    let known = |(index, photo): (usize, &KnownPhoto)| Photo {
        info: ImageInfo {
            image_id: ImageId(index as u32 + 1),
            name: photo.file.name.clone(),
            image_size: [0, 0],
            focal_px: None,
            device: None,
        },
        path: photo.file.path.clone(),
        sha256: photo.sha256.clone(),
        orientation: 1,
    };
    Ok(part.photos.iter().enumerate().map(known).collect())
}

/// Pairs of those that can be used.
fn pairs_of(photos: &[Photo], known: &[KnownPhoto], pairs: &[[u32; 2]]) -> Vec<ImagePair> {
    let ids: HashMap<&str, ImageId> =
        photos.iter().map(|photo| (photo.info.name.as_str(), photo.info.image_id)).collect();
    let id = |place: u32| known.get(place as usize).and_then(|photo| ids.get(photo.file.name.as_str())).copied();
    let mut pairs: Vec<ImagePair> = pairs.iter().filter_map(|&[a, b]| ImagePair::new(id(a)?, id(b)?).ok()).collect();
    pairs.sort_unstable();
    pairs
}
