//! The three kinds of stage that an author implements.

use scene3d_abi::{CallContext, Descriptor};
use scene3d_tensor::Device;
use scene3d_wire::{
    Features, ImageFeatures, ImageTensor, Mapping, MatchGraph, Named, NamedView, Prepared, PreparedPair,
};

use crate::{CreateContext, Host, MatcherOutput, PluginConfig, Result};

/// Finds keypoints and descriptors in images.
pub trait Extractor: Sized + 'static {
    /// Its config.
    type Config: PluginConfig;

    /// What it declares; the config schema is filled in by the SDK.
    fn descriptor() -> Descriptor;

    /// Loads weights and allocates what every call needs.
    ///
    /// # Errors
    /// A code and what to do about it.
    fn create(config: Self::Config, context: &CreateContext<'_>) -> Result<Self>;

    /// Features of each image, in order. A batch may mix sizes.
    ///
    /// # Errors
    /// A code and what to do about it; `CANCELLED` when the host asked to stop.
    fn extract(&mut self, images: &[ImageTensor<'_>], host: &Host<'_>) -> Result<Vec<Features>>;

    /// Copies of tensors on a device, for stages that work on another than the CPU.
    ///
    /// # Errors
    /// A code and what to do about it.
    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        copy_in_host_memory(device, tensors)
    }
}

/// Matches image pairs.
pub trait Matcher: Sized + 'static {
    /// Its config.
    type Config: PluginConfig;
    /// What it finds in a pair: [`Matches`](scene3d_scene::Matches) of the extractor's keypoints,
    /// [`Correspondences`](scene3d_scene::Correspondences) of positions, or by its config either,
    /// [`Putative`](crate::Putative).
    type Output: MatcherOutput;

    /// What it declares; the config schema and the outputs are filled in by the SDK.
    fn descriptor() -> Descriptor;

    /// Loads weights and allocates what every call needs.
    ///
    /// # Errors
    /// A code and what to do about it.
    fn create(config: Self::Config, context: &CreateContext<'_>) -> Result<Self>;

    /// Whatever can be computed of one image alone, once, however many pairs it is in.
    ///
    /// # Errors
    /// A code and what to do about it.
    fn prepare(&mut self, image: &ImageFeatures<'_>, host: &Host<'_>) -> Result<Prepared>;

    /// What it finds in each pair, in order.
    ///
    /// # Errors
    /// A code and what to do about it; `CANCELLED` when the host asked to stop.
    fn match_pairs(&mut self, pairs: &[PreparedPair<'_>], host: &Host<'_>) -> Result<Vec<Self::Output>>;

    /// Copies of tensors on a device, for stages that work on another than the CPU.
    ///
    /// # Errors
    /// A code and what to do about it.
    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        copy_in_host_memory(device, tensors)
    }
}

fn copy_in_host_memory(device: Device, tensors: &NamedView<'_>) -> Result<Named> {
    tensors.0.iter().map(|(name, view)| Ok(((*name).to_owned(), view.copy_to(device)?))).collect()
}

/// Makes reconstructions of a match graph.
pub trait Mapper: Sized + 'static {
    /// Its config.
    type Config: PluginConfig;

    /// What it declares; the config schema is filled in by the SDK.
    fn descriptor() -> Descriptor;

    /// Finds what every call needs.
    ///
    /// # Errors
    /// A code and what to do about it.
    fn create(config: Self::Config, context: &CreateContext<'_>) -> Result<Self>;

    /// Verifies the matches and reconstructs.
    ///
    /// # Errors
    /// A code and what to do about it; `CANCELLED` when the host asked to stop. That nothing could be reconstructed
    /// is no error but a mapping without models.
    fn map(&mut self, graph: &MatchGraph, host: &Host<'_>) -> Result<Mapping>;
}

/// Any kind of stage, lowered to named tensors; implemented by the SDK for the three traits.
pub trait StageOf: Sized + 'static {
    /// What the plugin declares.
    fn descriptor() -> Descriptor;
    /// Creates a stage of the request's JSON.
    ///
    /// # Errors
    /// As the author's `create`.
    fn create(request: &str, context: &CallContext) -> Result<Self>;
    /// Runs a batch.
    ///
    /// # Errors
    /// As the author's call.
    fn run(&mut self, inputs: &NamedView<'_>, host: &Host<'_>) -> Result<Named>;
    /// Prepares one image.
    ///
    /// # Errors
    /// `UNSUPPORTED` unless the stage is a matcher.
    fn prepare(&mut self, inputs: &NamedView<'_>, host: &Host<'_>) -> Result<Named>;
    /// Copies tensors to a device.
    ///
    /// # Errors
    /// `UNSUPPORTED` for a mapper: its tensors are the host's.
    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, host: &Host<'_>) -> Result<Named>;
    /// Whether [`Self::prepare`] is offered.
    const PREPARES: bool;
}
