//! LightGlue: ALIKED features on the device to matches of neighbouring photos.

use anyhow::Result;
use scene3d_lightglue::exit::ExitRule;
use scene3d_lightglue::matching::match_batch;
use scene3d_lightglue::network::{ImageTokens, Network};
use scene3d_lightglue::{LightGlueConfig, normalized_keypoints, parameters};
use scene3d_tensor::TensorView;
use scene3d_tensor::torch::with_torch;
use scene3d_torch::{Precision, Weights, guard};
use scene3d_wire::{Features as Found, ImageTensor};
use tch::{Device, Kind, Tensor};

use crate::case::Case;
use crate::extractors::{aliked_context, aliked_extractor};
use crate::protocol::{CaseName, Measure};
use crate::setup::Setup;

/// Features of one photo on the device.
struct Features {
    /// `[N, 2] f32`, as the network reads them
    keypoints: Tensor,
    /// `[N, 128] f32`
    descriptors: Tensor,
}

/// Preparing images, or pairs with both images prepared for each.
///
/// # Errors
/// If weights can't be read or torch refuses an operation.
pub fn case(setup: &Setup, measure: &Measure) -> Result<Case> {
    let context = setup.context(measure.precision)?;
    let weights = Weights::load(&setup.config.weights.join("aliked_lightglue.pth"))?.rename(parameters::rename);
    let network = guard(|| Network::new(&weights, context))?;
    let features = features(setup, measure.batch + 1)?;
    let num_items = measure.batch;
    if measure.case == CaseName::LightgluePrepare {
        let run = move || {
            guard(|| features[..num_items].iter().map(|image| image.prepare(&network)).collect::<Result<Vec<_>, _>>())?;
            Ok(())
        };
        return Ok(Case { num_items, context, run: Box::new(run) });
    }
    let defaults = LightGlueConfig::default();
    let rule = match measure.case {
        CaseName::LightglueFull => ExitRule::new(1.0, 1.0, context.is_cpu()),
        _ => ExitRule::new(defaults.depth_confidence, defaults.width_confidence, context.is_cpu()),
    };
    // as the plugin: on the CPU one pair fills the cores
    let num_at_once = if context.is_cpu() { 1 } else { num_items };
    let run = move || {
        for neighbours in features.windows(2).collect::<Vec<_>>().chunks(num_at_once) {
            guard(|| {
                let prepare = |pair: &&[Features]| Ok([pair[0].prepare(&network)?, pair[1].prepare(&network)?]);
                let pairs = neighbours.iter().map(prepare).collect::<scene3d_torch::Result<Vec<_>>>()?;
                match_batch(&network, &rule, defaults.filter_threshold, &pairs)
            })?;
        }
        Ok(())
    };
    Ok(Case { num_items, context, run: Box::new(run) })
}

impl Features {
    fn prepare(&self, network: &Network) -> scene3d_torch::Result<ImageTokens> {
        network.prepare(&self.keypoints, &self.descriptors)
    }
}

/// Of the first photos, over and over.
fn features(setup: &Setup, count: usize) -> Result<Vec<Features>> {
    let context = aliked_context(setup, Precision::Fp32)?;
    let mut extractor = aliked_extractor(setup, context)?;
    let photos = setup.photos_on(context.device, setup.photos.len().min(count))?;
    let images: Vec<_> = photos.iter().map(|photo| photo.view()).collect();
    let found = extractor.extract_images(&images, context.num_threads, || Ok(()))?;
    let read = |(image, found): (&ImageTensor<'_>, &Found)| {
        let keypoints = normalized_keypoints(&copied(found.keypoints.view(), context.device)?, image.image_size);
        Ok(Features { keypoints, descriptors: copied(found.descriptors.view(), context.device)? })
    };
    images.iter().zip(&found).cycle().take(count).map(read).collect()
}

fn copied(view: TensorView<'_>, device: Device) -> Result<Tensor> {
    Ok(with_torch(view, |tensor| tensor.to_device(device).to_kind(Kind::Float).copy())?)
}
