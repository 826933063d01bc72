//! The scene from above: points and cameras in a horizontal plane, turned so that the longer side lies across.

use nalgebra::{Matrix2, SymmetricEigen, UnitQuaternion, Vector2, Vector3};
use scene3d_scene::{Reconstruction, RegisteredImage};
use serde_json::{Value, json};

use super::packed::{base64, pack_u16};
use crate::preview::spread;
use crate::upright_from_world;

/// More dots than this fill the picture.
const MAX_POINTS: usize = 20_000;
/// Share of the points on each side of each axis that may lie outside the picture: sparse models have far outliers.
const OUTLIER_SHARE: f64 = 0.02;
/// Empty border as a share of the span.
const BORDER_SHARE: f64 = 0.06;

/// Positions (shares of the picture), colours, and cameras with heading and half opening angle.
pub(super) fn top_view(model: &Reconstruction) -> Value {
    let plan_from_world = Plan::of(model);
    let mut points: Vec<(Vector3<f64>, [u8; 3])> =
        model.points3d.values().map(|point| (plan_from_world.apply(&point.x_in_world), point.color)).collect();
    let centers: Vec<Vector3<f64>> =
        model.images.values().map(|image| plan_from_world.apply(&image.cam_from_world.origin_in_b())).collect();
    let frame = Frame::of(&points.iter().map(|(position, _)| *position).collect::<Vec<_>>(), &centers);
    let num_points = points.len();
    points.retain(|(position, _)| frame.contains(position));
    let num_left_out = num_points - points.len();
    let mut drawn: Vec<_> = spread(points.len(), MAX_POINTS).map(|i| points[i]).collect();
    // from the ground up, as seen from above
    drawn.sort_by(|(a, _), (b, _)| a.z.total_cmp(&b.z));
    let cameras = model.images.iter().zip(&centers).map(|((id, image), center)| {
        let [x, y] = frame.shares(center);
        let heading = plan_from_world.rotate(&optical_axis_in_world(image));
        json!({
            "image_id": id, "x": x, "y": y, "dx": heading.x, "dy": heading.y, "half_angle": half_angle(model, image),
        })
    });
    json!({
        "span": [frame.span.x, frame.span.y],
        "positions": pack_u16(drawn.iter().flat_map(|(position, _)| frame.shares(position))),
        "colors": base64(&drawn.iter().flat_map(|(_, color)| *color).collect::<Vec<u8>>()),
        "cameras": cameras.collect::<Value>(),
        "num_left_out": num_left_out,
    })
}

fn optical_axis_in_world(image: &RegisteredImage) -> Vector3<f64> {
    image.cam_from_world.rotation.inverse_transform_vector(&Vector3::z())
}

/// Half of the horizontal opening angle, rad.
fn half_angle(model: &Reconstruction, image: &RegisteredImage) -> f64 {
    let camera = model.cameras.get(&image.camera_id);
    camera.map_or(0.4, |camera| (f64::from(camera.image_size[0]) / (2.0 * camera.focal()[0])).atan())
}

/// From the world to x right, y down the page, z towards the reader.
struct Plan {
    upright_from_world: UnitQuaternion<f64>,
    /// Directions of the picture's axes in the horizontal plane.
    axes: [Vector2<f64>; 2],
}

impl Plan {
    fn of(model: &Reconstruction) -> Self {
        let upright_from_world = upright_from_world(model);
        let mut plan = Self { upright_from_world, axes: [Vector2::x(), Vector2::y()] };
        let long_axis = plan.long_axis(model);
        plan.axes = [long_axis, Vector2::new(-long_axis.y, long_axis.x)];
        if plan.mean_heading(model).y > 0.0 {
            // cameras at the bottom that look up the page read like a map
            plan.axes = plan.axes.map(|axis| -axis);
        }
        plan
    }

    /// Robust principal direction of the points: their median is not moved, nor their spread dominated, by outliers.
    fn long_axis(&self, model: &Reconstruction) -> Vector2<f64> {
        let flat: Vec<Vector3<f64>> = model.points3d.values().map(|p| self.apply(&p.x_in_world)).collect();
        let median = Vector2::new(quantile(&flat, 0, 0.5), quantile(&flat, 1, 0.5));
        let direction = |p: &Vector3<f64>| (p.xy() - median).try_normalize(1e-12);
        let scatter: Matrix2<f64> = flat.iter().filter_map(direction).map(|d| d * d.transpose()).sum();
        let eigen = SymmetricEigen::new(scatter);
        let axis = eigen.eigenvectors.column(eigen.eigenvalues.imax()).into_owned();
        // the sign of an eigenvector is arbitrary
        if axis.x < 0.0 { -axis } else { axis }
    }

    fn mean_heading(&self, model: &Reconstruction) -> Vector3<f64> {
        model.images.values().map(|image| self.rotate(&optical_axis_in_world(image))).sum()
    }

    /// Seen from above with y up, x points right and z down the page.
    fn rotate(&self, direction_in_world: &Vector3<f64>) -> Vector3<f64> {
        let upright = self.upright_from_world * direction_in_world;
        let flat = Vector2::new(upright.x, upright.z);
        Vector3::new(self.axes[0].dot(&flat), self.axes[1].dot(&flat), upright.y)
    }

    fn apply(&self, x_in_world: &Vector3<f64>) -> Vector3<f64> {
        self.rotate(x_in_world)
    }
}

/// The rectangle that is drawn.
struct Frame {
    min: Vector2<f64>,
    span: Vector2<f64>,
}

impl Frame {
    /// Around all cameras and all but the outermost points.
    fn of(points: &[Vector3<f64>], centers: &[Vector3<f64>]) -> Self {
        let bounds = |axis: usize| {
            let mut low = quantile(points, axis, OUTLIER_SHARE);
            let mut high = quantile(points, axis, 1.0 - OUTLIER_SHARE);
            for center in centers {
                (low, high) = (low.min(center[axis]), high.max(center[axis]));
            }
            let border = BORDER_SHARE * (high - low).max(1e-6);
            [low - border, high + border]
        };
        let ([x0, x1], [y0, y1]) = (bounds(0), bounds(1));
        Self { min: Vector2::new(x0, y0), span: Vector2::new(x1 - x0, y1 - y0) }
    }

    fn shares(&self, position: &Vector3<f64>) -> [f64; 2] {
        (position.xy() - self.min).component_div(&self.span).into()
    }

    fn contains(&self, position: &Vector3<f64>) -> bool {
        self.shares(position).iter().all(|share| (0.0..=1.0).contains(share))
    }
}

fn quantile(points: &[Vector3<f64>], axis: usize, share: f64) -> f64 {
    let mut values: Vec<f64> = points.iter().map(|point| point[axis]).collect();
    values.sort_by(f64::total_cmp);
    values.get((share * values.len().saturating_sub(1) as f64).round() as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_scene;

    #[test]
    fn a_ring_is_drawn_as_a_ring_that_looks_inwards() {
        let view = top_view(&test_scene::ring(8));
        let number = |value: &Value| value.as_f64().unwrap();
        let span = [number(&view["span"][0]), number(&view["span"][1])];
        let cameras = view["cameras"].as_array().unwrap();
        let position = |c: &Value| Vector2::new(number(&c["x"]) * span[0], number(&c["y"]) * span[1]);
        let mean = cameras.iter().map(position).sum::<Vector2<f64>>() / 8.0;
        for camera in cameras {
            let from_mean = position(camera) - mean;
            // the radius of the ring
            assert!((from_mean.norm() - 4.0).abs() < 1e-6, "{from_mean}");
            let heading = Vector2::new(number(&camera["dx"]), number(&camera["dy"]));
            assert!(from_mean.normalize().dot(&heading.normalize()) < -0.999);
        }
        assert_eq!(view["num_left_out"], 0);
    }

    #[test]
    fn seen_from_above_nothing_is_mirrored() {
        let model = test_scene::ring(4);
        let plan = Plan::of(&model);
        let image = model.images.values().next().unwrap();
        let right = plan.rotate(&image.cam_from_world.rotation.inverse_transform_vector(&Vector3::x()));
        let ahead = plan.rotate(&optical_axis_in_world(image));
        // y runs down the page: a camera's right hand is clockwise of where it looks
        assert!(ahead.x * right.y - ahead.y * right.x > 0.5);
    }

    #[test]
    fn a_far_outlier_does_not_shrink_the_picture() {
        let mut model = test_scene::ring(4);
        model.points3d.values_mut().next().unwrap().x_in_world.x = 1e6;
        let view = top_view(&model);
        assert!(view["span"][0].as_f64().unwrap() < 10.0);
        assert_eq!(view["num_left_out"], 1);
    }
}
