//! `scene.tiles`: all points as an octree of levels of detail, their tracks and the cameras, to be read in part over HTTP.
//!
//! The layout is in `docs/tiles.md`. In memory are, beside the model, 16 bytes a point and what one node needs: payloads
//! are made while they are written.

mod index;
mod node;
mod octree;
mod scene_core;
#[cfg(test)]
mod tests;
mod tracks;

use std::io::Write;

use scene3d_scene::Reconstruction;

use crate::ExportError;
use octree::Octree;
use tracks::ImageIndices;

const FORMAT: &str = "tiles";
const MAGIC: [u8; 8] = *b"S3DTILES";
const VERSION: u32 = 1;
/// Every payload begins at a multiple of it, so that a client can look at it as typed arrays.
const ALIGNMENT: usize = 8;

/// Writes all points, their tracks and all registered images.
///
/// # Errors
/// [`ExportError::Scene`] if an image's camera is missing, [`ExportError::Unsupported`] for a coordinate that is not
/// finite or an index above 4 GiB, [`ExportError::Write`] if the sink fails.
pub fn write_tiles(model: &Reconstruction, mut sink: impl Write) -> Result<(), ExportError> {
    model.check()?;
    check_finite(model)?;
    let octree = Octree::of(model);
    let images = ImageIndices::of(model);
    let mut index = index::json(model, &octree, &images)?;
    index.resize(index.len().next_multiple_of(ALIGNMENT), b' ');
    let index_bytes = u32::try_from(index.len()).map_err(|_| unsupported("its index exceeds 4 GiB".to_owned()))?;
    let mut write = || {
        sink.write_all(&MAGIC)?;
        sink.write_all(&VERSION.to_le_bytes())?;
        sink.write_all(&index_bytes.to_le_bytes())?;
        sink.write_all(&index)?;
        for node in &octree.nodes {
            sink.write_all(&node::payload(node, octree.points_of(node)))?;
        }
        for node in &octree.nodes {
            sink.write_all(&tracks::payload(model, &images, octree.points_of(node)))?;
        }
        sink.flush()
    };
    write().map_err(ExportError::write(FORMAT))
}

fn check_finite(model: &Reconstruction) -> Result<(), ExportError> {
    if let Some((id, _)) = model.points3d.iter().find(|(_, point)| !point.x_in_world.iter().all(|x| x.is_finite())) {
        return Err(unsupported(format!("point {id} has a coordinate that is not finite")));
    }
    let is_finite = |pose: &scene3d_scene::Rigid3| pose.to_params().iter().all(|x| x.is_finite());
    match model.images.values().find(|image| !is_finite(&image.cam_from_world)) {
        Some(image) => Err(unsupported(format!("image `{}` has a pose that is not finite", image.name))),
        None => Ok(()),
    }
}

fn unsupported(reason: String) -> ExportError {
    ExportError::Unsupported { format: FORMAT, reason }
}
