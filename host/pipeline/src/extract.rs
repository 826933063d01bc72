//! Decode and extract: photos are decoded by a bounded pool ahead of the extractors' instances, each photo once for all
//! extractors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use scene3d_engine::{Instance, StagePlan};
use scene3d_scene::ImageId;
use scene3d_tensor::{Device, Tensor};
use scene3d_wire::{Features, ImageTensor, Named, NamedView};

use crate::artifacts::{Artifacts, features_key};
use crate::context::Context;
use crate::decode::{DecodedPhoto, decode_each};
use crate::observer::{Event, StageName};
use crate::photo_features::{DESCRIPTORS, PhotoFeatures, with_appearance};
use crate::photos::{Photo, Rejected};
use crate::resident::{Kept, Kind, Resident};
use crate::spill::Spilled;
use crate::{PipelineError, tensor_file};

/// Photos decoded ahead, per worker and item of its batches.
const DECODED_AHEAD: usize = 2;
/// Long side of photos that are only looked at, in px.
const LOOKED_AT_PX: u32 = 1024;
/// Photos that go through an extractor at once on a GPU; on the CPU each goes alone.
const DEVICE_BATCH: usize = 8;

/// Where in a stage of several plugins the work of one begins, for its progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    /// Items before.
    pub before: usize,
    /// Items of all.
    pub total: usize,
}

/// A photo and the extractors, by their place in [`Work::extractors`], that are to see it.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// Place among the photos.
    pub photo: usize,
    /// At least one.
    pub extractors: Vec<usize>,
}

/// Extraction of some photos.
pub(crate) struct Work<'a> {
    pub context: &'a Context<'a>,
    pub photos: &'a [Photo],
    /// None where photos are only looked at.
    pub extractors: &'a [Option<&'a StagePlan>],
    pub artifacts: &'a Artifacts,
    pub resident: &'a Resident,
    pub tally: Tally,
    /// Whether what is found is news: it may have been found before and not kept.
    pub is_first: bool,
}

/// Features that an extractor found in a photo, by their places.
pub(crate) type Finished = (usize, usize, Result<PhotoFeatures, Rejected>);

/// Photos decoded for each of a task's extractors.
type Decoded<'t> = (&'t Task, Result<Vec<Arc<DecodedPhoto>>, Rejected>);

/// One instance of each extractor, the same thread asks them all.
type Instances = Vec<Option<Arc<Instance>>>;

impl Work<'_> {
    /// Decoding begins while the instances are made. Descriptors are kept where the stages work, the rest is returned.
    pub(crate) fn run(
        &self,
        tasks: &[Task],
        instances: impl FnOnce() -> Result<Vec<Instances>, PipelineError>,
    ) -> Result<Vec<Finished>, PipelineError> {
        let next = AtomicUsize::new(0);
        let (threads, batch) = (self.context.threads(), self.batch());
        let (decoded_sender, decoded) = bounded::<Decoded<'_>>(DECODED_AHEAD * threads.max(batch));
        let (finished_sender, finished) = bounded::<Result<Finished, PipelineError>>(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                let sender = decoded_sender.clone();
                let next = &next;
                scope.spawn(move || self.decode_all(tasks, next, &sender));
            }
            drop(decoded_sender);
            // moved in: an early return closes it, and the decoders end
            let decoded = decoded;
            for instances in instances()? {
                let (decoded, sender) = (decoded.clone(), finished_sender.clone());
                scope.spawn(move || self.extract_all(&instances, &decoded, &sender));
            }
            // the workers hold the ends they need; when the collector leaves early they find theirs closed and end
            drop((decoded, finished_sender));
            self.collect(finished)
        })
    }

    fn long_side_px(&self, extractor: usize) -> u32 {
        self.extractors[extractor].map_or(LOOKED_AT_PX, |plan| plan.max_long_side_px.unwrap_or(u32::MAX))
    }

    fn batch(&self) -> usize {
        if self.context.device() == Device::Cpu { 1 } else { DEVICE_BATCH }
    }

    fn decode_all<'t>(&self, tasks: &'t [Task], next: &AtomicUsize, sender: &Sender<Decoded<'t>>) {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if self.context.cancel.is_cancelled() {
                return;
            }
            let long_sides: Vec<u32> = task.extractors.iter().map(|&extractor| self.long_side_px(extractor)).collect();
            let decoded = decode_each(&self.photos[task.photo], &long_sides);
            if sender.send((task, decoded)).is_err() {
                return;
            }
        }
    }

    fn extract_all(
        &self,
        instances: &Instances,
        decoded: &Receiver<Decoded<'_>>,
        sender: &Sender<Result<Finished, PipelineError>>,
    ) {
        while let Ok(first) = decoded.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(decoded.try_iter().take(self.batch() - 1)).collect();
            let finished = match self.extract_batch(instances, &batch) {
                Ok(finished) => finished.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            for result in finished {
                if sender.send(result).is_err() || self.context.cancel.is_cancelled() {
                    return;
                }
            }
        }
    }

    fn extract_batch(&self, instances: &Instances, batch: &[Decoded<'_>]) -> Result<Vec<Finished>, PipelineError> {
        let mut finished = Vec::new();
        for (task, decoded) in batch {
            if let Err(rejected) = decoded {
                let reject = |&extractor: &usize| (extractor, task.photo, Err(rejected.clone()));
                finished.extend(task.extractors.iter().map(reject));
            }
        }
        let uploaded = self.upload(instances, batch)?;
        for (extractor, instance) in instances.iter().enumerate() {
            let mut seen = Vec::new();
            for (task, decoded) in batch {
                let place = task.extractors.iter().position(|&asked| asked == extractor);
                if let (Some(place), Ok(decoded)) = (place, decoded) {
                    seen.push((task.photo, &decoded[place]));
                }
            }
            if !seen.is_empty() {
                finished.extend(match instance {
                    Some(instance) => self.extract_with(extractor, instance, &seen, &uploaded)?,
                    None => self.look_at(extractor, &seen)?,
                });
            }
        }
        Ok(finished)
    }

    /// The pixels of a batch on the device, each size of a photo once; none for the CPU.
    fn upload(&self, instances: &Instances, batch: &[Decoded<'_>]) -> Result<Uploaded, PipelineError> {
        let Some(mover) = instances.iter().flatten().find(|instance| instance.device() != Device::Cpu) else {
            return Ok(Uploaded::default());
        };
        let mut uploaded = Uploaded::default();
        let mut pixels = NamedView::default();
        for photo in batch.iter().filter_map(|(_, decoded)| decoded.as_ref().ok()).flatten() {
            if !uploaded.sources.iter().any(|source| Arc::ptr_eq(source, photo)) {
                uploaded.sources.push(Arc::clone(photo));
                pixels.0.push(("pixels", photo.pixels.view()));
            }
        }
        uploaded.pixels = self.context.transfers.copy(StageName::Extract, mover, mover.device(), &pixels)?;
        Ok(uploaded)
    }

    fn extract_with(
        &self,
        extractor: usize,
        instance: &Instance,
        photos: &[(usize, &Arc<DecodedPhoto>)],
        uploaded: &Uploaded,
    ) -> Result<Vec<Finished>, PipelineError> {
        let mut images = Vec::with_capacity(photos.len());
        for (photo, decoded) in photos {
            let pixels = uploaded.of(decoded).unwrap_or_else(|| decoded.pixels.view());
            images.push(ImageTensor { pixels, image_size: self.photos[*photo].info.image_size });
        }
        let found = instance.extract(&images)?;
        if found.len() != photos.len() {
            return Err(PipelineError::internal("the extractor did not return as many features as photos"));
        }
        let found = self.read_keypoints(instance, found)?;
        let of_photo = photos.iter().zip(found);
        of_photo.map(|((photo, decoded), found)| self.keep(extractor, *photo, decoded, found)).collect()
    }

    /// What there is to know of photos without keypoints.
    fn look_at(
        &self,
        extractor: usize,
        photos: &[(usize, &Arc<DecodedPhoto>)],
    ) -> Result<Vec<Finished>, PipelineError> {
        let empty = |shape: &[i64]| Tensor::from_vec(Vec::<f32>::new(), shape);
        let look_at = |(photo, decoded): &(usize, &Arc<DecodedPhoto>)| {
            let nothing = Features { keypoints: empty(&[0, 2])?, scores: empty(&[0])?, descriptors: empty(&[0, 1])? };
            self.keep(extractor, *photo, decoded, nothing)
        };
        photos.iter().map(look_at).collect()
    }

    /// Features with keypoints and scores in host memory; descriptors stay where they are, unless others need them.
    fn read_keypoints(&self, instance: &Instance, found: Vec<Features>) -> Result<Vec<Features>, PipelineError> {
        if instance.device() == Device::Cpu {
            return Ok(found);
        }
        let mut wanted = NamedView::default();
        for features in &found {
            wanted.0.push(("keypoints", features.keypoints.view()));
            wanted.0.push(("scores", features.scores.view()));
            if self.context.is_part {
                wanted.0.push((DESCRIPTORS, features.descriptors.view()));
            }
        }
        let copies = self.context.transfers.copy(StageName::Extract, instance, Device::Cpu, &wanted)?;
        let mut copies = copies.into_iter().map(|(_, tensor)| tensor);
        let missing = || PipelineError::internal("a copy is missing");
        let in_host_memory = |features: Features| {
            let keypoints = copies.next().ok_or_else(missing)?;
            let scores = copies.next().ok_or_else(missing)?;
            let descriptors = match self.context.is_part {
                true => copies.next().ok_or_else(missing)?,
                false => features.descriptors,
            };
            Ok(Features { keypoints, scores, descriptors })
        };
        found.into_iter().map(in_host_memory).collect()
    }

    /// Writes the artifact, descriptors included where they lie in host memory anyhow, and keeps the descriptors.
    fn keep(
        &self,
        extractor: usize,
        photo_index: usize,
        decoded: &DecodedPhoto,
        found: Features,
    ) -> Result<Finished, PipelineError> {
        let photo = &self.photos[photo_index];
        let key = features_key(&photo.sha256, self.extractors[extractor], self.context.seed());
        let path = self.artifacts.features(&key);
        let Features { keypoints, scores, descriptors } = found;
        let in_host_memory: Named = vec![("keypoints".to_owned(), keypoints), ("scores".to_owned(), scores)];
        let tensors = with_appearance(in_host_memory, photo, decoded)?;
        let is_on_host = descriptors.view().device() == Device::Cpu;
        let mut stored = NamedView::of(&tensors);
        if is_on_host {
            stored.0.push((DESCRIPTORS, descriptors.view()));
        }
        tensor_file::write(&path, &stored)?;
        let kept = Kept { kind: Kind::Descriptors(extractor), image: photo_index };
        let copy = is_on_host.then_some(Spilled::Artifact { path, name: DESCRIPTORS });
        self.resident.put(kept, vec![(DESCRIPTORS.to_owned(), descriptors)], copy)?;
        Ok((extractor, photo_index, Ok(PhotoFeatures::new(&key, tensors)?)))
    }

    fn collect(&self, finished: Receiver<Result<Finished, PipelineError>>) -> Result<Vec<Finished>, PipelineError> {
        let mut collected = Vec::new();
        for result in finished {
            let (extractor, photo, result) = result?;
            if let (Ok(features), Some(plan), true) = (&result, self.extractors[extractor], self.is_first) {
                self.context.observer.event(features.extracted(&self.photos[photo], plan)?);
            }
            collected.push((extractor, photo, result));
            let what = self.photos[photo].info.name.clone();
            let (done, total) = (self.tally.before + collected.len(), self.tally.total);
            self.context.observer.event(Event::Progress { stage: StageName::Extract, done, total, what });
        }
        self.context.cancel.check()?;
        Ok(collected)
    }
}

/// Pixels on the device, and of which decoded photos they are.
#[derive(Default)]
struct Uploaded {
    sources: Vec<Arc<DecodedPhoto>>,
    pixels: Named,
}

impl Uploaded {
    fn of(&self, decoded: &Arc<DecodedPhoto>) -> Option<scene3d_tensor::TensorView<'_>> {
        let place = self.sources.iter().position(|source| Arc::ptr_eq(source, decoded))?;
        self.pixels.get(place).map(|(_, tensor)| tensor.view())
    }
}

/// Place of an image among the photos.
pub(crate) fn place_of(id: ImageId) -> usize {
    id.0 as usize - 1
}
