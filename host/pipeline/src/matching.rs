//! Match pairs: each image is prepared once, pairs are shared out over the matcher's instances.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Sender, bounded};
use scene3d_engine::{FeaturesPlan, Instance, StagePlan};
use scene3d_scene::{ImageId, ImagePair, Matches};
use scene3d_tensor::Tensor;
use scene3d_wire::{ImageFeatures, NamedView, Prepared, PreparedPair};

use crate::PipelineError;
use crate::artifacts::{Artifacts, match_stage_key, pair_key};
use crate::context::Context;
use crate::decode::decode;
use crate::extract::{Extracted, PhotoFeatures, Tally};
use crate::extractions::Extractions;
use crate::journal::Journal;
use crate::observer::{Event, StageName};
use crate::photos::{Photo, Rejected};
use crate::resident::Resident;

/// Memory for prepared tensors; what does not fit is prepared again when needed.
const RESIDENT_BYTES: usize = 1 << 30;

/// Matches by pair, and how many of them were taken from an earlier run.
type Matched = (BTreeMap<ImagePair, Matches>, usize);

/// Matches all pairs with the matcher of each entry of `[[features]]`, one after the other. Also returns how many were
/// reused.
pub(crate) fn match_all(
    context: &Context<'_>,
    photos: &[Photo],
    pairs: &[ImagePair],
    extractions: &Extractions,
    artifacts: &Artifacts,
    instances: impl Fn(&StagePlan) -> Result<Vec<Instance>, PipelineError>,
) -> Result<(Vec<BTreeMap<ImagePair, Matches>>, usize), PipelineError> {
    let entries = &context.request.negotiated.features;
    let mut of_entries = Vec::with_capacity(entries.len());
    let mut num_reused = 0;
    for (index, plan) in entries.iter().enumerate() {
        let tally = Tally { before: index * pairs.len(), total: entries.len() * pairs.len() };
        let entry = Entry { photos, extracted: extractions.of_entry(index), plan };
        let (matched, reused) = match_pairs(context, pairs, entry, artifacts, tally, || instances(&plan.matcher))?;
        of_entries.push(matched);
        num_reused += reused;
    }
    Ok((of_entries, num_reused))
}

/// An entry of `[[features]]` with what its extractor found.
#[derive(Clone, Copy)]
struct Entry<'a> {
    photos: &'a [Photo],
    extracted: &'a Extracted,
    plan: &'a FeaturesPlan,
}

/// Matches all pairs; those of an earlier run are read, not computed.
fn match_pairs(
    context: &Context<'_>,
    pairs: &[ImagePair],
    entry: Entry<'_>,
    artifacts: &Artifacts,
    tally: Tally,
    instances: impl FnOnce() -> Result<Vec<Instance>, PipelineError>,
) -> Result<Matched, PipelineError> {
    let journal = Journal::open(&artifacts.matches(&match_stage_key(entry.plan, context.seed())))?;
    let mut matched = BTreeMap::new();
    let mut missing = Vec::new();
    for &pair in pairs {
        match features_of(entry.extracted, pair) {
            None => drop(matched.insert(pair, Matches::default())),
            Some([a, b]) => match journal.find(&pair_key(&a.key, &b.key)) {
                Some(matches) => drop(matched.insert(pair, matches.clone())),
                None => missing.push(pair),
            },
        }
    }
    let reused = matched.len();
    if !missing.is_empty() {
        let resident = Resident::new(RESIDENT_BYTES);
        let tally = Tally { before: tally.before + reused, ..tally };
        let work = Work { context, entry, journal: &journal, missing: &missing, resident, tally };
        matched.extend(work.run(&instances()?)?);
    }
    Ok((matched, reused))
}

/// Features of both images, if both have keypoints.
fn features_of(extracted: &Extracted, pair: ImagePair) -> Option<[&PhotoFeatures; 2]> {
    let of = |id: ImageId| {
        let features = extracted.get(id.0 as usize - 1)?.as_ref().ok()?;
        features.keypoints().is_ok_and(|keypoints| !keypoints.is_empty()).then_some(features)
    };
    Some([of(pair.image1)?, of(pair.image2)?])
}

struct Work<'a> {
    context: &'a Context<'a>,
    entry: Entry<'a>,
    journal: &'a Journal,
    missing: &'a [ImagePair],
    resident: Resident<ImageId, Prepared>,
    tally: Tally,
}

type Finished = Result<(ImagePair, Matches), PipelineError>;

impl Work<'_> {
    fn run(&self, instances: &[Instance]) -> Result<BTreeMap<ImagePair, Matches>, PipelineError> {
        let next = AtomicUsize::new(0);
        let (sender, finished) = bounded::<Finished>(instances.len());
        let matched = thread::scope(|scope| {
            for instance in instances {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || self.match_until_done(instance, next, &sender));
            }
            drop(sender);
            let mut matched = BTreeMap::new();
            for result in finished {
                let (pair, matches) = result?;
                matched.insert(pair, matches);
                let (done, total) = (self.tally.before + matched.len(), self.tally.total);
                let what = format!("{} x {}", pair.image1, pair.image2);
                self.context.observer.event(Event::Progress { stage: StageName::Match, done, total, what });
            }
            Ok::<_, PipelineError>(matched)
        })?;
        self.context.cancel.check()?;
        self.report_evictions();
        Ok(matched)
    }

    fn match_until_done(&self, instance: &Instance, next: &AtomicUsize, sender: &Sender<Finished>) {
        while let Some(&pair) = self.missing.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = self.match_one(instance, pair).map(|matches| (pair, matches));
            if sender.send(result).is_err() || self.context.cancel.is_cancelled() {
                return;
            }
        }
    }

    fn match_one(&self, instance: &Instance, pair: ImagePair) -> Result<Matches, PipelineError> {
        let Some([features1, features2]) = features_of(self.entry.extracted, pair) else {
            return Ok(Matches::default());
        };
        let image1 = self.prepared(instance, pair.image1, features1)?;
        let image2 = self.prepared(instance, pair.image2, features2)?;
        let prepared = PreparedPair { image1: NamedView::of(&image1), image2: NamedView::of(&image2) };
        let num_keypoints = [features1.keypoints()?.len(), features2.keypoints()?.len()];
        let matches = instance.match_pairs(&[prepared], &[num_keypoints])?.into_iter().next();
        let matches = matches.ok_or_else(|| PipelineError::internal("the matcher returned nothing for a pair"))?;
        self.journal.append(&pair_key(&features1.key, &features2.key), &matches)?;
        Ok(matches)
    }

    fn prepared(
        &self,
        instance: &Instance,
        image: ImageId,
        features: &PhotoFeatures,
    ) -> Result<Arc<Prepared>, PipelineError> {
        let size_bytes = |prepared: &Prepared| prepared.iter().map(|(_, tensor)| tensor.view().size_bytes()).sum();
        self.resident.get_or_compute(image, size_bytes, || {
            let pixels = self.pixels(image)?;
            let features = ImageFeatures::from_named(&features.view())?;
            Ok(instance.prepare(&ImageFeatures { pixels: pixels.as_ref().map(Tensor::view), ..features })?)
        })
    }

    /// Pixels of a photo that could be decoded before, for matchers that look at them.
    fn pixels(&self, image: ImageId) -> Result<Option<Tensor>, PipelineError> {
        let plan = &self.entry.plan.matcher;
        let Some(photo) = self.entry.photos.get(image.0 as usize - 1).filter(|_| plan.needs_pixels()) else {
            return Ok(None);
        };
        let decoded = decode(photo, plan.max_long_side_px.unwrap_or(u32::MAX));
        let changed = |rejected: Rejected| PipelineError::PhotoChanged { name: rejected.name, reason: rejected.reason };
        Ok(Some(decoded.map_err(changed)?.pixels))
    }

    fn report_evictions(&self) {
        let num_evictions = self.resident.num_evictions();
        if num_evictions > 0 {
            let budget_mb = RESIDENT_BYTES >> 20;
            let message = format!("{num_evictions} images were prepared again: they did not fit into {budget_mb} MB");
            self.context.warn(message);
        }
    }
}
