//! What a mapper returns: reconstructions, largest first, and what verification found.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use scene3d_scene::{
    Camera, CameraId, ImageId, ImagePair, Observation, Point3d, Point3dId, Reconstruction, RegisteredImage, Rigid3,
    TwoViewConfiguration,
};
use serde::{Deserialize, Serialize};

use crate::match_graph::{offsets, parts};
use crate::named::{NamedView, rows, vector};
use crate::{Named, WireError, item};

/// A pair after geometric verification.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VerifiedPair {
    /// The pair.
    pub pair: ImagePair,
    /// Which model explains its matches.
    pub configuration: TwoViewConfiguration,
    /// Number of matches that agree with it.
    pub num_inliers: usize,
}

/// Reconstructions and what verification found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    /// Models, most registered images first; empty when nothing could be reconstructed.
    pub models: Vec<Reconstruction>,
    /// Verified pairs, ordered.
    pub verified_pairs: Vec<VerifiedPair>,
    /// What made the models, e.g. `pycolmap 4.2.1`.
    pub engine: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    num_models: usize,
    verified_pairs: Vec<VerifiedPair>,
    engine: String,
}

#[derive(Serialize, Deserialize)]
struct ImageHeader {
    image_id: ImageId,
    name: String,
    camera_id: CameraId,
}

impl Mapping {
    /// Writes `mapping_json [B] u8` and per model `m`: `m.cameras_json`, `m.images_json [B] u8`,
    /// `m.poses_cam_from_world [R, 7] f64` (COLMAP's parameter order), `m.keypoints [K, 2] f64`,
    /// `m.keypoint_offsets [R+1] u64`, `m.point_ids [T] u64`, `m.points3d [T, 3] f64`, `m.colors [T, 3] u8`,
    /// `m.errors_px [T] f64`, `m.track_offsets [T+1] u64`, `m.track_elements [E, 2] u32`.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_named(&self) -> Result<Named, WireError> {
        let header = Header {
            num_models: self.models.len(),
            verified_pairs: self.verified_pairs.clone(),
            engine: self.engine.clone(),
        };
        let mut named = vec![vector("mapping_json", json("mapping_json", &header)?)?];
        for (m, model) in self.models.iter().enumerate() {
            named.extend(model_to_named(model)?.into_iter().map(|(name, tensor)| (format!("{m}.{name}"), tensor)));
        }
        Ok(named)
    }

    /// Reads what [`Self::to_named`] wrote.
    ///
    /// # Errors
    /// [`WireError`] if an array is missing or they contradict each other.
    pub fn from_named(named: &NamedView<'_>) -> Result<Self, WireError> {
        let header: Header = from_json(named, "mapping_json")?;
        let models = (0..header.num_models).map(|m| model_from_named(&item(named, &m.to_string())));
        Ok(Self {
            models: models.collect::<Result<_, _>>()?,
            verified_pairs: header.verified_pairs,
            engine: header.engine,
        })
    }
}

fn json<T: Serialize>(name: &str, value: &T) -> Result<Vec<u8>, WireError> {
    serde_json::to_vec(value).map_err(|error| WireError::content(name, error.to_string()))
}

fn from_json<T: for<'d> Deserialize<'d>>(named: &NamedView<'_>, name: &str) -> Result<T, WireError> {
    serde_json::from_str(named.text(name)?).map_err(|error| WireError::content(name, error.to_string()))
}

fn model_to_named(model: &Reconstruction) -> Result<Named, WireError> {
    let images: Vec<ImageHeader> = model
        .images
        .iter()
        .map(|(id, image)| ImageHeader { image_id: *id, name: image.name.clone(), camera_id: image.camera_id })
        .collect();
    let cameras: Vec<&Camera> = model.cameras.values().collect();
    let poses: Vec<[f64; 7]> = model.images.values().map(|image| image.cam_from_world.to_params()).collect();
    let keypoints: Vec<[f64; 2]> = model.images.values().flat_map(|image| image.keypoints.iter().copied()).collect();
    let points: Vec<&Point3d> = model.points3d.values().collect();
    let elements: Vec<[u32; 2]> =
        points.iter().flat_map(|p| p.track.iter().map(|obs| [obs.image_id.0, obs.keypoint_idx])).collect();
    Ok(vec![
        vector("cameras_json", json("cameras_json", &cameras)?)?,
        vector("images_json", json("images_json", &images)?)?,
        rows("poses_cam_from_world", &poses)?,
        rows("keypoints", &keypoints)?,
        offsets("keypoint_offsets", model.images.values().map(|image| image.keypoints.len()))?,
        vector("point_ids", model.points3d.keys().map(|id| id.0).collect())?,
        rows("points3d", &points.iter().map(|p| p.x_in_world.into()).collect::<Vec<[f64; 3]>>())?,
        rows("colors", &points.iter().map(|p| p.color).collect::<Vec<_>>())?,
        vector("errors_px", points.iter().map(|p| p.error_px).collect())?,
        offsets("track_offsets", points.iter().map(|p| p.track.len()))?,
        rows("track_elements", &elements)?,
    ])
}

fn model_from_named(named: &NamedView<'_>) -> Result<Reconstruction, WireError> {
    let cameras: Vec<Camera> = from_json(named, "cameras_json")?;
    let headers: Vec<ImageHeader> = from_json(named, "images_json")?;
    let poses = named.rows::<f64, 7>("poses_cam_from_world")?;
    let keypoints = parts("keypoint_offsets", named.slice("keypoint_offsets")?, named.rows::<f64, 2>("keypoints")?)?;
    if poses.len() != headers.len() || keypoints.len() != headers.len() {
        return Err(WireError::content("images_json", "expected one pose and one list of keypoints an image"));
    }
    let image = |((header, pose), keypoints): ((ImageHeader, &[f64; 7]), Vec<[f64; 2]>)| {
        let point3d_ids = vec![None; keypoints.len()];
        let cam_from_world = Rigid3::from_params(*pose);
        let ImageHeader { image_id, name, camera_id } = header;
        (image_id, RegisteredImage { name, camera_id, cam_from_world, keypoints, point3d_ids })
    };
    let mut images: BTreeMap<ImageId, RegisteredImage> =
        headers.into_iter().zip(poses).zip(keypoints).map(image).collect();
    let points3d = points_from_named(named)?;
    for (id, point) in &points3d {
        for observation in &point.track {
            let slot = images
                .get_mut(&observation.image_id)
                .and_then(|image| image.point3d_ids.get_mut(observation.keypoint_idx as usize))
                .ok_or_else(|| WireError::content("track_elements", format!("{observation:?} does not exist")))?;
            *slot = Some(*id);
        }
    }
    let cameras = cameras.into_iter().map(|camera| (camera.camera_id, camera)).collect();
    Ok(Reconstruction { cameras, images, points3d })
}

fn points_from_named(named: &NamedView<'_>) -> Result<BTreeMap<Point3dId, Point3d>, WireError> {
    let ids = named.slice::<u64>("point_ids")?;
    let positions = named.rows::<f64, 3>("points3d")?;
    let colors = named.rows::<u8, 3>("colors")?;
    let errors = named.slice::<f64>("errors_px")?;
    let tracks = parts("track_offsets", named.slice("track_offsets")?, named.rows::<u32, 2>("track_elements")?)?;
    if [positions.len(), colors.len(), errors.len(), tracks.len()] != [ids.len(); 4] {
        return Err(WireError::content("point_ids", "points3d, colors, errors_px and tracks differ in length"));
    }
    let observation = |[image_id, keypoint_idx]: [u32; 2]| Observation { image_id: ImageId(image_id), keypoint_idx };
    let point = |(index, track): (usize, Vec<[u32; 2]>)| {
        let point = Point3d {
            x_in_world: Vector3::from(positions[index]),
            color: colors[index],
            error_px: errors[index],
            track: track.into_iter().map(observation).collect(),
        };
        (Point3dId(ids[index]), point)
    };
    Ok(tracks.into_iter().enumerate().map(point).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use scene3d_scene::CameraModel;

    #[test]
    fn a_mapping_crosses_the_boundary_unchanged() {
        let camera = Camera::new(CameraId(1), CameraModel::SimplePinhole, [8, 6], vec![7.0, 4.0, 3.0]).unwrap();
        let image = |name: &str, t: f64, id| RegisteredImage {
            name: name.to_owned(),
            camera_id: CameraId(1),
            cam_from_world: Rigid3 { translation: Vector3::new(t, 0.0, 0.0), ..Rigid3::identity() },
            keypoints: vec![[1.0, 2.0], [3.0, 4.0]],
            point3d_ids: vec![None, id],
        };
        let point = Point3d {
            x_in_world: Vector3::new(0.1, 0.2, 3.0),
            color: [9, 8, 7],
            error_px: 0.25,
            track: [1, 2].map(|i| Observation { image_id: ImageId(i), keypoint_idx: 1 }).to_vec(),
        };
        let model = Reconstruction {
            cameras: [(CameraId(1), camera)].into(),
            images: [
                (ImageId(1), image("a", 0.0, Some(Point3dId(5)))),
                (ImageId(2), image("b", 1.0, Some(Point3dId(5)))),
            ]
            .into(),
            points3d: [(Point3dId(5), point)].into(),
        };
        let pair = ImagePair::new(ImageId(1), ImageId(2)).unwrap();
        let verified = VerifiedPair { pair, configuration: TwoViewConfiguration::Calibrated, num_inliers: 12 };
        let mapping = Mapping { models: vec![model], verified_pairs: vec![verified], engine: "test".to_owned() };
        let named = mapping.to_named().unwrap();
        assert_eq!(Mapping::from_named(&NamedView::of(&named)).unwrap(), mapping);
    }
}
