//! Lowers the typed traits to named tensors.

use scene3d_abi::{CallContext, CreateRequest, Descriptor};
use scene3d_tensor::Device;
use scene3d_wire::{ImageFeatures, ImageTensor, MatchGraph, Named, NamedView, PreparedPair, items};

use crate::{
    CreateContext, Extractor, Host, Mapper, Matcher, MatcherOutput, PluginConfig, Result, SdkError, StageOf,
    config_schema,
};

/// An [`Extractor`] as a stage.
pub struct ExtractorStage<T>(T);

/// A [`Matcher`] as a stage.
pub struct MatcherStage<T>(T);

/// A [`Mapper`] as a stage.
pub struct MapperStage<T>(T);

impl<T: Extractor> StageOf for ExtractorStage<T> {
    const PREPARES: bool = false;

    fn descriptor() -> Descriptor {
        Descriptor { config_schema: config_schema::<T::Config>(), ..T::descriptor() }
    }

    fn create(request: &str, context: &CallContext) -> Result<Self> {
        create(request, context, &T::descriptor().id, T::create).map(Self)
    }

    fn run(&mut self, inputs: &NamedView<'_>, host: &Host<'_>) -> Result<Named> {
        let images = items(inputs)?.iter().map(ImageTensor::from_named).collect::<Result<Vec<_>, _>>()?;
        let features = self.0.extract(&images, host)?;
        check_len("extract", images.len(), features.len())?;
        numbered(features.into_iter().map(|features| Ok(features.into_named(None)?)))
    }

    fn prepare(&mut self, _: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        Err(SdkError::unsupported("an extractor prepares nothing"))
    }

    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, host: &Host<'_>) -> Result<Named> {
        self.0.copy_to(device, tensors, host)
    }
}

impl<T: Matcher> StageOf for MatcherStage<T> {
    const PREPARES: bool = true;

    fn descriptor() -> Descriptor {
        let mut descriptor = T::descriptor();
        descriptor.config_schema = config_schema::<T::Config>();
        descriptor.outputs = T::Output::ports();
        descriptor.extensions.push(scene3d_abi::ext::PREPARE.to_owned());
        descriptor
    }

    fn create(request: &str, context: &CallContext) -> Result<Self> {
        create(request, context, &T::descriptor().id, T::create).map(Self)
    }

    fn run(&mut self, inputs: &NamedView<'_>, host: &Host<'_>) -> Result<Named> {
        let pairs: Vec<_> = items(inputs)?.iter().map(PreparedPair::from_named).collect();
        let found = self.0.match_pairs(&pairs, host)?;
        check_len("match_pairs", pairs.len(), found.len())?;
        numbered(found.into_iter().map(MatcherOutput::into_named))
    }

    fn prepare(&mut self, inputs: &NamedView<'_>, host: &Host<'_>) -> Result<Named> {
        self.0.prepare(&ImageFeatures::from_named(inputs)?, host)
    }

    fn copy_to(&mut self, device: Device, tensors: &NamedView<'_>, host: &Host<'_>) -> Result<Named> {
        self.0.copy_to(device, tensors, host)
    }
}

impl<T: Mapper> StageOf for MapperStage<T> {
    const PREPARES: bool = false;

    fn descriptor() -> Descriptor {
        Descriptor { config_schema: config_schema::<T::Config>(), ..T::descriptor() }
    }

    fn create(request: &str, context: &CallContext) -> Result<Self> {
        create(request, context, &T::descriptor().id, T::create).map(Self)
    }

    fn run(&mut self, inputs: &NamedView<'_>, host: &Host<'_>) -> Result<Named> {
        Ok(self.0.map(&MatchGraph::from_named(inputs)?, host)?.to_named()?)
    }

    fn prepare(&mut self, _: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        Err(SdkError::unsupported("a mapper prepares nothing"))
    }

    fn copy_to(&mut self, _: Device, _: &NamedView<'_>, _: &Host<'_>) -> Result<Named> {
        Err(SdkError::unsupported("a mapper copies nothing: its tensors are the host's"))
    }
}

fn create<C: PluginConfig, T>(
    request: &str,
    context: &CallContext,
    id: &str,
    create: impl FnOnce(C, &CreateContext<'_>) -> Result<T>,
) -> Result<T> {
    let invalid = |error: serde_json::Error| SdkError::invalid_config(format!("plugin `{id}`: {error}"));
    let request: CreateRequest = serde_json::from_str(request).map_err(invalid)?;
    let config: C = serde_json::from_value(request.config).map_err(invalid)?;
    create(config, &CreateContext { host: Host::new(context, id), seed: request.seed, weights: request.weights })
}

fn numbered(items: impl Iterator<Item = Result<Named>>) -> Result<Named> {
    let mut ports = Named::new();
    for (number, item) in items.enumerate() {
        ports.extend(item?.into_iter().map(|(name, tensor)| (format!("{number}.{name}"), tensor)));
    }
    Ok(ports)
}

fn check_len(call: &str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(SdkError::internal(format!("{call} returned {got} results for {expected} inputs; this is a bug of the plugin")))
}
