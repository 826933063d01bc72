//! A match graph without photos: exact projections of points into the cameras of the small scene.

use std::path::Path;

use nalgebra::Vector3;
use scene3d_scene::{Camera, ImageInfo, ImagePair, Matches, RegisteredImage};
use scene3d_wire::{MatchGraph, PairMatches};

use crate::small_scene;

/// Enough for COLMAP to begin with any pair.
const NUM_POINTS: usize = 300;

/// Keypoint `i` of every image is point `i`, so that all match in all pairs.
///
/// # Panics
/// If the small scene can't be rendered, or a camera does not see a point.
#[must_use]
pub fn match_graph(workspace: &Path) -> MatchGraph {
    let truth = &small_scene().truth;
    let in_image = |image: &RegisteredImage| {
        let camera = &truth.cameras[&image.camera_id];
        (1..=NUM_POINTS).map(|index| projection(camera, image, &point(index))).collect::<Vec<[f32; 2]>>()
    };
    let info = |(image_id, image): (_, &RegisteredImage)| ImageInfo {
        image_id,
        name: image.name.clone(),
        image_size: truth.cameras[&image.camera_id].image_size,
        focal_px: None,
        device: None,
    };
    let ids: Vec<_> = truth.images.keys().copied().collect();
    let pairs = ids.iter().enumerate().flat_map(|(place, &first)| ids[place + 1..].iter().map(move |&id| (first, id)));
    let all = Matches {
        indices: (0..NUM_POINTS as u32).map(|index| [index, index]).collect(),
        scores: vec![1.0; NUM_POINTS],
    };
    let matched = |pair: ImagePair| PairMatches { pair, matches: all.clone() };
    MatchGraph {
        images: truth.images.iter().map(|(id, image)| info((*id, image))).collect(),
        keypoints: truth.images.values().map(in_image).collect(),
        colors: vec![vec![[10, 200, 30]; NUM_POINTS]; ids.len()],
        pairs: pairs.filter_map(|(first, second)| ImagePair::new(first, second).ok()).map(matched).collect(),
        workspace: workspace.to_owned(),
    }
}

/// Points around the middle that the cameras look at, spread evenly: Halton's sequence.
fn point(index: usize) -> Vector3<f64> {
    let [x, y, z] = [2, 3, 5].map(|base| halton(index, base) - 0.5);
    Vector3::new(2.0 * x, 2.0 * y, 1.0 + 1.6 * z)
}

fn halton(mut index: usize, base: usize) -> f64 {
    let (mut value, mut digit) = (0.0, 1.0 / base as f64);
    while index > 0 {
        value += digit * (index % base) as f64;
        index /= base;
        digit /= base as f64;
    }
    value
}

fn projection(camera: &Camera, image: &RegisteredImage, point: &Vector3<f64>) -> [f32; 2] {
    let px = camera.project(&image.cam_from_world.apply(point));
    let inside = px.filter(|px| (0..2).all(|axis| (0.0..f64::from(camera.image_size[axis])).contains(&px[axis])));
    assert!(inside.is_some(), "{} does not see {point}, which is projected to {px:?}", image.name);
    inside.map_or([0.0; 2], |px| [px.x as f32, px.y as f32])
}
