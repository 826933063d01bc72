//! Matches the missing pairs of one entry of `[[features]]`: each image is prepared once, pairs are shared out over the
//! matcher's instances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Sender, bounded};
use scene3d_engine::{FeaturesPlan, Instance};
use scene3d_scene::ImagePair;
use scene3d_tensor::{Device, Tensor};
use scene3d_wire::{ImageFeatures, Named, NamedView, PreparedPair};

use crate::PipelineError;
use crate::artifacts::pair_key;
use crate::decode::{DecodedPhoto, decode};
use crate::extract::{Tally, place_of};
use crate::extractions::{Extractions, Sources};
use crate::journal::Journal;
use crate::matching::{Found, features_of};
use crate::observer::{Event, StageName};
use crate::pair_found::{FoundKind, PairFound};
use crate::pairing::{in_tile_order, tile_side};
use crate::photo_features::{DESCRIPTORS, PhotoFeatures};
use crate::photos::Rejected;
use crate::resident::{Kept, Kind};

/// Pairs that go through a matcher at once on a GPU; on the CPU each goes alone.
const DEVICE_BATCH: usize = 16;

/// Places in the order of the work, for what is kept of images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    entry: usize,
}

impl Places {
    pub(crate) fn of_entry(entry: usize) -> Self {
        Self { entry }
    }

    /// Where the entry's images are prepared.
    pub(crate) fn first(self) -> u64 {
        (self.entry as u64) << 40
    }

    fn pair(self, place: usize) -> u64 {
        self.first() + 1 + place as u64
    }
}

/// Matching of one entry.
pub(crate) struct MatchWork<'a> {
    pub sources: Sources<'a>,
    pub extractions: &'a Extractions,
    pub index: usize,
    pub plan: &'a FeaturesPlan,
    pub journal: &'a Journal,
    pub tally: Tally,
}

type Finished = Result<(ImagePair, PairFound), PipelineError>;

impl MatchWork<'_> {
    pub(crate) fn run(&self, missing: Vec<ImagePair>, instances: &[Arc<Instance>]) -> Result<Found, PipelineError> {
        let Some(first) = instances.first() else { return Err(PipelineError::internal("no instance of the matcher")) };
        self.sources.resident.move_by(first);
        let (pairs, tile_side) = self.in_order(missing, first)?;
        // the images of a batch are held together
        let batch_size = if first.device() == Device::Cpu { 1 } else { DEVICE_BATCH.min(tile_side.saturating_pow(2)) };
        let next = AtomicUsize::new(0);
        let (sender, finished) = bounded::<Finished>(instances.len());
        let matched = thread::scope(|scope| {
            for instance in instances {
                let (sender, next, pairs) = (sender.clone(), &next, &pairs);
                scope.spawn(move || self.match_until_done(instance, (pairs, batch_size), next, &sender));
            }
            drop(sender);
            let mut matched = BTreeMap::new();
            for result in finished {
                let (pair, matches) = result?;
                matched.insert(pair, matches);
                let (done, total) = (self.tally.before + matched.len(), self.tally.total);
                let what = format!("{} x {}", pair.image1, pair.image2);
                let observer = &self.sources.context.observer;
                observer.event(Event::Progress { stage: StageName::Match, done, total, what });
            }
            Ok::<_, PipelineError>(matched)
        })?;
        self.sources.context.cancel.check()?;
        Ok(matched)
    }

    /// The pairs in tiles that fit the budget, by the size of the first image prepared, and the tiles' side; each use is
    /// announced.
    fn in_order(&self, missing: Vec<ImagePair>, instance: &Instance) -> Result<(Vec<ImagePair>, usize), PipelineError> {
        let Some(&pair) = missing.first() else { return Ok((missing, 1)) };
        let resident = self.sources.resident;
        let prepared = self.prepared(instance, place_of(pair.image1))?;
        let size_bytes = prepared.iter().map(|(_, tensor)| tensor.view().size_bytes()).sum();
        let missing: BTreeSet<ImagePair> = missing.into_iter().collect();
        let side = tile_side(resident.budget_bytes(), size_bytes);
        let pairs = in_tile_order(&missing, side);
        let mut uses: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (place, pair) in pairs.iter().enumerate() {
            for id in [pair.image1, pair.image2] {
                uses.entry(place_of(id)).or_default().push(Places::of_entry(self.index).pair(place));
            }
        }
        uses.into_iter().for_each(|(image, places)| resident.expect(self.kept(image), places));
        Ok((pairs, side))
    }

    fn match_until_done(
        &self,
        instance: &Instance,
        (pairs, batch_size): (&[ImagePair], usize),
        next: &AtomicUsize,
        sender: &Sender<Finished>,
    ) {
        loop {
            let first = next.fetch_add(batch_size, Ordering::Relaxed);
            let Some(batch) = pairs.get(first..pairs.len().min(first + batch_size)).filter(|batch| !batch.is_empty())
            else {
                return;
            };
            let results: Vec<Finished> = match self.match_batch(instance, batch) {
                Ok(matches) => batch.iter().copied().zip(matches).map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            for (place, pair) in batch.iter().enumerate() {
                for id in [pair.image1, pair.image2] {
                    let place = Places::of_entry(self.index).pair(first + place);
                    self.sources.resident.done(self.kept(place_of(id)), place);
                }
            }
            for result in results {
                if sender.send(result).is_err() || self.sources.context.cancel.is_cancelled() {
                    return;
                }
            }
        }
    }

    fn match_batch(&self, instance: &Instance, batch: &[ImagePair]) -> Result<Vec<PairFound>, PipelineError> {
        let mut prepared = Vec::with_capacity(batch.len());
        let features = batch.iter().map(|pair| self.features_of(*pair)).collect::<Result<Vec<_>, _>>()?;
        for pair in batch {
            prepared.push([
                self.prepared(instance, place_of(pair.image1))?,
                self.prepared(instance, place_of(pair.image2))?,
            ]);
        }
        let prepared: Vec<PreparedPair<'_>> = prepared.iter().map(of_pair).collect();
        let found = self.kind().find(instance, &prepared, &features)?;
        for ([a, b], found) in features.iter().zip(&found) {
            self.journal.append(&pair_key(&a.found, &b.found), found)?;
        }
        Ok(found)
    }

    fn features_of(&self, pair: ImagePair) -> Result<[&PhotoFeatures; 2], PipelineError> {
        let gone = || PipelineError::internal(format!("{} x {} lost its features", pair.image1, pair.image2));
        features_of(self.extractions.of_entry(self.index), pair, self.kind()).ok_or_else(gone)
    }

    fn kind(&self) -> FoundKind {
        FoundKind::of(&self.plan.matcher)
    }

    fn kept(&self, image: usize) -> Kept {
        Kept { kind: Kind::Prepared(self.index), image }
    }

    fn prepared(&self, instance: &Instance, image: usize) -> Result<Arc<Named>, PipelineError> {
        let resident = self.sources.resident;
        resident.get_or_compute(self.kept(image), || {
            let kept = self.extractions.descriptors(self.index, image);
            let descriptors = resident.get(kept)?;
            let prepared = self.prepare(instance, image, &descriptors)?;
            drop(descriptors);
            resident.done(kept, Places::of_entry(self.index).first());
            Ok(prepared)
        })
    }

    fn prepare(&self, instance: &Instance, image: usize, descriptors: &Named) -> Result<Named, PipelineError> {
        let features = match self.extractions.of_entry(self.index).get(image) {
            Some(Ok(features)) => features,
            _ => return Err(PipelineError::internal("an image without features is to be prepared")),
        };
        let mut tensors = features.view();
        let descriptors = NamedView::of(descriptors).get(DESCRIPTORS)?;
        // another found them, and they came by a file
        let copies = match descriptors.device() == instance.device() {
            true => Named::new(),
            false => self.sources.context.transfers.copy(
                StageName::Match,
                instance,
                instance.device(),
                &NamedView(vec![(DESCRIPTORS, descriptors)]),
            )?,
        };
        tensors.0.push((DESCRIPTORS, copies.first().map_or(descriptors, |(_, copy)| copy.view())));
        let decoded = self.decoded(image)?;
        let pixels = decoded.as_ref().map(|photo| Tensor::view(&photo.pixels));
        Ok(instance.prepare(&ImageFeatures { pixels, ..ImageFeatures::from_named(&tensors)? })?)
    }

    /// A photo that could be decoded before, for matchers that look at them.
    fn decoded(&self, image: usize) -> Result<Option<Arc<DecodedPhoto>>, PipelineError> {
        let matcher = &self.plan.matcher;
        let Some(photo) = self.sources.photos.get(image).filter(|_| matcher.needs_pixels()) else { return Ok(None) };
        let changed = |rejected: Rejected| PipelineError::PhotoChanged { name: rejected.name, reason: rejected.reason };
        decode(photo, matcher.max_long_side_px.unwrap_or(u32::MAX)).map(Some).map_err(changed)
    }
}

fn of_pair([image1, image2]: &[Arc<Named>; 2]) -> PreparedPair<'_> {
    PreparedPair { image1: NamedView::of(image1), image2: NamedView::of(image2) }
}
