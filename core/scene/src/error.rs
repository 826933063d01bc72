//! What can be wrong with scene values.

use crate::{CameraId, ImageId, Point3dId};

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
    /// A file of a COLMAP model that cannot be read.
    #[error("cannot read {file}, {place}: {problem}")]
    ModelFile {
        /// Name of the file.
        file: &'static str,
        /// Byte or line at which reading stopped.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// A point's track refers to a keypoint that is not there or that does not observe the point.
    #[error("point {point3d_id} claims keypoint {keypoint_idx} of image {image_id}, which does not observe it")]
    DanglingObservation {
        /// The point.
        point3d_id: Point3dId,
        /// The image its track names.
        image_id: ImageId,
        /// The keypoint its track names.
        keypoint_idx: u32,
    },
    /// A keypoint observes a point that the reconstruction lacks.
    #[error("a keypoint of image `{name}` observes point {point3d_id}, which the reconstruction lacks")]
    MissingPoint3d {
        /// Name of the image.
        name: String,
        /// The point it observes.
        point3d_id: Point3dId,
    },
    /// The text form of a COLMAP model has one line a name.
    #[error("image name {0:?} has a line break, which the text form of a model cannot hold: write the binary form")]
    NameWithLineBreak(String),
    /// A synthetic scene that cannot be rendered as asked.
    #[cfg(feature = "synthetic")]
    #[error("cannot render the synthetic scene: {0}")]
    SyntheticSpec(String),
}
