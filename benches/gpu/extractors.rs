//! ALIKED and SuperPoint: pixels on the device to keypoints and descriptors on the device, detection included.

use anyhow::{Context, Result};
use scene3d_aliked::Aliked;
use scene3d_superpoint::{SuperPoint, SuperPointConfig};
use scene3d_torch::{Precision, TorchContext, Weights};
use scene3d_wire::ImageTensor;

use crate::case::Case;
use crate::protocol::Measure;
use crate::setup::{DevicePhoto, Setup};

/// ALIKED n16rot.
///
/// # Errors
/// If its weights can't be read.
pub fn aliked(setup: &Setup, measure: &Measure) -> Result<Case> {
    let context = aliked_context(setup, measure.precision)?;
    let mut extractor = aliked_extractor(setup, context)?;
    let photos = setup.photos_on(context.device, measure.batch)?;
    let run = move || {
        extractor.extract_images(&views(&photos), context.num_threads, || Ok(()))?;
        Ok(())
    };
    Ok(Case { num_items: measure.batch, context, run: Box::new(run) })
}

/// As the plugin resolves `auto`: keypoint positions suffer below fp32.
///
/// # Errors
/// If the device is not there or can't do this.
pub fn aliked_context(setup: &Setup, precision: Precision) -> Result<TorchContext> {
    setup.context(if precision == Precision::Auto { Precision::Fp32 } else { precision })
}

/// ALIKED n16rot with the number of keypoints that was set up.
///
/// # Errors
/// If its weights can't be read.
pub fn aliked_extractor(setup: &Setup, context: TorchContext) -> Result<Aliked> {
    let config =
        scene3d_aliked::Config { max_keypoints: setup.config.num_keypoints, ..scene3d_aliked::Config::default() };
    Ok(Aliked::new(&config, &Weights::load(&setup.config.weights.join("aliked-n16rot.pth"))?, context)?)
}

/// SuperPoint.
///
/// # Errors
/// If its weights can't be read.
pub fn superpoint(setup: &Setup, measure: &Measure) -> Result<Case> {
    // our own kernels are fp32
    let precision = if setup.config.cuda.is_none() && measure.precision == Precision::Auto {
        Precision::Fp32
    } else {
        measure.precision
    };
    let context = setup.context(precision)?;
    let weights = setup.config.superpoint.as_deref().context("no weights of superpoint were set up")?;
    let config =
        SuperPointConfig { max_keypoints: setup.config.num_keypoints, precision, ..SuperPointConfig::default() };
    let extractor = SuperPoint::new(config, &Weights::load(weights)?, context)?;
    let photos = setup.photos_on(context.device, measure.batch)?;
    let run = move || {
        extractor.extract_images(&views(&photos), context.num_threads, || Ok(()))?;
        Ok(())
    };
    Ok(Case { num_items: measure.batch, context, run: Box::new(run) })
}

fn views(photos: &[DevicePhoto]) -> Vec<ImageTensor<'_>> {
    photos.iter().map(DevicePhoto::view).collect()
}
