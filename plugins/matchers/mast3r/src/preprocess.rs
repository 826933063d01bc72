//! Photos to the network's input and pixels back: resize the long side, crop to whole patches (`load_images` of DUSt3R).

use scene3d_sdk::scene::pixel;
use scene3d_torch::guard;
use tch::{Device, Kind, Tensor};

use crate::architecture::PATCH_SIZE;
use crate::resize::{Filter, resize};
use crate::{Mast3rError, Result};

/// Networks of this size were trained on squares, all others on oblong images.
const SQUARE_SIDE: u32 = 224;
const PATCH: u32 = PATCH_SIZE as u32;

/// How a photo becomes the network's image; sizes are `[width, height]` in px.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// Of the photo.
    pub photo_size: [u32; 2],
    /// Of the photo, resized.
    pub resized_size: [u32; 2],
    /// Of the crop in the resized photo.
    pub origin: [u32; 2],
    /// Of the crop, multiples of 16.
    pub size: [u32; 2],
}

/// A photo as the network takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkImage {
    /// `[H, W, 3]`
    pub rgb: Vec<u8>,
    /// Where it lies in the photo.
    pub crop: Crop,
}

impl Crop {
    /// For a network that is fed `long_side` px.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] if less than a patch would be left.
    pub fn new(photo_size: [u32; 2], long_side: u32) -> Result<Self> {
        let [width, height] = photo_size.map(|side| side.max(1));
        let is_square = long_side == SQUARE_SIDE;
        let target = if is_square { long_of_short(photo_size, long_side) } else { f64::from(long_side) };
        let scaled = |side: u32| f64::from(side) * target / f64::from(width.max(height));
        let resized_size = [width, height].map(|side| scaled(side).round_ties_even() as u32);
        let center = resized_size.map(|side| side / 2);
        let mut half = center.map(|center| 2 * center / PATCH * (PATCH / 2));
        if is_square {
            half = [half[0].min(half[1]); 2];
        } else if resized_size[0] == resized_size[1] {
            // the network has not seen squares
            half[1] = 3 * half[0] / 4 / (PATCH / 2) * (PATCH / 2);
        }
        if half.contains(&0) {
            let message =
                format!("{width} x {height} px is too narrow: less than {PATCH} px at a long side of {long_side}");
            return Err(Mast3rError::Image(message));
        }
        let origin = [center[0] - half[0], center[1] - half[1]];
        Ok(Self { photo_size, resized_size, origin, size: half.map(|half| 2 * half) })
    }

    /// Position in the photo (px, top-left pixel centre at (0.5, 0.5)) of a pixel index of the crop (centres are whole).
    #[must_use]
    pub fn to_photo(&self, index: [f32; 2]) -> [f32; 2] {
        [0, 1].map(|axis| {
            let px = pixel::from_index(index[axis] + self.origin[axis] as f32);
            pixel::rescale(px, self.resized_size[axis], self.photo_size[axis])
        })
    }

    /// Whether a position in the photo lies on a pixel of the crop.
    #[must_use]
    pub fn contains(&self, px: [f32; 2]) -> bool {
        let index = self.from_photo(px);
        (0..2).all(|axis| index[axis] >= -0.5 && index[axis] < self.size[axis] as f32 - 0.5)
    }

    /// Whether the photo was made smaller, so that its own pixels show more.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        (0..2).all(|axis| self.resized_size[axis] < self.photo_size[axis])
    }

    /// Pixel index in the crop, not rounded, of a position in the photo; maybe outside.
    #[must_use]
    pub fn from_photo(&self, px: [f32; 2]) -> [f32; 2] {
        [0, 1].map(|axis| {
            let resized = pixel::rescale(px[axis], self.photo_size[axis], self.resized_size[axis]);
            pixel::to_index(resized) - self.origin[axis] as f32
        })
    }
}

/// The long side for which the short one is `short_side`.
fn long_of_short([width, height]: [u32; 2], short_side: u32) -> f64 {
    let aspect = (f64::from(width) / f64::from(height)).max(f64::from(height) / f64::from(width));
    (f64::from(short_side) * aspect).round_ties_even()
}

impl NetworkImage {
    /// Of an upright photo's `[H, W, 3]` bytes.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] as [`Crop::new`], or if the number of bytes is another.
    pub fn new(rgb: &[u8], photo_size: [u32; 2], long_side: u32) -> Result<Self> {
        let [width, height] = photo_size.map(|side| side as usize);
        if rgb.len() != 3 * width * height {
            let message = format!("{} bytes for {width} x {height} px, expected {}", rgb.len(), 3 * width * height);
            return Err(Mast3rError::Image(message));
        }
        let crop = Crop::new(photo_size, long_side)?;
        let is_shrunk = photo_size[0].max(photo_size[1]) > long_side;
        let filter = if is_shrunk { Filter::Lanczos } else { Filter::Bicubic };
        let resized = resize(rgb, [width, height], crop.resized_size.map(|side| side as usize), filter);
        Ok(Self { rgb: cropped(&resized, &crop), crop })
    }

    /// Cut from a photo's `[H, W, 3]` bytes, whose pixels stay as they are.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] if the window reaches beyond the photo, or the number of bytes is another.
    pub fn cut(rgb: &[u8], window: Crop) -> Result<Self> {
        let [width, height] = window.photo_size.map(|side| side as usize);
        let is_within = (0..2).all(|axis| window.origin[axis] + window.size[axis] <= window.photo_size[axis]);
        if rgb.len() != 3 * width * height || window.resized_size != window.photo_size || !is_within {
            let message = format!("{window:?} can't be cut from {} bytes", rgb.len());
            return Err(Mast3rError::Image(message));
        }
        Ok(Self { rgb: cropped(rgb, &window), crop: window })
    }

    /// `[1, 3, H, W] f32` in -1..1
    ///
    /// # Errors
    /// [`Mast3rError::Torch`] if torch can't allocate it.
    pub fn to_tensor(&self, device: Device) -> Result<Tensor> {
        let [width, height] = self.crop.size.map(i64::from);
        let tensor = guard(|| {
            let bytes = Tensor::f_from_slice(&self.rgb)?.f_to_device(device)?.f_reshape([1, height, width, 3])?;
            // as torchvision's ToTensor and Normalize: three roundings, not one
            Ok((bytes.to_kind(Kind::Float) / 255.0 - 0.5).f_div_scalar(0.5)?.permute([0, 3, 1, 2]).contiguous())
        })?;
        Ok(tensor)
    }
}

fn cropped(resized: &[u8], crop: &Crop) -> Vec<u8> {
    let [left, top] = crop.origin.map(|side| 3 * side as usize);
    let [width, height] = crop.size.map(|side| side as usize);
    let rows = resized.chunks_exact(3 * crop.resized_size[0] as usize).skip(top / 3).take(height);
    rows.flat_map(|row| &row[left..left + 3 * width]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the rule of the reference, evaluated by Python.
    #[test]
    fn crops_are_the_references() {
        for (photo, resized, origin, size) in [
            ([4032, 3024], [512, 384], [0, 0], [512, 384]),
            ([3024, 4032], [384, 512], [0, 0], [384, 512]),
            ([6000, 4000], [512, 341], [0, 2], [512, 336]),
            ([1920, 1080], [512, 288], [0, 0], [512, 288]),
            ([1000, 1000], [512, 512], [0, 64], [512, 384]),
            ([300, 200], [512, 341], [0, 2], [512, 336]),
            ([512, 385], [512, 385], [0, 0], [512, 384]),
            ([1536, 1033], [512, 344], [0, 4], [512, 336]),
            // 0.5 rounds to even
            ([1024, 769], [512, 384], [0, 0], [512, 384]),
            ([1024, 771], [512, 386], [0, 1], [512, 384]),
        ] {
            let crop = Crop::new(photo, 512).unwrap();
            assert_eq!((crop.resized_size, crop.origin, crop.size), (resized, origin, size), "{photo:?}");
        }
        assert!(Crop::new([1024, 1], 512).unwrap_err().to_string().contains("too narrow"));
        assert_eq!(Crop::new([640, 480], 224).unwrap().size, [224, 224]);
    }

    #[test]
    fn pixels_return_to_their_place_in_the_photo() {
        let crop = Crop::new([1536, 1033], 512).unwrap();
        // the first pixel's centre lies at (0.5, 4.5) of 512 x 344
        assert_eq!(crop.to_photo([0.0, 0.0]), [1.5, 4.5 * 1033.0 / 344.0]);
        for index in [[0.0, 0.0], [511.0, 335.0], [17.25, 200.5]] {
            let back = crop.from_photo(crop.to_photo(index));
            assert!((0..2).all(|axis| (back[axis] - index[axis]).abs() < 1e-3), "{back:?}");
        }
    }

    #[test]
    fn a_photo_of_another_length_is_refused() {
        let error = NetworkImage::new(&[0; 10], [2, 2], 512).unwrap_err().to_string();
        assert!(error.contains("10 bytes for 2 x 2 px, expected 12"), "{error}");
    }
}
