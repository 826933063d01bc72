//! Which device a stage runs on: what the config asks for, what the plugin can, what the machine has.

use scene3d_abi::{Descriptor, ErrorCode, StageKind};
use scene3d_tensor::Device;

use crate::problem::Problem;

/// What `[pipeline] device` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The CPU where the plugin can use it (docs/decisions/0010-device-residency.md).
    Auto,
    /// This one.
    Fixed(Device),
}

impl DeviceChoice {
    /// Reads `auto`, `cpu`, `cuda`, `cuda:N` or `simulated`.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let number = || text.strip_prefix("cuda:").and_then(|number| number.parse().ok());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Fixed(Device::Cpu)),
            "cuda" => Ok(Self::Fixed(Device::Cuda(0))),
            "simulated" => Ok(Self::Fixed(Device::Simulated)),
            _ => number().map(|number| Self::Fixed(Device::Cuda(number))).ok_or_else(|| {
                let message = format!("`pipeline.device`: expected auto, cpu, cuda or cuda:N, got \"{text}\"");
                Problem::new(ErrorCode::INVALID_CONFIG, message)
            }),
        }
    }

    /// The device of one stage. A mapper that knows no GPU runs on the CPU whatever was asked: its inputs lie there.
    ///
    /// # Errors
    /// A device that was asked for by name and that the plugin does not know.
    pub fn of_stage(self, descriptor: &Descriptor) -> Result<Device, Problem> {
        let knows = |kind: &str| descriptor.devices.iter().any(|known| known == kind);
        match self {
            // what is written for CUDA runs on the simulated device
            Self::Fixed(device @ (Device::Cuda(_) | Device::Simulated)) if knows("cuda") => Ok(device),
            Self::Fixed(device @ (Device::Cuda(_) | Device::Simulated)) if descriptor.kind != StageKind::Mapper => {
                Err(unknown(descriptor, device))
            }
            _ if knows("cpu") => Ok(Device::Cpu),
            _ => Err(unknown(descriptor, Device::Cpu)),
        }
    }
}

fn unknown(descriptor: &Descriptor, device: Device) -> Problem {
    let (kind, id, devices) = (descriptor.kind.name(), &descriptor.id, descriptor.devices.join(", "));
    let message = format!("{kind} `{id}` does not run on {device}, only on {devices}");
    Problem::new(ErrorCode::UNSUPPORTED, message).help("write device = \"auto\" to choose one for each stage")
}
