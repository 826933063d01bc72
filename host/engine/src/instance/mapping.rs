//! Checks of what a mapper returned: images of the graph, cameras with all their parameters, and finite numbers only.

use scene3d_scene::{Camera, ImageId, Point3d, Point3dId, Reconstruction, RegisteredImage};
use scene3d_wire::{Mapping, MatchGraph, WireError};

/// What is wrong first, if anything is.
pub(super) fn check(mapping: &Mapping, graph: &MatchGraph) -> Result<(), WireError> {
    mapping.models.iter().enumerate().try_for_each(|(m, model)| check_model(m, model, graph))
}

fn check_model(m: usize, model: &Reconstruction, graph: &MatchGraph) -> Result<(), WireError> {
    let wrong = |(name, reason): (&str, String)| WireError::Content { name: format!("{m}.{name}"), reason };
    model.cameras.values().try_for_each(check_camera).map_err(wrong)?;
    for (image_id, image) in &model.images {
        check_image(*image_id, image, model, graph).map_err(wrong)?;
    }
    model.points3d.iter().try_for_each(check_point).map_err(wrong)
}

type Wrong = (&'static str, String);

/// A NaN can't be here: JSON has none, so that reading it failed.
fn check_camera(camera: &Camera) -> Result<(), Wrong> {
    let (expected, got) = (camera.model.num_params(), camera.params.len());
    if expected == got {
        return Ok(());
    }
    let (id, model) = (camera.camera_id, camera.model.name());
    Err(("cameras_json", format!("camera {id}: expected the {expected} parameters of {model}, got {got}")))
}

fn check_image(id: ImageId, image: &RegisteredImage, model: &Reconstruction, graph: &MatchGraph) -> Result<(), Wrong> {
    let name = &image.name;
    if !graph.images.iter().any(|known| known.image_id == id && known.name == *name) {
        return Err(("images_json", format!("image {id} `{name}` is not in the graph")));
    }
    if !model.cameras.contains_key(&image.camera_id) {
        return Err(("images_json", format!("image {id} `{name}` has no camera")));
    }
    let of_image = |what: &str| format!("image {id} `{name}`: {what}");
    check_finite("poses_cam_from_world", &image.cam_from_world.to_params(), || of_image("pose"))?;
    check_finite("keypoints", image.keypoints.as_flattened(), || of_image("keypoints"))
}

fn check_point((id, point): (&Point3dId, &Point3d)) -> Result<(), Wrong> {
    check_finite("points3d", point.x_in_world.as_slice(), || format!("point {id}"))?;
    check_finite("errors_px", &[point.error_px], || format!("point {id}"))
}

fn check_finite(name: &'static str, values: &[f64], whose: impl Fn() -> String) -> Result<(), Wrong> {
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => Err((name, format!("{}: expected finite numbers, got {value}", whose()))),
    }
}
