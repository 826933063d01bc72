//! What comes after the network over fused kernels: score maps, detection and descriptors of a whole batch in six launches,
//! and one transfer, of how many keypoints each image has.

use scene3d_kernels::{Kernels, Suppression};
use scene3d_torch::{Result, TorchError};
use tch::{Kind, Tensor};

use crate::SuperPointConfig;
use crate::dense::CELL;
use crate::torch_network::TorchFeatures;

/// Features of each image of `logits [B, 65, h, w]` and `descriptors [B, 256, h, w]` of any length; none where the kernels
/// can't do what the config asks for.
pub fn features(
    kernels: &Kernels,
    logits: &Tensor,
    descriptors: &Tensor,
    config: &SuperPointConfig,
) -> Result<Option<Vec<TorchFeatures>>> {
    let suppression = suppression(config);
    if !suppression.is_supported() {
        return Ok(None);
    }
    let maps = kernels.cell_scores(&channels_last(logits)?)?;
    let candidates = kernels.candidates(&maps, suppression)?;
    let peaks = kernels.keypoints(&candidates, logits.size()[3] * CELL as i64)?;
    let sampled = kernels.sample_cells(&channels_last(descriptors)?, &peaks.positions, &candidates.counts)?;
    let counts = Vec::<i32>::try_from(&candidates.counts).map_err(TorchError::from)?;
    let of_image = |(image, count): (usize, i32)| -> Result<TorchFeatures> {
        let part = |tensor: &Tensor| tensor.f_get(image as i64)?.f_narrow(0, 0, i64::from(count));
        Ok(TorchFeatures {
            positions: part(&peaks.positions)?,
            scores: part(&peaks.scores)?,
            descriptors: part(&sampled)?,
        })
    };
    counts.into_iter().enumerate().map(of_image).collect::<Result<Vec<_>>>().map(Some)
}

/// [`crate::detect::detect`]'s rule.
pub fn suppression(config: &SuperPointConfig) -> Suppression {
    Suppression {
        radius: i64::from(config.nms_radius),
        border: i64::from(config.remove_borders),
        threshold: config.detection_threshold,
        max_keypoints: i64::from(config.max_keypoints),
        raster: true,
    }
}

/// `[B, h, w, C] f32` of `[B, C, h, w]`; no copy where the network runs channels-last in fp32.
fn channels_last(map: &Tensor) -> Result<Tensor> {
    Ok(map.f_permute([0, 2, 3, 1])?.f_to_kind(Kind::Float)?.f_contiguous()?)
}
