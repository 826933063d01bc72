//! What is known of a photo after extraction: in host memory all that later stages need but the descriptors.

use scene3d_engine::StagePlan;
use scene3d_export::Thumbnail;
use scene3d_scene::pixel;
use scene3d_tensor::Tensor;
use scene3d_wire::{Named, NamedView};

use crate::PipelineError;
use crate::decode::DecodedPhoto;
use crate::hash::{Key, key_of};
use crate::observer::Event;
use crate::photos::{Photo, Rejected};

/// Name of the descriptors beside them in an artifact.
pub(crate) const DESCRIPTORS: &str = "descriptors";

/// What is known of a photo after extraction.
pub(crate) struct PhotoFeatures {
    /// Key of what was found, besides that of the artifact: a GPU may find something else when it is asked again.
    pub found: Key,
    /// `keypoints [N, 2] f32`, `scores [N] f32`, `image_size [2] u32`, `colors [N, 3] u8`, `sharpness [1] f32`,
    /// `thumbnail [B] u8` (JPEG), `thumbnail_size [1, 2] u32`.
    tensors: Named,
}

/// Features of every photo, or why a photo has none.
pub(crate) type Extracted = Vec<Result<PhotoFeatures, Rejected>>;

impl PhotoFeatures {
    /// From the tensors of the artifact of that key without its descriptors.
    pub(crate) fn new(key: &Key, tensors: Named) -> Result<Self, PipelineError> {
        let keypoints = NamedView::of(&tensors).get("keypoints")?;
        let found = key_of([key.as_bytes(), keypoints.as_bytes()?]);
        Ok(Self { found, tensors })
    }

    pub(crate) fn view(&self) -> NamedView<'_> {
        NamedView::of(&self.tensors)
    }

    pub(crate) fn keypoints(&self) -> Result<&[[f32; 2]], PipelineError> {
        Ok(self.view().rows::<f32, 2>("keypoints")?)
    }

    /// `[width, height]` in px of the original image.
    pub(crate) fn image_size(&self) -> Result<[u32; 2], PipelineError> {
        match self.view().slice::<u32>("image_size")? {
            &[width, height] => Ok([width, height]),
            other => Err(PipelineError::internal(format!("an image size has {} entries, expected 2", other.len()))),
        }
    }

    /// What is told of a photo in which an extractor found this.
    pub(crate) fn extracted(&self, photo: &Photo, extractor: &StagePlan) -> Result<Event, PipelineError> {
        let scores = self.view().slice::<f32>("scores")?;
        let sum: f64 = scores.iter().copied().map(f64::from).sum();
        Ok(Event::Extracted {
            image: photo.info.name.clone(),
            plugin: extractor.plugin_id().to_owned(),
            num_keypoints: scores.len(),
            mean_score: (!scores.is_empty()).then(|| sum / scores.len() as f64),
            sharpness: f64::from(self.sharpness()?),
        })
    }

    pub(crate) fn sharpness(&self) -> Result<f32, PipelineError> {
        Ok(self.view().slice::<f32>("sharpness")?.first().copied().unwrap_or(0.0))
    }
}

/// What the photo itself adds to its `keypoints` and `scores`: their colours, its sharpness, a thumbnail.
pub(crate) fn with_appearance(
    mut tensors: Named,
    photo: &Photo,
    decoded: &DecodedPhoto,
) -> Result<Named, PipelineError> {
    let image_size = photo.info.image_size;
    let keypoints = NamedView::of(&tensors).rows::<f32, 2>("keypoints")?.to_vec();
    let colors = sample_colors(decoded, image_size, &keypoints)?;
    let thumbnail = Thumbnail::from_rgb(photo.info.image_id, decoded.size, decoded.pixels.view().as_slice()?)?;
    let num_bytes = thumbnail.jpeg.len() as i64;
    tensors.push(("image_size".to_owned(), Tensor::from_vec(image_size.to_vec(), &[2])?));
    tensors.push(("colors".to_owned(), Tensor::from_vec(colors, &[keypoints.len() as i64, 3])?));
    tensors.push(("sharpness".to_owned(), Tensor::from_vec(vec![decoded.sharpness as f32], &[1])?));
    tensors.push(("thumbnail".to_owned(), Tensor::from_vec(thumbnail.jpeg, &[num_bytes])?));
    tensors.push(("thumbnail_size".to_owned(), Tensor::from_vec(thumbnail.size.to_vec(), &[1, 2])?));
    Ok(tensors)
}

/// Colour of the (reduced) photo at each keypoint, row-major `[N, 3]`.
fn sample_colors(photo: &DecodedPhoto, image_size: [u32; 2], keypoints: &[[f32; 2]]) -> Result<Vec<u8>, PipelineError> {
    let pixels = photo.pixels.view().as_slice::<u8>()?;
    let at = |axis: usize, px: f32| {
        let index = pixel::to_index(pixel::rescale(px, image_size[axis], photo.size[axis]));
        (index.round().max(0.0) as usize).min(photo.size[axis] as usize - 1)
    };
    let color = |&[x, y]: &[f32; 2]| {
        let first = 3 * (at(1, y) * photo.size[0] as usize + at(0, x));
        [pixels[first], pixels[first + 1], pixels[first + 2]]
    };
    Ok(keypoints.iter().flat_map(color).collect())
}
