//! What is known of an input image before any feature is computed.

use serde::{Deserialize, Serialize};

use crate::ImageId;

/// An input image: its name, size and what its EXIF says of the camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// Id within this run.
    pub image_id: ImageId,
    /// Path relative to the photo folder, `/`-separated; unique within a run.
    pub name: String,
    /// `[width, height]` in px after the EXIF orientation was applied.
    pub image_size: [u32; 2],
    /// Focal length in px of the (oriented) image from EXIF, where it could be told.
    pub focal_px: Option<f64>,
    /// EXIF make and model, where present: images of one device may share a camera.
    pub device: Option<String>,
}

impl ImageInfo {
    /// Folder part of the name (empty at the top), for one camera per folder.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}
