//! A sparse 3D model: cameras, registered images, points with tracks.

use std::collections::BTreeMap;

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use crate::{Camera, CameraId, ImageId, Point3dId, Rigid3, SceneError};

/// One image whose pose is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisteredImage {
    /// Path relative to the photo folder.
    pub name: String,
    /// Its intrinsics.
    pub camera_id: CameraId,
    /// Its pose.
    pub cam_from_world: Rigid3,
    /// Keypoints `[N, 2] f64, px, original image` and, per keypoint, the point it observes.
    pub keypoints: Vec<[f64; 2]>,
    /// One entry a keypoint.
    pub point3d_ids: Vec<Option<Point3dId>>,
}

/// A keypoint that observes a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Observation {
    /// The image.
    pub image_id: ImageId,
    /// The keypoint's index in that image.
    pub keypoint_idx: u32,
}

/// A triangulated point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point3d {
    /// Position in the world frame.
    pub x_in_world: Vector3<f64>,
    /// Mean colour of its observations, RGB.
    pub color: [u8; 3],
    /// Mean reprojection error in px; negative when it was never computed.
    pub error_px: f64,
    /// Observations, at least two.
    pub track: Vec<Observation>,
}

/// Cameras, registered images and points of one connected model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reconstruction {
    /// Intrinsics by id.
    pub cameras: BTreeMap<CameraId, Camera>,
    /// Registered images by id.
    pub images: BTreeMap<ImageId, RegisteredImage>,
    /// Points by id.
    pub points3d: BTreeMap<Point3dId, Point3d>,
}

/// Summary figures of a reconstruction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Images with a pose.
    pub num_registered: usize,
    /// Triangulated points.
    pub num_points3d: usize,
    /// Keypoints that observe a point.
    pub num_observations: usize,
    /// Mean number of observations of a point.
    pub mean_track_length: f64,
    /// Mean over all observations, px.
    pub mean_reprojection_error_px: f64,
}

impl Reconstruction {
    /// Whether every image's camera is there.
    ///
    /// # Errors
    /// [`SceneError::MissingCamera`] for the first image whose camera is not.
    pub fn check(&self) -> Result<(), SceneError> {
        let lacks_camera = |image: &&RegisteredImage| !self.cameras.contains_key(&image.camera_id);
        match self.images.values().find(lacks_camera) {
            None => Ok(()),
            Some(image) => Err(SceneError::MissingCamera { name: image.name.clone(), camera_id: image.camera_id }),
        }
    }

    /// Id and entry of the image of that name.
    #[must_use]
    pub fn image_by_name(&self, name: &str) -> Option<(ImageId, &RegisteredImage)> {
        self.images.iter().find(|(_, image)| image.name == name).map(|(id, image)| (*id, image))
    }

    /// Distance in px between a keypoint and the projection of the point it observes.
    #[must_use]
    pub fn reprojection_error_px(&self, observation: Observation, point: &Point3d) -> Option<f64> {
        let image = self.images.get(&observation.image_id)?;
        let camera = self.cameras.get(&image.camera_id)?;
        let [x, y] = *image.keypoints.get(observation.keypoint_idx as usize)?;
        let projected = camera.project(&image.cam_from_world.apply(&point.x_in_world))?;
        Some((projected.x - x).hypot(projected.y - y))
    }

    /// All reprojection errors in px, by point, then by observation.
    pub fn reprojection_errors_px(&self) -> impl Iterator<Item = f64> + '_ {
        self.points3d
            .values()
            .flat_map(move |point| point.track.iter().filter_map(|obs| self.reprojection_error_px(*obs, point)))
    }

    /// Summary figures.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let num_observations: usize = self.points3d.values().map(|point| point.track.len()).sum();
        let (sum_px, count) = self.reprojection_errors_px().fold((0.0, 0_usize), |(s, n), e| (s + e, n + 1));
        Statistics {
            num_registered: self.images.len(),
            num_points3d: self.points3d.len(),
            num_observations,
            mean_track_length: num_observations as f64 / self.points3d.len().max(1) as f64,
            mean_reprojection_error_px: sum_px / count.max(1) as f64,
        }
    }
}
