//! A trivial mapper for tests of the host: cameras in a row, every keypoint of the first pair a point. No torch.

use std::collections::BTreeMap;

use scene3d_sdk::scene::{
    Camera, CameraId, CameraModel, ImageInfo, Observation, Point3d, Point3dId, Reconstruction, RegisteredImage, Rigid3,
    TwoViewConfiguration,
};
use scene3d_sdk::{
    CreateContext, Descriptor, Host, Mapper, Mapping, MatchGraph, PairMatches, Result, SdkError, StageKind,
    VerifiedPair, describe,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of the dummy mapper.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Distance between neighbouring cameras, in units of the world.
    #[schemars(range(min = 0.0))]
    baseline: f64,
    /// Distance of the points from the cameras, in units of the world.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    depth: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { baseline: 1.0, depth: 4.0 }
    }
}

/// Cameras in a row.
pub struct DummyMapper {
    config: Config,
}

impl Mapper for DummyMapper {
    type Config = Config;

    fn descriptor() -> Descriptor {
        let summary = "Cameras in a row, for tests.";
        describe(StageKind::Mapper, "dummy-mapper", env!("CARGO_PKG_VERSION"), "Apache-2.0", summary)
    }

    fn create(config: Config, _: &CreateContext<'_>) -> Result<Self> {
        Ok(Self { config })
    }

    fn map(&mut self, graph: &MatchGraph, host: &Host<'_>) -> Result<Mapping> {
        host.check_cancelled()?;
        let models = match graph.pairs.first() {
            Some(pair) => vec![self.model(graph, pair)?],
            None => Vec::new(),
        };
        host.progress(1.0, "mapped");
        Ok(Mapping { models, verified_pairs: graph.pairs.iter().map(verified).collect(), engine: "dummy".to_owned() })
    }
}

fn verified(pair: &PairMatches) -> VerifiedPair {
    let configuration = TwoViewConfiguration::Calibrated;
    VerifiedPair { pair: pair.pair, configuration, num_inliers: pair.matches.len() }
}

impl DummyMapper {
    fn model(&self, graph: &MatchGraph, pair: &PairMatches) -> Result<Reconstruction> {
        let mut cameras = BTreeMap::new();
        let mut images = BTreeMap::new();
        for (index, (image, keypoints)) in graph.images.iter().zip(&graph.keypoints).enumerate() {
            let camera_id = CameraId(image.image_id.0);
            cameras.insert(camera_id, camera(camera_id, image)?);
            let mut cam_from_world = Rigid3::identity();
            cam_from_world.translation.x = -self.config.baseline * index as f64;
            let registered = RegisteredImage {
                name: image.name.clone(),
                camera_id,
                cam_from_world,
                keypoints: keypoints.iter().map(|keypoint| keypoint.map(f64::from)).collect(),
                point3d_ids: vec![None; keypoints.len()],
            };
            images.insert(image.image_id, registered);
        }
        let mut model = Reconstruction { cameras, images, points3d: BTreeMap::new() };
        for (number, indices) in pair.matches.indices.iter().enumerate() {
            self.add_point(&mut model, graph, pair, Point3dId(number as u64 + 1), *indices);
        }
        Ok(model)
    }

    fn add_point(
        &self,
        model: &mut Reconstruction,
        graph: &MatchGraph,
        pair: &PairMatches,
        id: Point3dId,
        indices: [u32; 2],
    ) {
        let position = graph.images.iter().position(|image| image.image_id == pair.pair.image1);
        let keypoint = |position: usize| graph.keypoints[position].get(indices[0] as usize);
        let (Some(position), Some([x, y])) = (position, position.and_then(keypoint)) else { return };
        let image_ids = [pair.pair.image1, pair.pair.image2];
        let track = image_ids.into_iter().zip(indices);
        let track: Vec<_> = track.map(|(image_id, keypoint_idx)| Observation { image_id, keypoint_idx }).collect();
        for Observation { image_id, keypoint_idx } in &track {
            let image = model.images.get_mut(image_id);
            if let Some(slot) = image.and_then(|image| image.point3d_ids.get_mut(*keypoint_idx as usize)) {
                *slot = Some(id);
            }
        }
        let (x, y, depth) = (f64::from(*x) / 1000.0, f64::from(*y) / 1000.0, self.config.depth);
        let color = graph.colors[position].get(indices[0] as usize).copied().unwrap_or_default();
        let point = Point3d { x_in_world: [x * depth, y * depth, depth].into(), color, error_px: 0.0, track };
        model.points3d.insert(id, point);
    }
}

fn camera(camera_id: CameraId, image: &ImageInfo) -> Result<Camera> {
    let [width, height] = image.image_size.map(f64::from);
    let focal_px = image.focal_px.unwrap_or(1.2 * width.max(height));
    let params = vec![focal_px, width / 2.0, height / 2.0];
    Camera::new(camera_id, CameraModel::SimplePinhole, image.image_size, params)
        .map_err(|error| SdkError::internal(error.to_string()))
}

scene3d_sdk::export_plugin!(mapper: DummyMapper);
