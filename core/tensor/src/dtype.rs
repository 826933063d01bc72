//! Element types and devices by DLPack's numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TensorError;
use crate::dlpack::{DlDataType, DlDevice};

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 8-bit unsigned
    U8,
    /// 32-bit unsigned
    U32,
    /// 64-bit unsigned
    U64,
    /// 32-bit signed
    I32,
    /// 64-bit signed
    I64,
    /// IEEE half
    F16,
    /// bfloat16
    Bf16,
    /// IEEE single
    F32,
    /// IEEE double
    F64,
}

const CODE_INT: u8 = 0;
const CODE_UINT: u8 = 1;
const CODE_FLOAT: u8 = 2;
const CODE_BFLOAT: u8 = 4;

impl DType {
    /// Bytes of one element.
    #[must_use]
    pub fn size_bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    pub(crate) fn to_dl(self) -> DlDataType {
        let code = match self {
            Self::U8 | Self::U32 | Self::U64 => CODE_UINT,
            Self::I32 | Self::I64 => CODE_INT,
            Self::F16 | Self::F32 | Self::F64 => CODE_FLOAT,
            Self::Bf16 => CODE_BFLOAT,
        };
        DlDataType { code, bits: (self.size_bytes() * 8) as u8, lanes: 1 }
    }

    pub(crate) fn from_dl(dl: DlDataType) -> Result<Self, TensorError> {
        let DlDataType { code, bits, lanes } = dl;
        match (code, bits, lanes) {
            (CODE_UINT, 8, 1) => Ok(Self::U8),
            (CODE_UINT, 32, 1) => Ok(Self::U32),
            (CODE_UINT, 64, 1) => Ok(Self::U64),
            (CODE_INT, 32, 1) => Ok(Self::I32),
            (CODE_INT, 64, 1) => Ok(Self::I64),
            (CODE_FLOAT, 16, 1) => Ok(Self::F16),
            (CODE_FLOAT, 32, 1) => Ok(Self::F32),
            (CODE_FLOAT, 64, 1) => Ok(Self::F64),
            (CODE_BFLOAT, 16, 1) => Ok(Self::Bf16),
            _ => Err(TensorError::UnknownDType { code, bits, lanes }),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::U8 => "u8",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// Where a tensor lives and work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Device {
    /// Host memory.
    Cpu,
    /// CUDA device of that number.
    Cuda(u32),
    /// A device whose memory is the host's, but which the host reads only after a copy, as it would a GPU's: what runs on
    /// a GPU runs here too, and a copy that should not be is found without one.
    Simulated,
}

const DL_CPU: i32 = 1;
const DL_CUDA: i32 = 2;
/// `kDLExtDev`
const DL_EXTENSION: i32 = 12;

impl Device {
    /// DLPack's `(device type, device id)`.
    #[must_use]
    pub fn to_numbers(self) -> (i32, i32) {
        match self {
            Self::Cpu => (DL_CPU, 0),
            Self::Cuda(index) => (DL_CUDA, index as i32),
            Self::Simulated => (DL_EXTENSION, 0),
        }
    }

    /// From DLPack's `(device type, device id)`.
    ///
    /// # Errors
    /// [`TensorError::UnknownDevice`] for other types.
    pub fn from_numbers(kind: i32, index: i32) -> Result<Self, TensorError> {
        match kind {
            DL_CPU => Ok(Self::Cpu),
            DL_CUDA => Ok(Self::Cuda(u32::try_from(index).map_err(|_| TensorError::UnknownDevice(kind))?)),
            DL_EXTENSION => Ok(Self::Simulated),
            _ => Err(TensorError::UnknownDevice(kind)),
        }
    }

    /// Kind without number: what decides arithmetic, and what a plugin declares.
    #[must_use]
    pub fn kind_name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda(_) => "cuda",
            Self::Simulated => "simulated",
        }
    }

    /// Whether its memory can be read by the processor, allowed or not.
    pub(crate) fn is_host_memory(self) -> bool {
        matches!(self, Self::Cpu | Self::Simulated)
    }

    pub(crate) fn to_dl(self) -> DlDevice {
        let (device_type, device_id) = self.to_numbers();
        DlDevice { device_type, device_id }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(index) => write!(formatter, "cuda:{index}"),
            Self::Simulated => formatter.write_str("simulated"),
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that is one element of a tensor.
pub trait Element: Copy + Send + Sync + 'static + sealed::Sealed {
    /// Its element type.
    const DTYPE: DType;
}

macro_rules! element {
    ($($rust:ty => $dtype:ident),*) => {$(
        impl sealed::Sealed for $rust {}
        impl Element for $rust {
            const DTYPE: DType = DType::$dtype;
        }
    )*};
}
element!(u8 => U8, u32 => U32, u64 => U64, i32 => I32, i64 => I64, f32 => F32, f64 => F64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dtypes_and_devices_survive_dlpack() {
        for dtype in
            [DType::U8, DType::U32, DType::U64, DType::I32, DType::I64, DType::F16, DType::Bf16, DType::F32, DType::F64]
        {
            assert_eq!(DType::from_dl(dtype.to_dl()), Ok(dtype));
        }
        for device in [Device::Cpu, Device::Cuda(3), Device::Simulated] {
            let (kind, index) = device.to_numbers();
            assert_eq!(Device::from_numbers(kind, index), Ok(device));
        }
        assert_eq!(Device::from_numbers(8, 0), Err(TensorError::UnknownDevice(8)));
    }
}
