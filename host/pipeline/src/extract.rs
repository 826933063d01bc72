//! Decode and extract: photos are decoded by a bounded pool ahead of the extractor's instances.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use scene3d_engine::{Instance, StagePlan};
use scene3d_export::{Thumbnail, Verdict};
use scene3d_scene::pixel;
use scene3d_tensor::Tensor;
use scene3d_wire::{ImageTensor, Named, NamedView};

use crate::artifacts::{Artifacts, features_key};
use crate::context::Context;
use crate::decode::{DecodedPhoto, decode};
use crate::hash::Key;
use crate::observer::{Event, StageName};
use crate::photos::{Photo, Rejected};
use crate::{PipelineError, tensor_file};

/// Photos decoded ahead, per extractor instance.
const DECODED_AHEAD: usize = 2;

/// What is known of a photo after extraction.
pub(crate) struct PhotoFeatures {
    /// Key of the artifact.
    pub key: Key,
    /// `keypoints [N, 2] f32`, `scores [N] f32`, `descriptors [N, D] f32`, `image_size [2] u32`, `colors [N, 3] u8`,
    /// `sharpness [1] f32`, `thumbnail [B] u8` (JPEG), `thumbnail_size [1, 2] u32`.
    pub tensors: Named,
}

impl PhotoFeatures {
    pub(crate) fn view(&self) -> NamedView<'_> {
        NamedView::of(&self.tensors)
    }

    pub(crate) fn keypoints(&self) -> Result<&[[f32; 2]], PipelineError> {
        Ok(self.view().rows::<f32, 2>("keypoints")?)
    }

    pub(crate) fn sharpness(&self) -> Result<f32, PipelineError> {
        Ok(self.view().slice::<f32>("sharpness")?.first().copied().unwrap_or(0.0))
    }
}

/// Features of every photo, or why a photo has none.
pub(crate) type Extracted = Vec<Result<PhotoFeatures, Rejected>>;

/// Where in a stage of several plugins the work of one begins, for its progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    /// Items of the plugins before.
    pub before: usize,
    /// Items of all.
    pub total: usize,
}

/// Extracts the features of all photos; those of an earlier run are read, not computed. The number of reused ones is
/// the second value.
pub(crate) fn extract(
    context: &Context<'_>,
    photos: &[Photo],
    plan: &StagePlan,
    artifacts: &Artifacts,
    tally: Tally,
    instances: impl FnOnce() -> Result<Vec<Instance>, PipelineError>,
) -> Result<(Extracted, usize), PipelineError> {
    let mut extracted: Vec<Option<Result<PhotoFeatures, Rejected>>> = Vec::new();
    for photo in photos {
        let key = features_key(photo, plan, context.seed());
        let stored = context.reuse(tensor_file::read(&artifacts.features(&key)))?;
        extracted.push(stored.map(|tensors| Ok(PhotoFeatures { key, tensors })));
    }
    let missing: Vec<usize> = (0..photos.len()).filter(|&index| extracted[index].is_none()).collect();
    let reused = photos.len() - missing.len();
    if !missing.is_empty() {
        let tally = Tally { before: tally.before + reused, ..tally };
        let work = Work { context, photos, plan, artifacts, missing: &missing, tally };
        for (index, result) in work.run(instances)? {
            extracted[index] = Some(result);
        }
    }
    let min_sharpness = context.request.negotiated.config.images.min_sharpness;
    let kept =
        extracted.into_iter().flatten().zip(photos).map(|(result, photo)| sharp_enough(result, photo, min_sharpness));
    Ok((kept.collect::<Result<_, _>>()?, reused))
}

/// After extraction, not before: the artifact holds for every bound.
fn sharp_enough(
    result: Result<PhotoFeatures, Rejected>,
    photo: &Photo,
    min_sharpness: f64,
) -> Result<Result<PhotoFeatures, Rejected>, PipelineError> {
    let Ok(features) = result else { return Ok(result) };
    let sharpness = f64::from(features.sharpness()?);
    if sharpness >= min_sharpness {
        return Ok(Ok(features));
    }
    Ok(Err(Rejected {
        name: photo.info.name.clone(),
        verdict: Verdict::TooBlurred,
        reason: format!("sharpness {sharpness:.1}, expected at least {min_sharpness:.1}"),
        next_step: "take it again with a shorter exposure, or lower images.min_sharpness".to_owned(),
    }))
}

struct Work<'a> {
    context: &'a Context<'a>,
    photos: &'a [Photo],
    plan: &'a StagePlan,
    artifacts: &'a Artifacts,
    missing: &'a [usize],
    tally: Tally,
}

type Decoded = (usize, Result<DecodedPhoto, Rejected>);
type Finished = (usize, Result<PhotoFeatures, Rejected>);

impl Work<'_> {
    /// Decoding begins while the instances are made.
    fn run(
        &self,
        instances: impl FnOnce() -> Result<Vec<Instance>, PipelineError>,
    ) -> Result<Vec<Finished>, PipelineError> {
        let next = AtomicUsize::new(0);
        let threads = self.context.threads();
        let (decoded_sender, decoded) = bounded::<Decoded>(DECODED_AHEAD * threads);
        let (finished_sender, finished) = bounded::<Result<Finished, PipelineError>>(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                let sender = decoded_sender.clone();
                let next = &next;
                scope.spawn(move || self.decode_all(next, &sender));
            }
            drop(decoded_sender);
            // moved in: an early return closes it, and the decoders end
            let decoded = decoded;
            for instance in instances()? {
                let (decoded, sender) = (decoded.clone(), finished_sender.clone());
                scope.spawn(move || self.extract_all(&instance, &decoded, &sender));
            }
            // the workers hold the ends they need; when the collector leaves early they find theirs closed and end
            drop((decoded, finished_sender));
            self.collect(finished)
        })
    }

    fn decode_all(&self, next: &AtomicUsize, sender: &Sender<Decoded>) {
        while let Some(&index) = self.missing.get(next.fetch_add(1, Ordering::Relaxed)) {
            if self.context.cancel.is_cancelled() {
                return;
            }
            let decoded = decode(&self.photos[index], self.plan.max_long_side_px.unwrap_or(u32::MAX));
            if sender.send((index, decoded)).is_err() {
                return;
            }
        }
    }

    fn extract_all(
        &self,
        instance: &Instance,
        decoded: &Receiver<Decoded>,
        sender: &Sender<Result<Finished, PipelineError>>,
    ) {
        for (index, photo) in decoded {
            let result = match photo {
                Ok(photo) => self.extract_one(instance, index, &photo).map(|features| (index, Ok(features))),
                Err(rejected) => Ok((index, Err(rejected))),
            };
            if sender.send(result).is_err() || self.context.cancel.is_cancelled() {
                return;
            }
        }
    }

    fn extract_one(
        &self,
        instance: &Instance,
        index: usize,
        decoded: &DecodedPhoto,
    ) -> Result<PhotoFeatures, PipelineError> {
        let photo = &self.photos[index];
        let image_size = photo.info.image_size;
        let image = ImageTensor { pixels: decoded.pixels.view(), image_size };
        let features = instance.extract(&[image])?.into_iter().next();
        let features = features.ok_or_else(|| PipelineError::internal("the extractor returned nothing for a photo"))?;
        let mut tensors = features.into_named(Some(image_size))?;
        let keypoints = NamedView::of(&tensors).rows::<f32, 2>("keypoints")?.to_vec();
        let colors = sample_colors(decoded, image_size, &keypoints)?;
        let thumbnail = Thumbnail::from_rgb(photo.info.image_id, decoded.size, decoded.pixels.view().as_slice()?)?;
        let num_bytes = thumbnail.jpeg.len() as i64;
        tensors.push(("colors".to_owned(), Tensor::from_vec(colors, &[keypoints.len() as i64, 3])?));
        tensors.push(("sharpness".to_owned(), Tensor::from_vec(vec![decoded.sharpness as f32], &[1])?));
        tensors.push(("thumbnail".to_owned(), Tensor::from_vec(thumbnail.jpeg, &[num_bytes])?));
        tensors.push(("thumbnail_size".to_owned(), Tensor::from_vec(thumbnail.size.to_vec(), &[1, 2])?));
        let key = features_key(photo, self.plan, self.context.seed());
        tensor_file::write(&self.artifacts.features(&key), &NamedView::of(&tensors))?;
        Ok(PhotoFeatures { key, tensors })
    }

    fn collect(&self, finished: Receiver<Result<Finished, PipelineError>>) -> Result<Vec<Finished>, PipelineError> {
        let mut collected = Vec::with_capacity(self.missing.len());
        for result in finished {
            collected.push(result?);
            let what = self.photos[collected[collected.len() - 1].0].info.name.clone();
            let (done, total) = (self.tally.before + collected.len(), self.tally.total);
            self.context.observer.event(Event::Progress { stage: StageName::Extract, done, total, what });
        }
        self.context.cancel.check()?;
        Ok(collected)
    }
}

/// Colour of the (reduced) photo at each keypoint, row-major `[N, 3]`.
fn sample_colors(photo: &DecodedPhoto, image_size: [u32; 2], keypoints: &[[f32; 2]]) -> Result<Vec<u8>, PipelineError> {
    let pixels = photo.pixels.view().as_slice::<u8>()?;
    let at = |axis: usize, px: f32| {
        let index = pixel::to_index(pixel::rescale(px, image_size[axis], photo.size[axis]));
        (index.round().max(0.0) as usize).min(photo.size[axis] as usize - 1)
    };
    let color = |&[x, y]: &[f32; 2]| {
        let first = 3 * (at(1, y) * photo.size[0] as usize + at(0, x));
        [pixels[first], pixels[first + 1], pixels[first + 2]]
    };
    Ok(keypoints.iter().flat_map(color).collect())
}
