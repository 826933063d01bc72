//! A mapping that holds NaNs, infinities or what was never given is the plugin's error, and nothing of it is used.
#![allow(clippy::unwrap_used)] // helpers of tests too

mod common;

use std::path::PathBuf;

use common::{check, linked, spawn};
use scene3d_abi::ErrorCode;
use scene3d_engine::{InstanceOptions, PluginError};
use scene3d_scene::{ImageId, ImageInfo};
use scene3d_wire::{Mapping, MatchGraph};

fn graph() -> MatchGraph {
    let image = |id: u32| ImageInfo {
        image_id: ImageId(id),
        name: format!("{id}.jpg"),
        image_size: [8, 6],
        focal_px: None,
        device: None,
    };
    MatchGraph {
        images: vec![image(1), image(2)],
        keypoints: vec![vec![[4.0, 3.0]]; 2],
        colors: vec![vec![[9, 8, 7]]; 2],
        pairs: Vec::new(),
        workspace: PathBuf::from("unused"),
    }
}

fn map(mode: &str) -> Result<Mapping, PluginError> {
    let mut registry = linked();
    registry.add_static(scene3d_hostile::mapper_module()).unwrap();
    let text = format!(
        "[[features]]\nextractor = {{ plugin = \"hostile\" }}\nmatcher = {{ plugin = \"hostile-matcher\" }}\n\
         [mapper]\nplugin = \"hostile-mapper\"\nmode = \"{mode}\"\n"
    );
    let plan = check(&registry, &text).unwrap().mapper;
    spawn(&registry, &plan, InstanceOptions::default())?.map(&graph())
}

/// Mode, and what the message must say.
const REFUSED: [(&str, &str); 11] = [
    ("nan_rotation", "tensor `0.poses_cam_from_world`: image 1 `1.jpg`: pose: expected finite numbers, got NaN"),
    ("zero_rotation", "tensor `0.poses_cam_from_world`: image 1 `1.jpg`: pose: expected finite numbers, got NaN"),
    (
        "infinite_translation",
        "tensor `0.poses_cam_from_world`: image 1 `1.jpg`: pose: expected finite numbers, got inf",
    ),
    ("nan_intrinsics", "tensor `cameras_json`: invalid type: null, expected f64"),
    ("no_intrinsics", "tensor `0.cameras_json`: camera 1: expected the 3 parameters of SIMPLE_PINHOLE, got 0"),
    ("infinite_point", "tensor `0.points3d`: point 1: expected finite numbers, got -inf"),
    ("nan_error", "tensor `0.errors_px`: point 1: expected finite numbers, got NaN"),
    ("nan_keypoint", "tensor `0.keypoints`: image 1 `1.jpg`: keypoints: expected finite numbers, got NaN"),
    ("unknown_image", "tensor `0.images_json`: image 1 `1.jpg.bak` is not in the graph"),
    ("no_camera", "tensor `0.images_json`: image 1 `1.jpg` has no camera"),
    (
        "unknown_keypoint",
        "tensor `track_elements`: Observation { image_id: ImageId(1), keypoint_idx: 1 } does not exist",
    ),
];

#[test]
fn a_model_that_can_not_be_is_refused() {
    for (mode, message) in REFUSED {
        let error = map(mode).unwrap_err();
        assert_eq!(error.code, ErrorCode::INTERNAL, "{mode}: {error}");
        assert!(error.message.starts_with("its output is malformed") && error.message.contains(message), "{error}");
        assert_eq!(error.help, "this is a bug of the plugin");
    }
}

#[test]
fn a_plain_model_of_the_same_mapper_is_taken() {
    let mapping = map("none").unwrap();
    assert_eq!((mapping.models.len(), mapping.models[0].images.len()), (1, 2));
}
