//! Inputs for checks of a plugin: small, made up, the same every time.

use anyhow::Result;
use scene3d_abi::Descriptor;
use scene3d_scene::{ImageId, ImageInfo};
use scene3d_tensor::Tensor;
use scene3d_wire::{MatchGraph, Named};

/// Descriptor length where the plugin takes any.
const ANY_DIM: i64 = 64;

/// `[width, height]` in px of the photo whose features a matcher is given.
pub const IMAGE_SIZE: [u32; 2] = [320, 240];

/// `[height, width, 3] u8`: blobs of different sizes, so that extractors find something.
pub fn pixels(width: i64, height: i64, seed: u32) -> Result<Tensor> {
    let at = |x: i64, y: i64, channel: i64| {
        let cell = (x / 7 + 3 * (y / 5) + 11 * channel) as u32 ^ seed;
        (cell.wrapping_mul(2_654_435_761) >> 24) as u8
    };
    let values = (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| (x, y, c))));
    Ok(Tensor::from_vec(values.map(|(x, y, c)| at(x, y, c)).collect(), &[height, width, 3])?)
}

/// Features of one image as a matcher is given them.
pub fn features(descriptor: &Descriptor, num_keypoints: i64, seed: u32) -> Result<Named> {
    let dim = descriptor_dim(descriptor);
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let keypoints = (0..2 * num_keypoints).map(|_| 300.0 * next() + 0.5).collect();
    let scores = (0..num_keypoints).map(|_| next()).collect();
    let mut descriptors: Vec<f32> = (0..num_keypoints * dim).map(|_| next() - 0.5).collect();
    for row in descriptors.chunks_exact_mut(dim as usize) {
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        row.iter_mut().for_each(|v| *v /= norm);
    }
    let mut features = vec![
        ("keypoints".to_owned(), Tensor::from_vec(keypoints, &[num_keypoints, 2])?),
        ("scores".to_owned(), Tensor::from_vec(scores, &[num_keypoints])?),
        ("descriptors".to_owned(), Tensor::from_vec(descriptors, &[num_keypoints, dim])?),
        ("image_size".to_owned(), Tensor::from_vec(IMAGE_SIZE.to_vec(), &[2])?),
    ];
    if descriptor.inputs.iter().any(|port| port.name == "pixels") {
        features.push(("pixels".to_owned(), pixels(IMAGE_SIZE[0].into(), IMAGE_SIZE[1].into(), seed)?));
    }
    Ok(features)
}

fn descriptor_dim(descriptor: &Descriptor) -> i64 {
    let port = descriptor.inputs.iter().find(|port| port.name == "descriptors");
    let sides = port.map(|port| port.shape.trim_matches(['[', ']']).split(',').map(str::trim).collect::<Vec<_>>());
    sides.and_then(|sides| sides.last()?.parse().ok()).unwrap_or(ANY_DIM)
}

/// A graph of three images without a match: any mapper must answer it without a model.
pub fn empty_graph(workspace: std::path::PathBuf) -> MatchGraph {
    let image = |id| ImageInfo {
        image_id: ImageId(id),
        name: format!("{id}.jpg"),
        image_size: [320, 240],
        focal_px: None,
        device: None,
    };
    MatchGraph {
        images: (1..=3).map(image).collect(),
        keypoints: vec![vec![[10.5, 10.5], [50.0, 60.0]]; 3],
        colors: vec![vec![[0; 3]; 2]; 3],
        pairs: Vec::new(),
        workspace,
    }
}
