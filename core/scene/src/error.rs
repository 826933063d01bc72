//! What can be wrong with scene values.

use crate::{CameraId, ImageId};

/// Errors of the data model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SceneError {
    /// A camera model name that COLMAP does not know, or that this crate does not support.
    #[error("unknown camera model `{0}`, expected one of {known}", known = crate::CameraModel::NAMES.join(", "))]
    UnknownCameraModel(String),
    /// A camera with too few or too many parameters for its model.
    #[error("camera model {model} takes {expected} parameters, got {got}")]
    CameraParams {
        /// Name of the model.
        model: &'static str,
        /// Number of parameters the model takes.
        expected: usize,
        /// Number of parameters given.
        got: usize,
    },
    /// Both images of a pair are the same.
    #[error("an image pair needs two different images, got image {0} twice")]
    SelfPair(ImageId),
    /// An image refers to a camera that the reconstruction lacks.
    #[error("image `{name}` refers to camera {camera_id}, which the reconstruction lacks")]
    MissingCamera {
        /// Name of the image.
        name: String,
        /// The camera it refers to.
        camera_id: CameraId,
    },
}
