//! MASt3R: encoder, decoder with heads, reciprocal nearest neighbours, and all of it for all pairs of the photos.
//!
//! Weights are by formula: the speed of the network does not depend on them. That of matching does, so it runs on
//! stand-in descriptor maps.

use std::rc::Rc;

use anyhow::{Context, Result};
use scene3d_mast3r::architecture::{HeadDims, Stack};
use scene3d_mast3r::preprocess::NetworkImage;
use scene3d_mast3r::reciprocal::{Cached, CpuSearch, TorchSearch, View, WalkRule, reciprocal_pairs};
use scene3d_mast3r::{Architecture, ImageTokens, Network, Wanted, manifest};
use scene3d_torch::{Precision, TorchContext, Weights, guard};
use tch::Tensor;

use crate::case::Case;
use crate::protocol::{CaseName, Mast3rSize, Measure};
use crate::setup::Setup;

/// As MASt3R's own demonstration.
const RULE: WalkRule = WalkRule { subsample: 8, pixel_tolerance: 0.0 };
/// Images encoded at once for all pairs.
const ENCODER_BATCH: usize = 16;

/// Names and shapes of all parameters.
pub fn parameters(setup: &Setup) -> Vec<(String, Vec<i64>)> {
    let parameters = manifest::parameters(&architecture(setup.config.mast3r));
    parameters.into_iter().map(|parameter| (parameter.name, parameter.shape)).collect()
}

/// The network with weights by formula.
///
/// # Errors
/// If there is not enough memory.
pub fn network(setup: &Setup, context: TorchContext) -> Result<Network> {
    let named = parameters(setup);
    let weights = Weights::from_formula(named.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())))?;
    Ok(Network::new(architecture(setup.config.mast3r), &weights, context)?)
}

fn architecture(size: Mast3rSize) -> Architecture {
    let stack = |depth| Stack { dim: 32, depth, num_heads: 2 };
    let heads = HeadDims { layers: [8, 12, 16, 24], features: 16, last: 8, hidden: 16 };
    match size {
        Mast3rSize::Released => Architecture::released(),
        Mast3rSize::Small => {
            let (encoder, decoder) = (stack(2), stack(12));
            Architecture { image_size: [256, 256], encoder, decoder, heads, ..Architecture::released() }
        }
    }
}

/// A case of the network.
///
/// # Errors
/// If torch refuses an operation.
pub fn network_case(setup: &Setup, measure: &Measure, network: &Rc<Network>) -> Result<Case> {
    let (network, context) = (Rc::clone(network), *network.context());
    let images = images(setup, &network)?;
    let batch = measure.batch;
    let run: Box<dyn FnMut() -> Result<()>> = match measure.case {
        CaseName::Mast3rEncode => {
            let images = stacked(images.iter().cycle().take(batch))?;
            Box::new(move || {
                network.encode(&images)?;
                Ok(())
            })
        }
        CaseName::Mast3rAllPairs => {
            let maps = descriptor_maps(setup, context)?;
            let run = move || all_pairs(&network, &images, batch, &maps);
            return Ok(Case { num_items: 1, context, run: Box::new(run) });
        }
        _ => {
            let wanted = match measure.case {
                CaseName::Mast3rDescriptors => Wanted::Descriptors,
                _ => Wanted::DescriptorsAndPoints,
            };
            let tokens = |skipped| {
                let batch = stacked(images.iter().cycle().skip(skipped).take(batch))?;
                Ok::<_, anyhow::Error>(network.encode(&batch)?)
            };
            let views = [tokens(0)?, tokens(1)?];
            Box::new(move || {
                network.decode(&views[0], &views[1], wanted)?;
                Ok(())
            })
        }
    };
    Ok(Case { num_items: batch, context, run })
}

/// Matching of pairs, one after the other; descriptors are fp32.
///
/// # Errors
/// If there are no maps.
pub fn match_case(setup: &Setup, measure: &Measure) -> Result<Case> {
    let context = setup.context(Precision::Fp32)?;
    let maps = descriptor_maps(setup, context)?;
    let batch = measure.batch;
    let run = move || (0..batch).try_for_each(|_| match_pair(&maps, context));
    Ok(Case { num_items: batch, context, run: Box::new(run) })
}

/// Every photo is encoded once; then all pairs are decoded, `batch` at once, and matched.
fn all_pairs(network: &Network, images: &[Tensor], batch: usize, maps: &[Tensor; 2]) -> Result<()> {
    let mut tokens = Vec::with_capacity(images.len());
    for images in images.chunks(ENCODER_BATCH) {
        let ImageTokens { tokens: encoded, grid } = network.encode(&stacked(images.iter())?)?;
        let one = |index| ImageTokens { tokens: encoded.narrow(0, index, 1), grid };
        tokens.extend((0..images.len() as i64).map(one));
    }
    let of_first = |first: usize| (first + 1..images.len()).map(move |second| [first, second]);
    let pairs: Vec<[usize; 2]> = (0..images.len()).flat_map(of_first).collect();
    for pairs in pairs.chunks(batch) {
        let side = |side: usize| pairs.iter().map(|pair| &tokens[pair[side]]).collect::<Vec<_>>();
        let (view1, view2) = (ImageTokens::stack(&side(0))?, ImageTokens::stack(&side(1))?);
        network.decode(&view1, &view2, Wanted::Descriptors)?;
        pairs.iter().try_for_each(|_| match_pair(maps, *network.context()))?;
    }
    Ok(())
}

fn match_pair(maps: &[Tensor; 2], context: TorchContext) -> Result<()> {
    let maps = [&maps[0], &maps[1]];
    let pairs = if context.is_cpu() {
        reciprocal_pairs(&mut Cached::new(CpuSearch::new(maps, context.num_threads)?), View::First, RULE)?
    } else {
        reciprocal_pairs(&mut Cached::new(TorchSearch::new(maps)?), View::First, RULE)?
    };
    drop(pairs);
    Ok(())
}

/// `[1, 3, H, W] f32` on the device, of all photos.
fn images(setup: &Setup, network: &Network) -> Result<Vec<Tensor>> {
    let long_side = network.architecture().image_size.into_iter().max().unwrap_or_default() as u32;
    let image = |photo: &Tensor| {
        let size = [photo.size()[1] as u32, photo.size()[0] as u32];
        let rgb = Vec::<u8>::try_from(photo.flatten(0, -1))?;
        Ok(NetworkImage::new(&rgb, size, long_side)?.to_tensor(network.context().device)?)
    };
    setup.photos.iter().map(image).collect()
}

fn stacked<'a>(images: impl Iterator<Item = &'a Tensor>) -> Result<Tensor> {
    Ok(guard(|| Ok(Tensor::f_cat(&images.collect::<Vec<_>>(), 0)?))?)
}

fn descriptor_maps(setup: &Setup, context: TorchContext) -> Result<[Tensor; 2]> {
    let path = setup.config.descriptor_maps.as_deref().context("no descriptor maps were set up")?;
    let named = Tensor::read_safetensors(path).with_context(|| format!("can't be read: {}", path.display()))?;
    let find = |name: &str| -> Result<Tensor> {
        let found = named.iter().find(|(known, _)| known == name);
        let (_, map) = found.with_context(|| format!("{} has no `{name}`", path.display()))?;
        Ok(map.to_device(context.device))
    };
    Ok([find("desc1")?, find("desc2")?])
}
