//! Correspondences of a pair from its dense maps: reciprocal pixels of both directions, in px of the photos.

use scene3d_sdk::scene::Correspondences;
use scene3d_torch::transfers::to_host;
use scene3d_torch::{TorchError, guard};
use tch::Tensor;

use crate::Result;
use crate::config::Mast3rConfig;
use crate::directions::{BothDirections, Maps};
use crate::network::Network;
use crate::pixel_pairs::{Decoding, PixelPairs, symmetric_pixel_pairs};
use crate::preprocess::Crop;
use crate::reciprocal::{Cached, CpuSearch, DeviceSearch, Search, TorchSearch, WalkRule};

/// Which pixel pairs are correspondences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DenseRule {
    /// Where the search starts and ends.
    pub walk: WalkRule,
    /// Least geometric mean of the pixels' confidences.
    pub min_confidence: f32,
    /// Least distance of a pixel from the border of its crop, in px of the crop.
    pub border: u32,
}

/// A correspondence on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// `x1, y1, x2, y2` in px of the photos as the network was given them, top-left pixel centre at (0.5, 0.5).
    pub point: [f32; 4],
    /// Of the network, 0 or more.
    pub confidence: f32,
}

impl DenseRule {
    /// As users set it.
    #[must_use]
    pub fn of(config: &Mast3rConfig) -> Self {
        let walk = WalkRule { subsample: config.subsample, pixel_tolerance: 0.0 };
        Self { walk, min_confidence: config.min_confidence, border: config.border }
    }

    fn keeps(&self, pixel: [u32; 2], crop: &Crop) -> bool {
        (0..2).all(|axis| pixel[axis] >= self.border && pixel[axis] + self.border < crop.size[axis])
    }
}

/// Correspondences of a pair of crops from their maps.
///
/// # Errors
/// If torch refuses an operation.
pub fn correspond(network: &Network, maps: &BothDirections, crops: [&Crop; 2], rule: DenseRule) -> Result<Vec<Found>> {
    let context = network.context();
    let pairs = match network.kernels() {
        // walks to the end on the device, where there is nothing to remember
        Some(kernels) => search(maps, rule.walk, |maps| DeviceSearch::new(kernels, maps))?,
        None if context.is_cpu() => {
            search(maps, rule.walk, |maps| Ok(Cached::new(CpuSearch::new(maps, context.num_threads)?)))?
        }
        None => search(maps, rule.walk, |maps| Ok(Cached::new(TorchSearch::new(maps)?)))?,
    };
    let found = |(pixels, confidence): ([u32; 2], f32)| {
        let [one, two] = [0, 1].map(|image| at(pixels[image], crops[image]));
        let is_kept = confidence >= rule.min_confidence && rule.keeps(one, crops[0]) && rule.keeps(two, crops[1]);
        let to_photo = |pixel: [u32; 2], crop: &Crop| crop.to_photo(pixel.map(|index| index as f32));
        let ([x1, y1], [x2, y2]) = (to_photo(one, crops[0]), to_photo(two, crops[1]));
        is_kept.then_some(Found { point: [x1, y1, x2, y2], confidence })
    };
    Ok(pairs.pixels.into_iter().zip(pairs.confidences).filter_map(found).collect())
}

/// `[x, y]` of a pixel `x + width * y` of a crop.
fn at(pixel: u32, crop: &Crop) -> [u32; 2] {
    [pixel % crop.size[0], pixel / crop.size[0]]
}

fn search<S: Search>(
    maps: &BothDirections,
    walk: WalkRule,
    new: impl Fn([&Tensor; 2]) -> Result<S>,
) -> Result<PixelPairs> {
    let of_direction = |direction: usize| [&maps.of_image1[direction], &maps.of_image2[direction]];
    let new = |direction: usize| new(of_direction(direction).map(|maps| &maps.descriptors));
    let (mut forth, mut back) = (new(0)?, new(1)?);
    let [forth1, forth2] = of_direction(0).map(confidences);
    let [back1, back2] = of_direction(1).map(confidences);
    let decodings = [
        Decoding { search: &mut forth, confidences: [&forth1?, &forth2?] },
        Decoding { search: &mut back, confidences: [&back1?, &back2?] },
    ];
    symmetric_pixel_pairs(decodings, walk)
}

fn confidences(maps: &Maps) -> Result<Vec<f32>> {
    let flat = || to_host(&maps.confidence.f_flatten(0, -1)?);
    Ok(Vec::try_from(&guard(flat)?).map_err(TorchError::from)?)
}

/// The most confident ones, at most `max` unless that is 0, in px of the original images, sorted by position; scored
/// `c / (1 + c)`, which leaves the order of confidences as it is and lies in 0..1.
#[must_use]
pub fn finished(mut found: Vec<Found>, crops: [&Crop; 2], image_sizes: [[u32; 2]; 2], max: usize) -> Correspondences {
    sort(&mut found);
    if max > 0 && found.len() > max {
        // stable: of equals, the first in position stay
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        found.truncate(max);
        sort(&mut found);
    }
    let to_image = |point: [f32; 4]| {
        let [from, to] = [crops.map(|crop| crop.photo_size), image_sizes];
        let (from, to) = (from.as_flattened(), to.as_flattened());
        [0, 1, 2, 3].map(|entry| scene3d_sdk::scene::pixel::rescale(point[entry], from[entry], to[entry]))
    };
    Correspondences {
        points: found.iter().map(|found| to_image(found.point)).collect(),
        // this form holds for an infinite confidence too
        scores: found.iter().map(|found| 1.0 - 1.0 / (1.0 + found.confidence)).collect(),
    }
}

/// By position, then falling confidence.
pub(crate) fn sort(found: &mut [Found]) {
    // positions are never negative, so that their bits are in their order
    let key = |found: &Found| found.point.map(f32::to_bits);
    found.sort_by(|a, b| key(a).cmp(&key(b)).then(b.confidence.total_cmp(&a.confidence)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(x: f32, confidence: f32) -> Found {
        Found { point: [x, 1.5, 2.5, 3.5], confidence }
    }

    #[test]
    fn the_most_confident_stay_in_the_order_of_their_positions() {
        let crop = Crop::new([512, 384], 512).unwrap();
        let all = vec![found(9.5, 1.0), found(3.5, 0.0), found(1.5, 3.0), found(2.5, f32::INFINITY)];
        let of = |max| finished(all.clone(), [&crop, &crop], [[512, 384]; 2], max);
        assert_eq!(of(0).points.iter().map(|point| point[0]).collect::<Vec<_>>(), [1.5, 2.5, 3.5, 9.5]);
        assert_eq!(of(0).scores, [0.75, 1.0, 0.0, 0.5]);
        assert_eq!(of(3).points.iter().map(|point| point[0]).collect::<Vec<_>>(), [1.5, 2.5, 9.5]);
        assert_eq!(of(1).scores, [1.0]);
    }

    #[test]
    fn positions_are_in_the_original_images() {
        let crop = Crop::new([512, 384], 512).unwrap();
        let of = finished(vec![found(1.5, 1.0)], [&crop, &crop], [[1024, 768], [256, 192]], 0);
        assert_eq!(of.points, [[3.0, 3.0, 1.25, 1.75]]);
    }

    #[test]
    fn the_border_is_dropped_on_every_side() {
        let crop = Crop::new([512, 384], 512).unwrap();
        let walk = WalkRule { subsample: 8, pixel_tolerance: 0.0 };
        let rule = DenseRule { walk, min_confidence: 0.0, border: 3 };
        assert!(rule.keeps([3, 3], &crop) && rule.keeps([508, 380], &crop));
        assert!([[2, 3], [3, 2], [509, 380], [508, 381]].iter().all(|pixel| !rule.keeps(*pixel, &crop)));
        assert!(DenseRule { border: 0, ..rule }.keeps([511, 383], &crop));
    }
}
