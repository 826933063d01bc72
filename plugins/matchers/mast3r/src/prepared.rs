//! Images between `prepare` and their last pair: tokens, keypoints in the pixels of the network's crop, and the photo itself
//! where windows of it will be matched.

use scene3d_sdk::scene::pixel;
use scene3d_sdk::{ImageFeatures, Prepared, PreparedView};
use scene3d_tensor::TensorError;
use scene3d_tensor::torch::with_torch;
use scene3d_torch::TorchError;
use tch::Tensor;

use crate::config::{Mast3rConfig, Mode};
use crate::network::{ImageTokens, Network};
use crate::preprocess::{Crop, NetworkImage};
use crate::rope::Grid;
use crate::{Mast3rError, Result};

/// An image that was prepared.
#[derive(Debug)]
pub struct PreparedImage<'a> {
    /// Of the whole crop.
    pub tokens: ImageTokens,
    /// Where the crop lies in the photo.
    pub crop: Crop,
    /// `[width, height]` in px of the original image, of which the photo may be a reduction.
    pub image_size: [u32; 2],
    /// The photo's `[H, W, 3]` bytes, if windows of it will be matched.
    pub rgb: Option<&'a [u8]>,
    /// `[K, 2] f32`, (x, y) pixel indices of the crop, of the keypoints inside it; on the network's device.
    pub keypoints: Tensor,
    /// Of these keypoints among all.
    pub indices: Vec<u32>,
}

/// Encodes an image: `tokens [1, N, C] f32`, `grid [2] i64`, `image_size [2] u32`, `photo_size [2] u32`,
/// `keypoints [K, 2] f32`, `indices [K] u32`, and `pixels [H, W, 3] u8` of a large photo if coarse to fine is configured.
///
/// # Errors
/// [`Mast3rError::Image`] without pixels or for an image that is too narrow, and torch's.
pub fn prepare(network: &Network, config: &Mast3rConfig, image: &ImageFeatures<'_>) -> Result<Prepared> {
    let pixels = image.pixels.ok_or_else(|| wrong("MASt3R looks at photos, but was given no pixels"))?;
    let &[height, width, 3] = pixels.shape() else {
        return Err(wrong(format!("pixels have shape {:?}, expected [H, W, 3]", pixels.shape())));
    };
    let photo_size = [width as u32, height as u32];
    let network_image = NetworkImage::new(pixels.as_slice().map_err(tensor)?, photo_size, long_side(network))?;
    let tokens = network.encode(&network_image.to_tensor(network.context().device)?)?;
    let (keypoints, indices) = inside(&network_image.crop, image)?;
    let num = indices.len() as i64;
    let grid = vec![tokens.grid.rows, tokens.grid.columns];
    let mut prepared = vec![
        ("tokens".to_owned(), network.context().export(&tokens.tokens)?),
        ("grid".to_owned(), scene3d_tensor::Tensor::from_vec(grid, &[2]).map_err(tensor)?),
        ("image_size".to_owned(), scene3d_tensor::Tensor::from_vec(image.image_size.to_vec(), &[2]).map_err(tensor)?),
        ("photo_size".to_owned(), scene3d_tensor::Tensor::from_vec(photo_size.to_vec(), &[2]).map_err(tensor)?),
        ("keypoints".to_owned(), scene3d_tensor::Tensor::from_vec(keypoints, &[num, 2]).map_err(tensor)?),
        ("indices".to_owned(), scene3d_tensor::Tensor::from_vec(indices, &[num]).map_err(tensor)?),
    ];
    if config.mode == Mode::Dense && config.coarse_to_fine && network_image.crop.is_reduced() {
        prepared.push(("pixels".to_owned(), pixels.to_tensor().map_err(tensor)?));
    }
    Ok(prepared)
}

/// Long side of the network's image in px.
fn long_side(network: &Network) -> u32 {
    network.architecture().image_size.into_iter().max().unwrap_or_default() as u32
}

/// Positions in the crop of the keypoints that lie in it, and which they are.
fn inside(crop: &Crop, image: &ImageFeatures<'_>) -> Result<(Vec<f32>, Vec<u32>)> {
    let (mut positions, mut indices) = (Vec::new(), Vec::new());
    for (index, keypoint) in image.keypoints.as_slice::<f32>().map_err(tensor)?.chunks_exact(2).enumerate() {
        // the pixels may be a reduced photo
        let in_pixels =
            [0, 1].map(|axis| pixel::rescale(keypoint[axis], image.image_size[axis], crop.photo_size[axis]));
        let position = crop.from_photo(in_pixels);
        if (0..2).all(|axis| position[axis] >= 0.0 && position[axis] <= crop.size[axis] as f32 - 1.0) {
            positions.extend(position);
            indices.push(index as u32);
        }
    }
    Ok((positions, indices))
}

/// Reads what [`prepare`] wrote; but for the photo, the tensors are copies.
///
/// # Errors
/// [`Mast3rError::Image`] for a missing tensor.
pub fn read<'a>(network: &Network, image: &PreparedView<'a>) -> Result<PreparedImage<'a>> {
    let missing = |_| wrong("an image was prepared by another plugin; prepare it with this one");
    let device = network.context().device;
    let torch = |name: &str| -> Result<Tensor> {
        let view = image.get(name).map_err(missing)?;
        with_torch(view, |values| values.to_device(device).copy()).map_err(tensor)
    };
    let &[rows, columns] = image.slice::<i64>("grid").map_err(missing)? else {
        return Err(wrong("a prepared image has no grid of two numbers"));
    };
    let size = |name: &str| match image.slice::<u32>(name).map_err(missing)? {
        &[width, height] => Ok([width, height]),
        _ => Err(wrong(format!("a prepared image has no {name} of two numbers"))),
    };
    let crop = Crop::new(size("photo_size")?, long_side(network))?;
    let rgb = image.find("pixels").map(|pixels| pixels.as_slice()).transpose().map_err(tensor)?;
    let indices = image.slice::<u32>("indices").map_err(missing)?.to_vec();
    let (tokens, keypoints) = (torch("tokens")?, torch("keypoints")?);
    let tokens = ImageTokens { tokens, grid: Grid { rows, columns } };
    Ok(PreparedImage { tokens, crop, image_size: size("image_size")?, rgb, keypoints, indices })
}

fn tensor(error: TensorError) -> Mast3rError {
    TorchError::from(error).into()
}

fn wrong(message: impl Into<String>) -> Mast3rError {
    Mast3rError::Image(message.into())
}
