//! The field's data model: ids, cameras, rigid transforms, keypoints, matches and reconstructions.
//!
//! Everyone may depend on this crate; it does no I/O and knows neither torch nor async.
//! Conventions: pixel coordinates are `(x, y)` with the centre of the top-left pixel at `(0.5, 0.5)` (COLMAP's);
//! transforms are `a_from_b` and map points of frame `b` to frame `a`; cameras look along `+z`, `x` right, `y` down.

mod camera;
pub mod colmap;
mod correspondences;
mod error;
pub mod exif;
mod ids;
mod image;
mod keypoints;
mod matches;
pub mod pixel;
mod reconstruction;
mod rigid3;
#[cfg(feature = "synthetic")]
pub mod synthetic;
mod two_view_geometry;

pub use camera::{Camera, CameraModel};
pub use correspondences::Correspondences;
pub use error::SceneError;
pub use ids::{CameraId, ImageId, ImagePair, Point3dId};
pub use image::ImageInfo;
pub use keypoints::Keypoints;
pub use matches::Matches;
pub use reconstruction::{Observation, Point3d, Reconstruction, RegisteredImage, Statistics};
pub use rigid3::Rigid3;
pub use two_view_geometry::{TwoViewConfiguration, TwoViewGeometry};
