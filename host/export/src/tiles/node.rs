//! What is drawn of a node: positions, errors, track lengths and colours, each as one array.

use super::ALIGNMENT;
use super::octree::{Entry, Node, STEPS};

/// Bytes of a point.
const POINT_BYTES: usize = 13;
/// Steps of a reprojection error in a px.
pub(super) const ERROR_STEPS_PER_PX: f64 = 1024.0;
/// An error that was never computed.
pub(super) const NO_ERROR: u16 = u16::MAX;

/// Size of the payload of so many points.
pub(super) fn num_bytes(num_points: usize) -> usize {
    (num_points * POINT_BYTES).next_multiple_of(ALIGNMENT)
}

/// The arrays one after another, then zeros up to the alignment.
pub(super) fn payload(node: &Node, points: &[Entry<'_>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(num_bytes(points.len()));
    for (_, point) in points {
        let step = |axis: usize| ((point.x_in_world[axis] - node.min[axis]) / node.size * STEPS).round() as u16;
        bytes.extend([0, 1, 2].map(step).map(u16::to_le_bytes).as_flattened());
    }
    bytes.extend(points.iter().flat_map(|(_, point)| quantised_error(point.error_px).to_le_bytes()));
    bytes.extend(points.iter().flat_map(|(_, point)| saturated(point.track.len()).to_le_bytes()));
    bytes.extend(points.iter().flat_map(|(_, point)| point.color));
    bytes.resize(num_bytes(points.len()), 0);
    bytes
}

/// In steps of 1/1024 px; the last but one stands for everything above it.
pub(super) fn quantised_error(error_px: f64) -> u16 {
    if error_px < 0.0 || error_px.is_nan() {
        return NO_ERROR;
    }
    (error_px * ERROR_STEPS_PER_PX).round().min(f64::from(NO_ERROR - 1)) as u16
}

/// A track length; 65,535 stands for everything above it.
pub(super) fn saturated(track_length: usize) -> u16 {
    u16::try_from(track_length).unwrap_or(u16::MAX)
}
