//! Extraction outside of a run: each photo decoded and extracted by whichever instance is free.

use std::sync::Arc;

use scene3d_engine::{Instance, StagePlan};
use scene3d_pipeline::{Event, Photo, PhotoLimits, decode, single};
use scene3d_tensor::{Tensor, TensorError};
use scene3d_wire as wire;

use crate::callbacks::Callbacks;
use crate::failure::Failure;
use crate::features::Features;
use crate::photos::Photos;
use crate::pipeline::Inner;
use crate::watched::Teller;

/// Features of each photo, in order.
pub(crate) fn extract(
    pipeline: &Inner,
    entry: usize,
    photos: &Photos,
    limits: PhotoLimits,
    callbacks: &Arc<Callbacks>,
) -> Result<Vec<Features>, Failure> {
    let plan = pipeline.entry(entry)?.extractor.as_ref();
    let (teller, cancel) = (&callbacks.teller, &callbacks.cancel);
    let set = photos.read(limits, cancel)?;
    for rejected in &set.rejected {
        let message = format!("skipped {}: {}", rejected.name.escape_debug(), rejected.reason);
        teller.event(&Event::Warning { message });
    }
    let Some(plan) = plan else { return set.photos.iter().map(without_keypoints).collect() };
    let turn = pipeline.stages.extractor(entry, plan, pipeline.parts(), callbacks)?;
    let mut found = Vec::with_capacity(set.photos.len());
    turn.pool()?.run_ordered(
        &set.photos,
        |instance, photo| {
            if cancel.is_cancelled() {
                return Err(Failure::cancelled());
            }
            extract_one(instance, plan, photo, teller)
        },
        |features| {
            found.push(features);
            Ok(())
        },
    )?;
    Ok(found)
}

fn extract_one(instance: &Instance, plan: &StagePlan, photo: &Photo, teller: &Teller) -> Result<Features, Failure> {
    let decoded = decode(photo, plan.max_long_side_px.unwrap_or(u32::MAX))?;
    let found = single::features_in_host_memory(instance, single::features_of(instance, photo, &decoded)?)?;
    let scores = found.scores.view().as_slice::<f32>()?;
    let sum: f64 = scores.iter().copied().map(f64::from).sum();
    teller.event(&Event::Extracted {
        image: photo.info.name.clone(),
        plugin: plan.plugin_id().to_owned(),
        num_keypoints: scores.len(),
        mean_score: (!scores.is_empty()).then(|| sum / scores.len() as f64),
        sharpness: decoded.sharpness,
    });
    Ok(Features::of_photo(found, photo))
}

/// Of an entry whose matcher finds correspondences anywhere.
fn without_keypoints(photo: &Photo) -> Result<Features, Failure> {
    let empty = |shape: &[i64]| Tensor::from_vec(Vec::<f32>::new(), shape);
    let nothing = || -> Result<wire::Features, TensorError> {
        Ok(wire::Features { keypoints: empty(&[0, 2])?, scores: empty(&[0])?, descriptors: empty(&[0, 1])? })
    };
    Ok(Features::of_photo(nothing()?, photo))
}
