//! A mapper whose model holds what no model may hold, for hosts that link it statically.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use scene3d_sdk::scene::{
    Camera, CameraId, CameraModel, ImageInfo, Observation, Point3d, Point3dId, Reconstruction, RegisteredImage, Rigid3,
};
use scene3d_sdk::{CreateContext, Descriptor, Host, Mapper, Mapping, MatchGraph, Result, SdkError, StageKind};

/// Config of the hostile mapper.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MapperConfig {
    /// What its model holds.
    pub mode: MapperMode,
}

/// What its model holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MapperMode {
    /// Nothing wrong: every image at the origin, one point.
    #[default]
    None,
    /// A NaN in a rotation.
    NanRotation,
    /// An infinite translation.
    InfiniteTranslation,
    /// A rotation of length zero.
    ZeroRotation,
    /// A NaN among the intrinsics.
    NanIntrinsics,
    /// A camera without parameters.
    NoIntrinsics,
    /// An infinite point.
    InfinitePoint,
    /// A NaN as a point's error.
    NanError,
    /// A NaN as a keypoint.
    NanKeypoint,
    /// An image that was not given.
    UnknownImage,
    /// An image whose camera is not there.
    NoCamera,
    /// A point seen by a keypoint that is not there.
    UnknownKeypoint,
}

/// Returns one model, spoilt as its mode says.
pub struct HostileMapper {
    mode: MapperMode,
}

impl Mapper for HostileMapper {
    type Config = MapperConfig;

    fn descriptor() -> Descriptor {
        Descriptor {
            id: "hostile-mapper".to_owned(),
            kind: StageKind::Mapper,
            summary: "Models with NaNs and worse.".to_owned(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            emits_family: None,
            config_schema: serde_json::Value::Null,
            ..crate::stage::descriptor()
        }
    }

    fn create(config: MapperConfig, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self { mode: config.mode })
    }

    fn map(&mut self, graph: &MatchGraph, _: &Host<'_>) -> Result<Mapping> {
        let mut model = plain_model(graph)?;
        spoil(&mut model, self.mode);
        Ok(Mapping { models: vec![model], verified_pairs: Vec::new(), engine: "hostile".to_owned() })
    }
}

fn plain_model(graph: &MatchGraph) -> Result<Reconstruction> {
    let mut model = Reconstruction::default();
    let camera = Camera::new(CameraId(1), CameraModel::SimplePinhole, [8, 6], vec![7.0, 4.0, 3.0]);
    model.cameras.insert(CameraId(1), camera.map_err(|error| SdkError::internal(error.to_string()))?);
    model.images = graph.images.iter().map(|image| (image.image_id, at_origin(image))).collect();
    let track = model.images.keys().map(|image_id| Observation { image_id: *image_id, keypoint_idx: 0 }).collect();
    let point = Point3d { x_in_world: [0.0, 0.0, 1.0].into(), color: [9, 8, 7], error_px: 0.0, track };
    model.points3d.insert(Point3dId(1), point);
    Ok(model)
}

fn at_origin(image: &ImageInfo) -> RegisteredImage {
    RegisteredImage {
        name: image.name.clone(),
        camera_id: CameraId(1),
        cam_from_world: Rigid3::identity(),
        keypoints: vec![[4.0, 3.0]],
        point3d_ids: vec![Some(Point3dId(1))],
    }
}

fn spoil(model: &mut Reconstruction, mode: MapperMode) {
    let camera = model.cameras.values_mut().next();
    let image = model.images.values_mut().next();
    let point = model.points3d.values_mut().next();
    let (Some(camera), Some(image), Some(point)) = (camera, image, point) else { return };
    match mode {
        MapperMode::None => {}
        MapperMode::NanRotation => image.cam_from_world = rotated_by([0.0, 0.0, f64::NAN, 1.0]),
        MapperMode::ZeroRotation => image.cam_from_world = rotated_by([0.0; 4]),
        MapperMode::InfiniteTranslation => image.cam_from_world.translation.x = f64::INFINITY,
        MapperMode::NanIntrinsics => camera.params[0] = f64::NAN,
        MapperMode::NoIntrinsics => camera.params.clear(),
        MapperMode::InfinitePoint => point.x_in_world.z = f64::NEG_INFINITY,
        MapperMode::NanError => point.error_px = f64::NAN,
        MapperMode::NanKeypoint => image.keypoints[0][1] = f64::NAN,
        MapperMode::UnknownImage => image.name.push_str(".bak"),
        MapperMode::NoCamera => image.camera_id = CameraId(2),
        MapperMode::UnknownKeypoint => point.track[0].keypoint_idx = 1,
    }
}

fn rotated_by([x, y, z, w]: [f64; 4]) -> Rigid3 {
    Rigid3::from_params([x, y, z, w, 0.0, 0.0, 0.0])
}
