//! The bridge between DLPack tensors and `tch`, without copies, over the ATen shim.
#![allow(unsafe_code)] // calls into the C++ shim

use std::ffi::{CStr, CString, c_char, c_void};

use crate::{DType, Device, Tensor, TensorError, TensorView};

unsafe extern "C" {
    fn scene3d_torch_last_error() -> *const c_char;
    fn scene3d_torch_to_dlpack(tensor: *mut c_void) -> *mut c_void;
    fn scene3d_torch_from_dlpack(managed: *mut c_void) -> *mut c_void;
    fn scene3d_torch_record(silent: *const c_char) -> *mut c_void;
    fn scene3d_torch_recorded(recording: *mut c_void) -> *const c_char;
    fn scene3d_torch_record_free(recording: *mut c_void);
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

/// Runs `work`, and tells which of torch's operations it made on this thread, and how often: not those in `silent`, nor
/// those that call one that is told.
///
/// # Errors
/// [`TensorError::Torch`] inside of another recording.
pub fn operations<R>(silent: &[&str], work: impl FnOnce() -> R) -> Result<(R, Vec<(String, usize)>), TensorError> {
    struct Recording(*mut c_void);
    impl Drop for Recording {
        fn drop(&mut self) {
            // SAFETY: owned, made on this thread, and used no more.
            unsafe { scene3d_torch_record_free(self.0) };
        }
    }
    let silent = CString::new(silent.join("\n")).map_err(|error| TensorError::Torch(error.to_string()))?;
    // SAFETY: the shim copies the names and catches every exception; the result is owned.
    let recording = Recording(unsafe { scene3d_torch_record(silent.as_ptr()) });
    if recording.0.is_null() {
        std::mem::forget(recording);
        return Err(last_error());
    }
    let result = work();
    // SAFETY: the recording lives, and with it its text.
    let text = unsafe { CStr::from_ptr(scene3d_torch_recorded(recording.0)) }.to_string_lossy().into_owned();
    let entry = |line: &str| {
        let (count, name) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    Ok((result, text.lines().filter_map(entry).collect()))
}

fn last_error() -> TensorError {
    // SAFETY: the shim returns a NUL-terminated thread-local buffer.
    let message = unsafe { CStr::from_ptr(scene3d_torch_last_error()) };
    TensorError::Torch(first_line(&message.to_string_lossy()))
}

/// torch's device for ours; what is on the simulated device lies in host memory for torch.
#[must_use]
pub fn device(device: Device) -> tch::Device {
    match device {
        Device::Cpu | Device::Simulated => tch::Device::Cpu,
        Device::Cuda(index) => tch::Device::Cuda(index as usize),
    }
}

/// As [`to_dlpack`] for a tensor that torch made for `device`.
///
/// # Errors
/// As [`to_dlpack`].
pub fn to_dlpack_on(device: Device, tensor: &tch::Tensor) -> Result<Tensor, TensorError> {
    let crossed = to_dlpack(tensor)?;
    Ok(if device == Device::Simulated { crossed.into_simulated() } else { crossed })
}

/// A copy on a device. Copies from a GPU to the host are page-locked, so that the way back is fast.
///
/// # Errors
/// [`TensorError::Torch`] if torch refuses the copy, e.g. for want of memory.
pub fn copy_to(view: TensorView<'_>, device: Device) -> Result<Tensor, TensorError> {
    if matches!(view.dtype(), DType::U32 | DType::U64) {
        // tch knows no such kind; what has it (indices, sizes) lies in host memory
        return view.copy_to(device);
    }
    let refused = |error: tch::TchError| TensorError::Torch(first_line(&error.to_string()));
    let copied = with_torch(view, |tensor| {
        let target = match (self::device(device), tensor.device()) {
            (tch::Device::Cpu, from @ tch::Device::Cuda(_)) => {
                let options = (tensor.kind(), tch::Device::Cpu);
                tch::Tensor::f_empty(tensor.size(), options)?.f_pin_memory(from)?
            }
            (target, _) => tch::Tensor::f_empty(tensor.size(), (tensor.kind(), target))?,
        };
        target.shallow_clone().f_copy_(tensor)?;
        Ok(target)
    })?;
    to_dlpack_on(device, &copied.map_err(refused)?)
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
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
    fn the_simulated_device_is_host_memory_to_torch_alone() {
        let there = to_dlpack_on(Device::Simulated, &tch::Tensor::from_slice(&[1.0_f32, 2.0])).unwrap();
        assert_eq!(there.view().device(), Device::Simulated);
        assert!(there.view().as_slice::<f32>().is_err());
        assert_eq!(with_torch(there.view(), |t| f64::try_from(t.sum(tch::Kind::Float)).unwrap()).unwrap(), 3.0);
        let back = copy_to(there.view(), Device::Cpu).unwrap();
        assert_eq!(back.view().as_slice::<f32>().unwrap(), &[1.0, 2.0]);
        let again = copy_to(back.view(), Device::Simulated).unwrap();
        assert_eq!(again.view().device(), Device::Simulated);
        assert_ne!(again.view().data(), back.view().data());
        let sizes = Tensor::from_vec(vec![4_u32, 3], &[2]).unwrap();
        assert_eq!(copy_to(sizes.view(), Device::Cpu).unwrap().view().as_slice::<u32>().unwrap(), &[4, 3]);
    }

    #[test]
    fn operations_are_told_once_and_silent_ones_never() {
        let silent = ["aten::view", "aten::empty", "aten::as_strided", "aten::transpose", "aten::resize_"];
        let (sum, recorded) = operations(&silent, || {
            assert!(operations(&[], || ()).is_err());
            let ones = tch::Tensor::ones([2, 3], (tch::Kind::Float, tch::Device::Cpu));
            ones.matmul(&ones.transpose(0, 1)).relu().sum(tch::Kind::Float)
        })
        .unwrap();
        assert_eq!(f64::try_from(sum).unwrap(), 12.0);
        let count = |name: &str| recorded.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
        assert_eq!(["aten::clamp_min", "aten::relu", "aten::transpose", "aten::empty"].map(count), [1, 0, 0, 0]);
        assert!(operations(&[], || ()).unwrap().1.is_empty());
    }

    #[test]
    fn a_strided_tensor_is_made_contiguous() {
        let torch = tch::Tensor::from_slice(&[1_i64, 2, 3, 4, 5, 6]).reshape([2, 3]).transpose(0, 1);
        let tensor = to_dlpack(&torch).unwrap();
        assert_eq!(tensor.view().as_slice::<i64>().unwrap(), &[1, 4, 2, 5, 3, 6]);
    }
}
