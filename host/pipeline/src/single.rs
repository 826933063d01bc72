//! Stages outside of a run: instances as a run makes them, what an extractor finds in a photo, what a matcher finds in a
//! pair.

use std::sync::Arc;

use scene3d_engine::config::PipelineSection;
use scene3d_engine::{
    EngineError, ErrorCode, HostCallbacks, Instance, InstanceOptions, InstancePool, PluginError, Registry, Silent,
    StagePlan,
};
use scene3d_tensor::Device;
use scene3d_wire::{Features, ImageFeatures, ImageTensor, Named, NamedView, Prepared, PreparedPair};

use crate::decode::DecodedPhoto;
use crate::pair_found::PairFound;
use crate::photos::Photo;

/// Instances as the pipeline makes them (docs/decisions/0003-cpu-threads.md): one a thread, with one thread inside; on a
/// device one, whose stream orders the work.
///
/// # Errors
/// [`EngineError`] if the plugin can't be loaded or made.
pub fn spawn_all(
    plan: &StagePlan,
    registry: &Registry,
    pipeline: &PipelineSection,
) -> Result<InstancePool, EngineError> {
    let plugin = registry.load(plan.plugin_id())?;
    let options = InstanceOptions { threads: 1, seed: pipeline.seed, ..InstanceOptions::default() };
    let callbacks: Arc<dyn HostCallbacks> = Arc::new(Silent);
    let num_instances = if plan.device == Device::Cpu { pipeline.num_threads() } else { 1 };
    Ok(InstancePool::spawn(plan, &plugin, num_instances, &options, &callbacks)?)
}

/// What an extractor finds in a decoded photo, on the extractor's device.
///
/// # Errors
/// [`EngineError`] if the extractor fails, or returns nothing.
pub fn features_of(instance: &Instance, photo: &Photo, decoded: &DecodedPhoto) -> Result<Features, EngineError> {
    let (image_size, here) = (photo.info.image_size, decoded.pixels.view());
    let there = match instance.device() {
        Device::Cpu => Named::new(),
        device => instance.copy_to(device, &NamedView(vec![("pixels", here)]))?,
    };
    let pixels = there.first().map_or(here, |(_, copy)| copy.view());
    let features = instance.extract(&[ImageTensor { pixels, image_size }])?;
    features.into_iter().next().ok_or_else(|| returned_nothing(instance, &photo.info.name))
}

/// Tensors of an instance's device, in host memory; ends when the device is done.
///
/// # Errors
/// [`EngineError`] if the plugin can't copy them.
pub fn in_host_memory(instance: &Instance, tensors: Named) -> Result<Named, EngineError> {
    match instance.device() {
        Device::Cpu => Ok(tensors),
        _ => Ok(instance.copy_to(Device::Cpu, &NamedView::of(&tensors))?),
    }
}

/// Features of an instance's device, in host memory.
///
/// # Errors
/// As [`in_host_memory`].
pub fn features_in_host_memory(instance: &Instance, found: Features) -> Result<Features, EngineError> {
    let Features { keypoints, scores, descriptors } = found;
    let names = ["keypoints", "scores", "descriptors"].map(str::to_owned);
    let tensors = names.into_iter().zip([keypoints, scores, descriptors]).collect();
    let mut tensors = in_host_memory(instance, tensors)?.into_iter().map(|(_, tensor)| tensor);
    match (tensors.next(), tensors.next(), tensors.next()) {
        (Some(keypoints), Some(scores), Some(descriptors)) => Ok(Features { keypoints, scores, descriptors }),
        _ => Err(returned_nothing(instance, "a copy")),
    }
}

/// What a matcher keeps of an image whose features lie in host memory.
///
/// # Errors
/// [`EngineError`] if the matcher fails.
pub fn prepare(instance: &Instance, image: &ImageFeatures<'_>) -> Result<Prepared, EngineError> {
    // as in a run: descriptors lie where the stage works, keypoints and pixels in host memory
    let there = match instance.device() {
        Device::Cpu => Named::new(),
        device => instance.copy_to(device, &NamedView(vec![("descriptors", image.descriptors)]))?,
    };
    let descriptors = there.first().map_or(image.descriptors, |(_, copy)| copy.view());
    Ok(instance.prepare(&ImageFeatures { descriptors, ..*image })?)
}

/// What a matcher finds in a pair of images that it prepared.
///
/// # Errors
/// [`EngineError`] if the matcher fails, or returns nothing.
pub fn find(
    instance: &Instance,
    [image1, image2]: [&Prepared; 2],
    num_keypoints: [usize; 2],
    image_sizes: [[u32; 2]; 2],
) -> Result<PairFound, EngineError> {
    let pair = [PreparedPair { image1: NamedView::of(image1), image2: NamedView::of(image2) }];
    let found = if instance.finds_correspondences() {
        instance.correspond_pairs(&pair, &[image_sizes])?.pop().map(PairFound::Correspondences)
    } else {
        instance.match_pairs(&pair, &[num_keypoints])?.pop().map(PairFound::Matches)
    };
    found.ok_or_else(|| returned_nothing(instance, "a pair"))
}

fn returned_nothing(instance: &Instance, what: &str) -> EngineError {
    let error = PluginError {
        plugin: instance.plugin_id().to_owned(),
        call: "run",
        code: ErrorCode::INTERNAL,
        message: format!("it returned nothing for {what}"),
        help: String::new(),
        details: Vec::new(),
    };
    error.into()
}
