//! Fused device kernels of the libtorch plugins: what takes torch dozens of launches takes one.
//!
//! The sources in `cuda/` are compiled ahead by NVRTC for every architecture of `build/targets.rs`, and, for tests, as C++
//! for the CPU: with feature `twin`, `Kernels::twin` runs the same code with the same arguments, block by block. A build without NVRTC has no
//! kernels, and [`Kernels::on`] says so: callers then compose torch operations, as they do on the CPU.

mod aliked;
mod cells;
mod deform;
mod detect;
mod image;
mod launch;
mod nearest;
mod table;

use scene3d_tensor::cuda;
use scene3d_torch::Result;
use tch::{Device, Kind, Tensor};

pub use aliked::{Branches, Frame};
pub use detect::{Candidates, Peaks, Suppression};
pub use image::REPORT;
#[cfg(feature = "twin")]
pub use launch::num_twin_launches;
pub use nearest::{DenseMap, Walk};

use launch::{Argument, Machine};
use table::Kernel;

/// The kernels of one device.
#[derive(Debug)]
pub struct Kernels {
    machine: Machine,
    device: Device,
}

impl Kernels {
    /// Of a CUDA device; none for the CPU, and where this build has no code for the device.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError::Tensor`] for a device that is not there, or refuses the code.
    pub fn on(device: Device) -> Result<Option<Self>> {
        let Device::Cuda(index) = device else { return Ok(None) };
        if image::IMAGES.is_empty() {
            return Ok(None);
        }
        let images = image::of_capability(image::IMAGES, cuda::capability(index)?);
        if images.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { machine: Machine::cuda(index, &images)?, device }))
    }

    /// The same sources on the CPU.
    #[cfg(feature = "twin")]
    #[must_use]
    pub fn twin() -> Self {
        Self { machine: Machine::Host, device: Device::Cpu }
    }

    /// Where tensors live.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    fn launch(&self, kernel: &Kernel, grid: [i64; 3], arguments: &[Argument<'_>]) -> Result<()> {
        self.machine.launch(kernel, self.device, grid, arguments)
    }

    fn empty(&self, shape: &[i64], kind: Kind) -> Tensor {
        Tensor::empty(shape, (kind, self.device))
    }

    fn zeros(&self, shape: &[i64], kind: Kind) -> Tensor {
        Tensor::zeros(shape, (kind, self.device))
    }
}

/// Blocks of `size` that cover `length`.
fn blocks(length: i64, size: u32) -> i64 {
    length.max(0).cast_unsigned().div_ceil(u64::from(size)).cast_signed()
}
