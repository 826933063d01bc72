//! Where a network runs and in which element type.

use scene3d_sdk::Host;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Cuda, Device, Kind};

use crate::{Result, TorchError};

/// Element type of a network's large operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bf16 on CUDA and on CPUs with bf16 matrix instructions, else fp32
    #[default]
    Auto,
    /// IEEE single
    Fp32,
    /// bfloat16
    Bf16,
    /// IEEE half; CUDA only
    Fp16,
}

/// Device and element type of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TorchContext {
    /// Where tensors live, as torch sees it.
    pub device: Device,
    /// Where they live, as the host sees it.
    pub place: scene3d_tensor::Device,
    /// Element type of large operations; what needs fp32 stays fp32.
    pub kind: Kind,
    /// CPU threads that a call may keep busy.
    pub num_threads: usize,
}

impl TorchContext {
    /// The host's device and threads; sets torch's thread count on CPU.
    ///
    /// # Errors
    /// `UNAVAILABLE` without that CUDA device, `UNSUPPORTED` for fp16 on CPU.
    pub fn new(host: &Host<'_>, precision: Precision) -> scene3d_sdk::Result<Self> {
        let place = host.device()?;
        let context = Self::on(scene3d_tensor::torch::device(place), host.threads(), precision)?;
        Ok(Self { place, ..context })
    }

    /// As if on a GPU, in host memory: the simulated device of tests.
    ///
    /// # Errors
    /// As [`Self::on`].
    pub fn simulated(num_threads: usize, precision: Precision) -> Result<Self> {
        Ok(Self { place: scene3d_tensor::Device::Simulated, ..Self::on(Device::Cpu, num_threads, precision)? })
    }

    /// As [`Self::new`], without a host.
    ///
    /// # Errors
    /// [`TorchError::Unavailable`], [`TorchError::Unsupported`] as above.
    pub fn on(device: Device, num_threads: usize, precision: Precision) -> Result<Self> {
        let place = match device {
            Device::Cuda(index) => {
                check_cuda(index)?;
                scene3d_tensor::Device::Cuda(u32::try_from(index).unwrap_or(u32::MAX))
            }
            _ => {
                tch::set_num_threads(i32::try_from(num_threads.max(1)).unwrap_or(i32::MAX));
                scene3d_tensor::Device::Cpu
            }
        };
        Ok(Self { device, place, kind: kind_of(precision, device)?, num_threads: num_threads.max(1) })
    }

    /// Whether the stage works on the CPU, for the choice of code and batches: what is written for a GPU runs on the
    /// simulated device too.
    #[must_use]
    pub fn is_cpu(&self) -> bool {
        self.place == scene3d_tensor::Device::Cpu
    }

    /// A tensor of this context on its way to the host.
    ///
    /// # Errors
    /// [`TorchError::Tensor`] for what DLPack can't carry.
    pub fn export(&self, tensor: &tch::Tensor) -> Result<scene3d_tensor::Tensor> {
        Ok(scene3d_tensor::torch::to_dlpack_on(self.place, tensor)?)
    }
}

fn check_cuda(index: usize) -> Result<()> {
    let no_cuda = |error| {
        TorchError::Unavailable(format!("cuda:{index} is not there: {error}; `cargo xtask setup --cuda` fetches it"))
    };
    scene3d_tensor::cuda::open().map_err(no_cuda)?;
    let num_devices = if Cuda::is_available() { usize::try_from(Cuda::device_count()).unwrap_or(0) } else { 0 };
    if index < num_devices {
        return Ok(());
    }
    let build = if tch::utils::has_cuda() { "this libtorch has CUDA" } else { "this libtorch is built without CUDA" };
    Err(TorchError::Unavailable(format!("cuda:{index} is not there: {num_devices} CUDA devices found, {build}")))
}

fn kind_of(precision: Precision, device: Device) -> Result<Kind> {
    match precision {
        Precision::Fp32 => Ok(Kind::Float),
        Precision::Bf16 => Ok(Kind::BFloat16),
        Precision::Fp16 if device.is_cuda() => Ok(Kind::Half),
        Precision::Fp16 => {
            Err(TorchError::Unsupported("precision fp16 needs CUDA; use bf16 or fp32 on cpu".to_owned()))
        }
        Precision::Auto if device.is_cuda() || cpu_has_bf16() => Ok(Kind::BFloat16),
        Precision::Auto => Ok(Kind::Float),
    }
}

#[cfg(target_arch = "x86_64")]
fn cpu_has_bf16() -> bool {
    std::is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_has_bf16() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_follows_config_and_device() {
        let kind = |precision| TorchContext::on(Device::Cpu, 1, precision).map(|context| context.kind);
        assert_eq!(kind(Precision::Fp32).unwrap(), Kind::Float);
        assert_eq!(kind(Precision::Bf16).unwrap(), Kind::BFloat16);
        assert!(matches!(kind(Precision::Fp16), Err(TorchError::Unsupported(_))));
        assert!(matches!(kind(Precision::Auto).unwrap(), Kind::Float | Kind::BFloat16));
        assert_eq!(tch::get_num_threads(), 1);
    }

    #[test]
    fn a_missing_cuda_device_is_unavailable() {
        let error = TorchContext::on(Device::Cuda(1000), 1, Precision::Auto).unwrap_err();
        assert!(matches!(&error, TorchError::Unavailable(message) if message.contains("cuda:1000")), "{error}");
    }
}
