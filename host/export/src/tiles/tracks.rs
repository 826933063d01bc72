//! Who saw a point: a table of fixed rows, then the observations it points to, so that one point's are two small reads.

use std::collections::BTreeMap;

use scene3d_scene::{ImageId, Point3d, Reconstruction};

use super::octree::Entry;

/// Bytes of a row of the table: id u64, first observation u32, number of observations u32.
const ROW_BYTES: usize = 16;
/// Bytes of an observation: image u32, x u16, y u16.
const OBSERVATION_BYTES: usize = 8;
/// Steps of a coordinate along an edge of the image.
const STEPS: f64 = 65_535.0;

/// Place of each registered image in the index, and its size.
#[derive(Debug)]
pub(super) struct ImageIndices(BTreeMap<ImageId, (u32, [f64; 2])>);

impl ImageIndices {
    /// In the order of the model, whose images all have a camera.
    pub(super) fn of(model: &Reconstruction) -> Self {
        let sizes = model
            .images
            .iter()
            .filter_map(|(id, image)| Some((*id, model.cameras.get(&image.camera_id)?.image_size.map(f64::from))));
        Self((0..).zip(sizes).map(|(index, (id, size))| (id, (index, size))).collect())
    }
}

/// Observations whose keypoint exists, as `(image index, [x, y])`, x and y as shares of the image's size.
fn observations<'a>(
    model: &'a Reconstruction,
    images: &'a ImageIndices,
    point: &'a Point3d,
) -> impl Iterator<Item = (u32, [f64; 2])> + 'a {
    point.track.iter().filter_map(move |observation| {
        let (index, size) = images.0.get(&observation.image_id)?;
        let image = model.images.get(&observation.image_id)?;
        let [x, y] = image.keypoints.get(observation.keypoint_idx as usize)?;
        Some((*index, [x / size[0], y / size[1]]))
    })
}

/// Size of the payload of a node, and how many observations it holds.
pub(super) fn num_bytes(model: &Reconstruction, images: &ImageIndices, points: &[Entry<'_>]) -> (usize, usize) {
    let num_observations = points.iter().map(|(_, point)| observations(model, images, point).count()).sum::<usize>();
    (points.len() * ROW_BYTES + num_observations * OBSERVATION_BYTES, num_observations)
}

/// The table, then the observations.
pub(super) fn payload(model: &Reconstruction, images: &ImageIndices, points: &[Entry<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(num_bytes(model, images, points).0);
    let mut first = 0_u32;
    for (id, point) in points {
        let count = observations(model, images, point).count() as u32;
        bytes.extend(id.0.to_le_bytes());
        bytes.extend(first.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        first += count;
    }
    for (_, point) in points {
        for (image, position) in observations(model, images, point) {
            bytes.extend(image.to_le_bytes());
            // `as` saturates: a keypoint on the border stays in the image
            bytes.extend(position.map(|share| ((share * STEPS).round() as u16).to_le_bytes()).as_flattened());
        }
    }
    bytes
}
