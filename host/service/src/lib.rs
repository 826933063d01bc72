//! The web service of scene3d.

pub mod blobs;
pub mod error;
