//! The bridge between DLPack tensors and `tch`, without copies, over the ATen shim.
#![allow(unsafe_code)] // calls into the C++ shim

use std::ffi::{CStr, c_char, c_void};

use crate::{Tensor, TensorError, TensorView};

unsafe extern "C" {
    fn scene3d_torch_last_error() -> *const c_char;
    fn scene3d_torch_to_dlpack(tensor: *mut c_void) -> *mut c_void;
    fn scene3d_torch_from_dlpack(managed: *mut c_void) -> *mut c_void;
}

/// A torch tensor handed over the boundary; it shares the storage.
///
/// # Errors
/// [`TensorError::Torch`] for what DLPack can't carry (sparse, quantised, requires grad).
pub fn to_dlpack(tensor: &tch::Tensor) -> Result<Tensor, TensorError> {
    let contiguous = tensor.contiguous();
    // SAFETY: `as_ptr` points to a live `at::Tensor`; the shim catches every exception and returns an owned tensor.
    unsafe {
        let managed = scene3d_torch_to_dlpack(contiguous.as_ptr().cast_mut().cast());
        if managed.is_null() { Err(last_error()) } else { Tensor::from_raw(managed) }
    }
}

/// A borrowed tensor as a torch tensor over the same memory, for the length of `read`.
///
/// `read` gets a reference: a `shallow_clone` kept beyond the call would dangle, so keep results of operations or a
/// `copy()`, as the boundary's contract says.
///
/// # Errors
/// [`TensorError::Torch`] for element types that torch lacks.
pub fn with_torch<R>(view: TensorView<'_>, read: impl FnOnce(&tch::Tensor) -> R) -> Result<R, TensorError> {
    // SAFETY: the alias frees only itself; the memory is borrowed for this call.
    let tensor = unsafe {
        let alias = view.alias();
        let raw = scene3d_torch_from_dlpack(alias);
        if raw.is_null() {
            drop(Tensor::from_raw(alias)?);
            return Err(last_error());
        }
        tch::Tensor::from_ptr(raw.cast())
    };
    Ok(read(&tensor))
}

fn last_error() -> TensorError {
    // SAFETY: the shim returns a NUL-terminated thread-local buffer.
    let message = unsafe { CStr::from_ptr(scene3d_torch_last_error()) };
    TensorError::Torch(message.to_string_lossy().lines().next().unwrap_or_default().to_owned())
}

/// torch's device for ours.
#[must_use]
pub fn device(device: crate::Device) -> tch::Device {
    match device {
        crate::Device::Cpu => tch::Device::Cpu,
        crate::Device::Cuda(index) => tch::Device::Cuda(index as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torch_tensors_cross_and_come_back_without_a_copy() {
        let torch = tch::Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).reshape([2, 2]);
        let first = torch.data_ptr();
        let tensor = to_dlpack(&torch).unwrap();
        drop(torch);
        assert_eq!(tensor.view().data(), first.cast_const());
        let sum = with_torch(tensor.view(), |t| {
            assert_eq!(t.data_ptr(), first);
            f64::try_from(t.sum(tch::Kind::Float)).unwrap()
        });
        assert_eq!(sum.unwrap(), 10.0);
    }

    #[test]
    fn a_strided_tensor_is_made_contiguous() {
        let torch = tch::Tensor::from_slice(&[1_i64, 2, 3, 4, 5, 6]).reshape([2, 3]).transpose(0, 1);
        let tensor = to_dlpack(&torch).unwrap();
        assert_eq!(tensor.view().as_slice::<i64>().unwrap(), &[1, 4, 2, 5, 3, 6]);
    }
}
