//! Nearest neighbours on the CPU by the fused kernel, queries shared out among threads.

use std::thread;

use scene3d_torch::{TorchError, guard};
use tch::{Device, Kind, Tensor};

use super::kernel::{Nearest, Panels};
use super::torch::map_sizes;
use super::{Search, View};
use crate::Result;

/// Descriptors in both layouts that the kernel reads.
#[derive(Debug)]
pub struct CpuSearch {
    sizes: [[u32; 2]; 2],
    /// `[H * W, D]`
    values: [Vec<f32>; 2],
    panels: [Panels; 2],
    dim: usize,
    num_threads: usize,
}

impl CpuSearch {
    /// Of two maps `[H, W, D] f32`.
    ///
    /// # Errors
    /// [`crate::Mast3rError::Image`] for maps of another shape.
    pub fn new(maps: [&Tensor; 2], num_threads: usize) -> Result<Self> {
        let sizes = map_sizes(maps)?;
        let dim = maps[0].size()[2] as usize;
        let values = |map: &Tensor| {
            let flat = map.to_device(Device::Cpu).to_kind(Kind::Float).flatten(0, -1).contiguous();
            Vec::<f32>::try_from(&flat).map_err(TorchError::from)
        };
        let values = guard(|| Ok([values(maps[0])?, values(maps[1])?]))?;
        let panels = values.each_ref().map(|values| Panels::new(values, dim));
        Ok(Self { sizes, values, panels, dim, num_threads })
    }
}

impl Search for CpuSearch {
    fn size(&self, view: View) -> [u32; 2] {
        self.sizes[view.index()]
    }

    fn nearest(&mut self, from: View, pixels: &[u32]) -> Result<Vec<u32>> {
        let (values, panels) = (&self.values[from.index()], &self.panels[from.other().index()]);
        let find = |pixels: &[u32]| {
            let rows = pixels.iter().flat_map(|pixel| &values[*pixel as usize * self.dim..][..self.dim]);
            let queries: Vec<f32> = rows.copied().collect();
            pulp::Arch::new().dispatch(Nearest { queries: &queries, panels })
        };
        let share = pixels.len().div_ceil(self.num_threads.max(1)).max(1);
        let found = thread::scope(|scope| {
            let workers: Vec<_> = pixels.chunks(share).map(|part| scope.spawn(move || find(part))).collect();
            let results = workers.into_iter().map(|worker| worker.join());
            results.flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        Ok(found)
    }
}
