//! Measures a matcher on an extractor's features: milliseconds to prepare a photo and to match a pair, with all
//! instances busy.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use scene3d_engine::{EngineError, Instance, Registry, SearchPaths, StagePlan, negotiate};
use scene3d_pipeline::single::{self, spawn_all};
use scene3d_pipeline::{DecodedPhoto, PairFound, peak_resident_bytes, reset_peak_resident_bytes, tensor_file};
use scene3d_wire::{ImageFeatures, Named, NamedView, Prepared};

use super::device::DeviceMeter;
use super::extract::{decode_all, file_name};
use super::figures::{MatchFigures, Resources, Summary};
use super::load::under_load;
use super::one::Request;

/// A photo with keypoints.
struct Image {
    features: Named,
    num_keypoints: usize,
    /// `[width, height]` in px of the original photo.
    image_size: [u32; 2],
    /// For matchers that look at the photos.
    decoded: Option<Arc<DecodedPhoto>>,
}

/// Measures.
pub fn measure(request: &Request, features: &Path, max_pairs: usize) -> Result<MatchFigures> {
    let raw = request.config.load()?;
    let paths = SearchPaths::new(&raw);
    let registry = Registry::discover(&paths);
    let negotiated = negotiate(&raw, &registry, &paths.weights).map_err(EngineError::from)?;
    let pipeline = &negotiated.config.pipeline;
    let plan = &negotiated.features.first().context("there are no features")?.matcher;
    let images = images(request, features, plan, pipeline.num_threads())?;
    let pairs = nearest_pairs(images.len(), max_pairs);
    ensure!(!pairs.is_empty(), "keypoints were found in {} photos, expected at least 2", images.len());
    let resident_before_bytes = reset_peak_resident_bytes();
    let meter = DeviceMeter::start(plan.device);
    let pool = spawn_all(plan, &registry, pipeline)?;
    let preparing = under_load(pool.instances(), images.len(), |instance, item| prepare(instance, &images[item]))?;
    let matching = under_load(pool.instances(), pairs.len(), |instance, item| {
        match_pair(instance, &images, &preparing.outputs, pairs[item])
    })?;
    let device = meter.finish(matching.window, matching.item_ms.len());
    let num_matches: usize = matching.outputs.iter().sum();
    let peak_resident_bytes = peak_resident_bytes();
    Ok(MatchFigures {
        num_instances: pool.instances().len(),
        num_pairs: pairs.len(),
        prepare_ms: Summary::of(&preparing.item_ms),
        pair_ms: Summary::of(&matching.item_ms),
        pairs_per_sec: matching.items_per_sec,
        matches_per_pair: num_matches as f64 / pairs.len() as f64,
        resources: Resources::new(resident_before_bytes, peak_resident_bytes, device),
    })
}

/// The photos with keypoints; a run does not match the others.
fn images(request: &Request, features: &Path, plan: &StagePlan, num_threads: usize) -> Result<Vec<Image>> {
    let mut images = Vec::new();
    let max_long_side_px = plan.max_long_side_px.unwrap_or(u32::MAX);
    let mut photos = Vec::new();
    for photo in request.photos()? {
        if let Some(features) = tensor_file::read(&features.join(file_name(&photo)))? {
            let num_keypoints = NamedView::of(&features).rows::<f32, 2>("keypoints")?.len();
            images.push(Image { features, num_keypoints, image_size: photo.info.image_size, decoded: None });
            photos.push(photo);
        }
    }
    if plan.needs_pixels() {
        let decoded = decode_all(&photos, max_long_side_px, num_threads);
        ensure!(decoded.len() == images.len(), "a photo changed while it was measured");
        images.iter_mut().zip(decoded).for_each(|(image, (_, decoded))| image.decoded = Some(decoded));
    }
    images.retain(|image| image.num_keypoints > 0);
    Ok(images)
}

/// Pairs of neighbours first, then of those one apart, and so on: photos taken one after the other overlap most.
fn nearest_pairs(num_images: usize, max_pairs: usize) -> Vec<[usize; 2]> {
    let of_gap = |gap: usize| (gap..num_images).map(move |second| [second - gap, second]);
    (1..num_images).flat_map(of_gap).take(max_pairs).collect()
}

fn prepare(instance: &Instance, image: &Image) -> Result<Prepared> {
    let features = ImageFeatures::from_named(&NamedView::of(&image.features))?;
    let pixels = image.decoded.as_ref().map(|decoded| decoded.pixels.view());
    Ok(single::prepare(instance, &ImageFeatures { pixels, ..features })?)
}

fn match_pair(instance: &Instance, images: &[Image], prepared: &[Prepared], pair: [usize; 2]) -> Result<usize> {
    let num_keypoints = pair.map(|index| images[index].num_keypoints);
    let image_sizes = pair.map(|index| images[index].image_size);
    Ok(match single::find(instance, pair.map(|index| &prepared[index]), num_keypoints, image_sizes)? {
        PairFound::Matches(found) => found.len(),
        PairFound::Correspondences(found) => found.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_come_first_and_every_pair_comes_once() {
        assert_eq!(nearest_pairs(4, 4), [[0, 1], [1, 2], [2, 3], [0, 2]]);
        assert_eq!(nearest_pairs(5, 100).len(), 10);
        assert!(nearest_pairs(1, 100).is_empty());
    }
}
