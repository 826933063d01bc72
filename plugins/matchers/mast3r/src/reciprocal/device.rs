//! Nearest neighbours by fused kernels on a device, where walkers also walk: one transfer a walk, not two a round.

use scene3d_kernels::{DenseMap, Kernels};
use scene3d_torch::{TorchError, guard};
use tch::{Kind, Tensor};

use super::torch::map_sizes;
use super::{MAX_ROUNDS, Search, View};
use crate::{Mast3rError, Result};

/// Descriptors on the kernels' device.
#[derive(Debug)]
pub struct DeviceSearch<'a> {
    kernels: &'a Kernels,
    sizes: [[u32; 2]; 2],
    /// `[H * W, D] f32`
    descriptors: [Tensor; 2],
}

impl<'a> DeviceSearch<'a> {
    /// Of two maps `[H, W, D]`, D at most 32.
    ///
    /// # Errors
    /// [`Mast3rError::Image`] for maps of another shape.
    pub fn new(kernels: &'a Kernels, maps: [&Tensor; 2]) -> Result<Self> {
        let sizes = map_sizes(maps)?;
        let flat = |map: &Tensor| map.to_device(kernels.device()).to_kind(Kind::Float).flatten(0, 1).contiguous();
        let descriptors = guard(|| Ok(maps.map(flat)))?;
        let search = Self { kernels, sizes, descriptors };
        if search.maps().is_supported() {
            return Ok(search);
        }
        let shape = maps[0].size();
        Err(Mast3rError::Image(format!("descriptor maps have shape {shape:?}, the kernels take up to 32 channels")))
    }

    fn maps(&self) -> DenseMap<'_> {
        DenseMap(self.descriptors.each_ref())
    }

    fn on_device(&self, pixels: &[u32]) -> scene3d_torch::Result<Tensor> {
        let pixels: Vec<i32> = pixels.iter().map(|pixel| pixel.cast_signed()).collect();
        Ok(Tensor::f_from_slice(&pixels)?.f_to_device(self.kernels.device())?)
    }
}

impl Search for DeviceSearch<'_> {
    fn size(&self, view: View) -> [u32; 2] {
        self.sizes[view.index()]
    }

    fn nearest(&mut self, from: View, pixels: &[u32]) -> Result<Vec<u32>> {
        let found = guard(|| {
            let found = self.kernels.nearest(self.maps(), from.index(), &self.on_device(pixels)?)?;
            Vec::<i32>::try_from(&found).map_err(TorchError::from)
        })?;
        Ok(found.into_iter().map(i32::cast_unsigned).collect())
    }

    fn walk(&mut self, from: View, seeds: &[u32]) -> Result<Vec<[u32; 2]>> {
        let state = guard(|| {
            let walk = self.kernels.walk(self.maps(), from.index(), &self.on_device(seeds)?, MAX_ROUNDS)?;
            Vec::<i32>::try_from(walk.state.f_flatten(0, -1)?).map_err(TorchError::from)
        })?;
        let walkers = state.as_chunks::<3>().0.iter().map(|walker| walker.map(i32::cast_unsigned));
        let converged = walkers.filter(|[.., is_moving]| *is_moving == 0);
        let from = from.index();
        Ok(converged.map(|walker| [walker[from], walker[1 - from]]).collect())
    }
}
