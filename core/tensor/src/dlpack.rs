//! The C structures of DLPack 1.x (`dlpack.h` of dmlc/dlpack 7f393bb), the form in which tensors cross the boundary.

use std::ffi::c_void;

pub(crate) const MAJOR: u32 = 1;
pub(crate) const MINOR: u32 = 1;
/// `DLPACK_FLAG_BITMASK_READ_ONLY`
pub(crate) const FLAG_READ_ONLY: u64 = 1;

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct DlVersion {
    pub major: u32,
    pub minor: u32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct DlDevice {
    pub device_type: i32,
    pub device_id: i32,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct DlDataType {
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct DlTensor {
    pub data: *mut c_void,
    pub device: DlDevice,
    pub ndim: i32,
    pub dtype: DlDataType,
    pub shape: *mut i64,
    pub strides: *mut i64,
    pub byte_offset: u64,
}

/// `DLManagedTensorVersioned`.
#[repr(C)]
pub struct DlManagedTensor {
    pub(crate) version: DlVersion,
    pub(crate) manager_ctx: *mut c_void,
    pub(crate) deleter: Option<unsafe extern "C" fn(*mut DlManagedTensor)>,
    pub(crate) flags: u64,
    pub(crate) dl_tensor: DlTensor,
}

/// `DLManagedTensor`, the form before DLPack 1.0.
#[repr(C)]
pub(crate) struct DlManagedTensorUnversioned {
    pub dl_tensor: DlTensor,
    pub manager_ctx: *mut c_void,
    pub deleter: Option<unsafe extern "C" fn(*mut DlManagedTensorUnversioned)>,
}
