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
    /// Where tensors live.
    pub device: Device,
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
        let device = scene3d_tensor::torch::device(host.device()?);
        Ok(Self::on(device, host.threads(), precision)?)
    }

    /// As [`Self::new`], without a host.
    ///
    /// # Errors
    /// [`TorchError::Unavailable`], [`TorchError::Unsupported`] as above.
    pub fn on(device: Device, num_threads: usize, precision: Precision) -> Result<Self> {
        match device {
            Device::Cuda(index) => check_cuda(index)?,
            _ => tch::set_num_threads(i32::try_from(num_threads.max(1)).unwrap_or(i32::MAX)),
        }
        Ok(Self { device, kind: kind_of(precision, device)?, num_threads: num_threads.max(1) })
    }

    /// Whether tensors live in host memory.
    #[must_use]
    pub fn is_cpu(&self) -> bool {
        self.device == Device::Cpu
    }
}

fn check_cuda(index: usize) -> Result<()> {
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
