//! Typed ids, so that an image is never taken for a camera.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SceneError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($repr:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $repr);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id!(
    /// An image of one run, numbered from 1 in the order of its name, as in a COLMAP database.
    ImageId(u32)
);
id!(
    /// A camera (one set of intrinsics), numbered from 1.
    CameraId(u32)
);
id!(
    /// A triangulated point, numbered from 1.
    Point3dId(u64)
);

/// Two different images, the lower id first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImagePair {
    /// The image with the lower id.
    pub image1: ImageId,
    /// The image with the higher id.
    pub image2: ImageId,
}

impl ImagePair {
    /// Orders the two ids.
    ///
    /// # Errors
    /// [`SceneError::SelfPair`] if both are the same image.
    pub fn new(a: ImageId, b: ImageId) -> Result<Self, SceneError> {
        if a == b {
            return Err(SceneError::SelfPair(a));
        }
        Ok(Self { image1: a.min(b), image2: a.max(b) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_ordered_and_never_of_one_image() {
        let pair = ImagePair::new(ImageId(7), ImageId(3)).unwrap();
        assert_eq!((pair.image1, pair.image2), (ImageId(3), ImageId(7)));
        assert_eq!(ImagePair::new(ImageId(3), ImageId(3)), Err(SceneError::SelfPair(ImageId(3))));
    }
}
