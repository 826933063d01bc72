//! Extractors outside of a run: instances as a run makes them, and what they find in a photo.

use std::sync::Arc;

use scene3d_engine::config::PipelineSection;
use scene3d_engine::{
    EngineError, ErrorCode, HostCallbacks, Instance, InstanceOptions, InstancePool, PluginError, Registry, Silent,
    StagePlan,
};
use scene3d_pipeline::{DecodedPhoto, Photo};
use scene3d_tensor::Device;
use scene3d_wire::{Features, ImageTensor, Named, NamedView};

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
    let nothing = || PluginError {
        plugin: instance.plugin_id().to_owned(),
        call: "run",
        code: ErrorCode::INTERNAL,
        message: format!("it returned nothing for {}", photo.info.name),
        help: String::new(),
        details: Vec::new(),
    };
    Ok(features.into_iter().next().ok_or_else(nothing)?)
}
