//! Measures an extractor: milliseconds a photo with all instances busy, decoding not counted; on a device with the copy of
//! the pixels there and of the keypoints back, as in a run.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, ensure};
use scene3d_engine::{EngineError, Instance, Registry, SearchPaths, plan_extractor};
use scene3d_pipeline::single::{features_of, in_host_memory, spawn_all};
use scene3d_pipeline::{DecodedPhoto, Photo, decode, peak_resident_bytes, reset_peak_resident_bytes, tensor_file};
use scene3d_tensor::Device;
use scene3d_wire::{Named, NamedView};

use super::device::DeviceMeter;
use super::figures::{ExtractFigures, Resources, Summary};
use super::load::under_load;
use super::one::Request;

/// Measures, and writes the features of each photo into a folder, named by the photo's id.
pub fn measure(request: &Request, features: &Path) -> Result<ExtractFigures> {
    let raw = request.config.load()?;
    let paths = SearchPaths::new(&raw);
    let registry = Registry::discover(&paths);
    let (plan, pipeline) = plan_extractor(&raw, &registry, &paths.weights).map_err(EngineError::from)?;
    let photos = decode_all(&request.photos()?, plan.max_long_side_px.unwrap_or(u32::MAX), pipeline.num_threads());
    ensure!(!photos.is_empty(), "none of the photos can be decoded");
    let resident_before_bytes = reset_peak_resident_bytes();
    let meter = DeviceMeter::start(plan.device);
    let pool = spawn_all(&plan, &registry, &pipeline)?;
    let load = under_load(pool.instances(), photos.len(), |instance, item| extract(instance, &photos[item]))?;
    let device = meter.finish(load.window, load.item_ms.len());
    let peak_resident_bytes = peak_resident_bytes();
    let mut num_keypoints = 0;
    let instance = pool.instances().first().context("there is no instance")?;
    for ((photo, _), tensors) in photos.iter().zip(load.outputs) {
        let tensors = in_host_memory(instance, tensors)?;
        let view = NamedView::of(&tensors);
        num_keypoints += view.rows::<f32, 2>("keypoints")?.len();
        tensor_file::write(&features.join(file_name(photo)), &view)?;
    }
    Ok(ExtractFigures {
        num_instances: pool.instances().len(),
        num_images: photos.len(),
        image_ms: Summary::of(&load.item_ms),
        images_per_sec: load.items_per_sec,
        keypoints_per_image: num_keypoints as f64 / photos.len() as f64,
        resources: Resources::new(resident_before_bytes, peak_resident_bytes, device),
    })
}

/// Name of the file with a photo's features.
pub fn file_name(photo: &Photo) -> String {
    format!("{}.safetensors", photo.info.image_id.0)
}

/// The photos that can be decoded, in order: the others are rejected in a run too.
pub fn decode_all(photos: &[Photo], max_long_side_px: u32, num_threads: usize) -> Vec<(Photo, Arc<DecodedPhoto>)> {
    let decode_some = |photos: &[Photo]| -> Vec<_> {
        photos.iter().filter_map(|photo| Some((photo.clone(), decode(photo, max_long_side_px).ok()?))).collect()
    };
    let share = photos.len().div_ceil(num_threads).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = photos.chunks(share).map(|photos| scope.spawn(move || decode_some(photos))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

fn extract(instance: &Instance, (photo, decoded): &(Photo, Arc<DecodedPhoto>)) -> Result<Named> {
    let features = features_of(instance, photo, decoded)?;
    if instance.device() != Device::Cpu {
        let found = NamedView(vec![("keypoints", features.keypoints.view()), ("scores", features.scores.view())]);
        // ends when the device is done
        instance.copy_to(Device::Cpu, &found).map_err(EngineError::from)?;
    }
    Ok(features.into_named(Some(photo.info.image_size))?)
}
