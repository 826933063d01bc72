//! Where the scene proper lies: a reconstruction has points that are far behind everything else.

use nalgebra::Vector3;
use scene3d_scene::Reconstruction;
use serde::Serialize;

/// Points that are looked at: enough for percentiles, few enough to sort at once.
const MAX_SAMPLE: usize = 100_000;
/// Share of the points that is left out on each side of an axis: a few per cent see what stands far behind.
const OUTSIDE: f64 = 0.05;
/// What an even distribution loses by that is added again, and a little more.
const MARGIN: f64 = 1.15;

/// The cube that holds most points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Core {
    /// Its middle, world frame.
    pub(super) center: [f64; 3],
    /// Its edge, world units; never 0.
    pub(super) extent: f64,
}

impl Core {
    /// Around the 5th to the 95th percentile of each axis; of a scene without points, the cameras.
    pub(super) fn of(model: &Reconstruction) -> Self {
        let stride = model.points3d.len().div_ceil(MAX_SAMPLE).max(1);
        let mut sample: Vec<Vector3<f64>> =
            model.points3d.values().step_by(stride).map(|point| point.x_in_world).collect();
        if sample.is_empty() {
            sample = model.images.values().map(|image| image.cam_from_world.origin_in_b()).collect();
        }
        let sides: [(f64, f64); 3] = std::array::from_fn(|axis| percentiles(&sample, axis));
        let extent = MARGIN * sides.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
        let center = sides.map(|(low, high)| f64::midpoint(low, high));
        Self { center, extent: if extent > 0.0 { extent } else { 1.0 } }
    }

    /// How far a point is from the middle along the axis where it is farthest.
    pub(super) fn distance(&self, x_in_world: &Vector3<f64>) -> f64 {
        (x_in_world - Vector3::from(self.center)).amax()
    }
}

fn percentiles(sample: &[Vector3<f64>], axis: usize) -> (f64, f64) {
    let mut values: Vec<f64> = sample.iter().map(|x| x[axis]).collect();
    values.sort_unstable_by(f64::total_cmp);
    let num_outside = (values.len() as f64 * OUTSIDE) as usize;
    let low = values.get(num_outside).copied().unwrap_or_default();
    let high = values.len().checked_sub(1 + num_outside).map_or(low, |index| values[index]);
    (low, high)
}
