//! Owned and borrowed tensors over `DLManagedTensorVersioned`.
#![allow(unsafe_code)] // DLPack is a C interface: raw pointers are its vocabulary

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use crate::dlpack::{DlDataType, DlManagedTensor, DlTensor, DlVersion, FLAG_READ_ONLY, MAJOR, MINOR};
use crate::{DType, Device, Element, TensorError};

/// A tensor this side owns: dropping it calls the producer's deleter.
#[derive(Debug)]
pub struct Tensor(NonNull<DlManagedTensor>);

/// A tensor borrowed for the length of a call; it is not changed and not freed.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    managed: NonNull<DlManagedTensor>,
    borrow: PhantomData<&'a DlManagedTensor>,
}

// SAFETY: a DLPack tensor is plain memory with one owner; deleters of host and torch tensors may run on any thread.
unsafe impl Send for Tensor {}
// SAFETY: shared access only reads; nothing in this crate writes through a `Tensor`.
unsafe impl Sync for Tensor {}
// SAFETY: a view is a shared reference to a `Tensor`.
unsafe impl Send for TensorView<'_> {}
// SAFETY: as above.
unsafe impl Sync for TensorView<'_> {}

/// Keeps values, shape and strides of a tensor made from a `Vec` alive; DLPack points into it.
struct HostAllocation<T> {
    _values: Vec<T>,
    shape: Vec<i64>,
    strides: Vec<i64>,
}

impl Tensor {
    /// A row-major tensor in host memory, without copying.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the shape does not hold exactly these values.
    pub fn from_vec<T: Element>(values: Vec<T>, shape: &[i64]) -> Result<Self, TensorError> {
        if shape.iter().any(|&side| side < 0) || shape.iter().product::<i64>() != values.len() as i64 {
            return Err(TensorError::Shape { expected: format!("{} values", values.len()), got: shape.to_vec() });
        }
        Ok(Self::over(values, shape, T::DTYPE.to_dl(), Device::Cpu))
    }

    /// Over an allocation that holds the elements of such a tensor.
    pub(crate) fn over<T>(values: Vec<T>, shape: &[i64], dtype: DlDataType, device: Device) -> Self {
        let data = values.as_ptr().cast_mut().cast::<c_void>();
        let mut owner =
            Box::new(HostAllocation { _values: values, shape: shape.to_vec(), strides: row_major_strides(shape) });
        let dl_tensor = DlTensor {
            data,
            device: device.to_dl(),
            ndim: shape.len() as i32,
            dtype,
            shape: owner.shape.as_mut_ptr(),
            strides: owner.strides.as_mut_ptr(),
            byte_offset: 0,
        };
        let managed = Box::new(DlManagedTensor {
            version: DlVersion { major: MAJOR, minor: MINOR },
            manager_ctx: Box::into_raw(owner).cast(),
            deleter: Some(delete_host_allocation::<T>),
            flags: 0,
            dl_tensor,
        });
        Self(NonNull::from(Box::leak(managed)))
    }

    pub(crate) fn owning(managed: NonNull<DlManagedTensor>) -> Self {
        Self(managed)
    }

    /// Takes over a tensor from the other side of the boundary.
    ///
    /// # Safety
    /// `raw` is null or a `DLManagedTensorVersioned` that nobody else owns.
    ///
    /// # Errors
    /// [`TensorError::Malformed`] for a null pointer, another DLPack major (its deleter is called, as DLPack asks) or
    /// contradictory fields.
    pub unsafe fn from_raw(raw: *mut c_void) -> Result<Self, TensorError> {
        let managed = NonNull::new(raw.cast::<DlManagedTensor>())
            .ok_or_else(|| TensorError::Malformed("null pointer".to_owned()))?;
        let tensor = Self(managed);
        // SAFETY: the caller says this is a `DLManagedTensorVersioned`, of which every major has `version` first.
        let major = unsafe { managed.as_ref() }.version.major;
        if major != MAJOR {
            return Err(TensorError::Malformed(format!("DLPack major {major}, expected {MAJOR}")));
        }
        tensor.view().check()?;
        Ok(tensor)
    }

    /// Gives the tensor away as `*mut DLManagedTensorVersioned`; the receiver calls the deleter.
    #[must_use]
    pub fn into_raw(self) -> *mut c_void {
        let raw = self.0.as_ptr().cast();
        std::mem::forget(self);
        raw
    }

    /// What torch made in host memory for the simulated device, as a tensor of that device.
    #[cfg(feature = "torch")]
    pub(crate) fn into_simulated(mut self) -> Self {
        // SAFETY: this value owns the tensor; its deleter frees by pointer, whatever the device says.
        unsafe { self.0.as_mut() }.dl_tensor.device = Device::Simulated.to_dl();
        self
    }

    /// Borrows the tensor.
    #[must_use]
    pub fn view(&self) -> TensorView<'_> {
        TensorView { managed: self.0, borrow: PhantomData }
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: this value owns the tensor; the deleter is called exactly once.
        unsafe {
            if let Some(deleter) = self.0.as_ref().deleter {
                deleter(self.0.as_ptr());
            }
        }
    }
}

unsafe extern "C" fn delete_host_allocation<T>(managed: *mut DlManagedTensor) {
    // SAFETY: both boxes were leaked by `Tensor::over::<T>`, and DLPack calls a deleter once.
    unsafe {
        drop(Box::from_raw((*managed).manager_ctx.cast::<HostAllocation<T>>()));
        drop(Box::from_raw(managed));
    }
}

impl<'a> TensorView<'a> {
    /// Borrows a tensor from the other side of the boundary.
    ///
    /// # Safety
    /// `raw` is null or a `DLManagedTensorVersioned` that lives, unchanged, for `'a`.
    ///
    /// # Errors
    /// [`TensorError::Malformed`] as for [`Tensor::from_raw`].
    pub unsafe fn from_raw(raw: *mut c_void) -> Result<Self, TensorError> {
        let managed = NonNull::new(raw.cast::<DlManagedTensor>())
            .ok_or_else(|| TensorError::Malformed("null pointer".to_owned()))?;
        let view = Self { managed, borrow: PhantomData };
        let major = view.managed().version.major;
        if major != MAJOR {
            return Err(TensorError::Malformed(format!("DLPack major {major}, expected {MAJOR}")));
        }
        view.check()?;
        Ok(view)
    }

    /// The pointer to hand over the boundary for a call; it stays borrowed.
    #[must_use]
    pub fn as_raw(&self) -> *mut c_void {
        self.managed.as_ptr().cast()
    }

    fn managed(&self) -> &'a DlManagedTensor {
        // SAFETY: the tensor lives for `'a`, by construction from a `Tensor` or the contract of `from_raw`.
        unsafe { self.managed.as_ref() }
    }

    pub(crate) fn dl(&self) -> &'a DlTensor {
        &self.managed().dl_tensor
    }

    pub(crate) fn check(&self) -> Result<(), TensorError> {
        let dl = self.dl();
        if dl.ndim < 0 || (dl.ndim > 0 && dl.shape.is_null()) {
            return Err(TensorError::Malformed(format!("{} dimensions without a shape", dl.ndim)));
        }
        if self.shape().iter().any(|&side| side < 0) {
            return Err(TensorError::Malformed(format!("negative side in shape {:?}", self.shape())));
        }
        DType::from_dl(dl.dtype)?;
        Device::from_numbers(dl.device.device_type, dl.device.device_id)?;
        if dl.data.is_null() && self.num_elements() > 0 {
            return Err(TensorError::Malformed("null data".to_owned()));
        }
        Ok(())
    }

    /// Sides, outermost first.
    #[must_use]
    pub fn shape(&self) -> &'a [i64] {
        let dl = self.dl();
        if dl.ndim <= 0 || dl.shape.is_null() {
            return &[];
        }
        // SAFETY: DLPack guarantees `ndim` entries behind a non-null `shape`.
        unsafe { slice::from_raw_parts(dl.shape, dl.ndim as usize) }
    }

    fn strides(&self) -> Option<&'a [i64]> {
        let dl = self.dl();
        if dl.strides.is_null() || dl.ndim <= 0 {
            return None;
        }
        // SAFETY: DLPack guarantees `ndim` entries behind a non-null `strides`.
        Some(unsafe { slice::from_raw_parts(dl.strides, dl.ndim as usize) })
    }

    /// Number of elements.
    #[must_use]
    pub fn num_elements(&self) -> usize {
        self.shape().iter().product::<i64>().max(0) as usize
    }

    /// Bytes of all elements.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.num_elements() * self.dtype().size_bytes()
    }

    /// Element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        // views are checked when they are made, so the fallback is never taken
        DType::from_dl(self.dl().dtype).unwrap_or(DType::U8)
    }

    /// Where the elements lie.
    #[must_use]
    pub fn device(&self) -> Device {
        let device = self.dl().device;
        // views are checked when they are made, so the fallback is never taken
        Device::from_numbers(device.device_type, device.device_id).unwrap_or(Device::Cpu)
    }

    /// Whether the elements lie in row-major order without gaps.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        let Some(strides) = self.strides() else { return true };
        let mut expected = 1;
        self.shape().iter().zip(strides).rev().all(|(&side, &stride)| {
            let fits = side <= 1 || stride == expected;
            expected *= side.max(1);
            fits
        })
    }

    /// The elements of a row-major tensor in host memory.
    ///
    /// # Errors
    /// [`TensorError`] if the element type, the device or the layout is another.
    pub fn as_slice<T: Element>(&self) -> Result<&'a [T], TensorError> {
        if self.dtype() != T::DTYPE {
            return Err(TensorError::DType { expected: T::DTYPE, got: self.dtype() });
        }
        if self.device() != Device::Cpu {
            return Err(TensorError::Device { expected: Device::Cpu, got: self.device() });
        }
        self.check_contiguous()?;
        if self.num_elements() == 0 {
            return Ok(&[]);
        }
        let first = self.data().cast::<T>();
        if !first.is_aligned() {
            return Err(TensorError::Malformed(format!("data is not aligned to {}", align_of::<T>())));
        }
        // SAFETY: type, device, layout and alignment were checked; the memory lives for `'a`.
        Ok(unsafe { slice::from_raw_parts(first, self.num_elements()) })
    }

    pub(crate) fn check_contiguous(&self) -> Result<(), TensorError> {
        if self.is_contiguous() {
            return Ok(());
        }
        let strides = self.strides().unwrap_or_default().to_vec();
        Err(TensorError::NotContiguous { shape: self.shape().to_vec(), strides })
    }

    /// Pointer to the first element, on [`Self::device`].
    #[must_use]
    pub fn data(&self) -> *const c_void {
        // an offset within the producer's allocation, per DLPack
        self.dl().data.cast_const().wrapping_byte_add(self.dl().byte_offset as usize)
    }

    /// A second handle to the same memory that frees nothing, marked read-only, for consumers that take ownership. What
    /// lies on the simulated device is in host memory for them.
    #[cfg(feature = "torch")]
    pub(crate) fn alias(&self) -> *mut c_void {
        unsafe extern "C" fn delete_alias(managed: *mut DlManagedTensor) {
            // SAFETY: leaked below, and DLPack calls a deleter once.
            unsafe { drop(Box::from_raw(managed)) }
        }
        let alias = DlManagedTensor {
            version: DlVersion { major: MAJOR, minor: MINOR },
            manager_ctx: std::ptr::null_mut(),
            deleter: Some(delete_alias),
            flags: self.managed().flags | FLAG_READ_ONLY,
            dl_tensor: DlTensor { device: of_torch(self.device()).to_dl(), ..*self.dl() },
        };
        Box::into_raw(Box::new(alias)).cast()
    }

    /// Whether the producer forbids writing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.managed().flags & FLAG_READ_ONLY != 0
    }
}

/// Where torch sees a tensor of a device.
#[cfg(feature = "torch")]
fn of_torch(device: Device) -> Device {
    if device == Device::Simulated { Device::Cpu } else { device }
}

fn row_major_strides(shape: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vec_crosses_as_dlpack_and_comes_back() {
        let tensor = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2]).unwrap();
        // SAFETY: the pointer comes from `into_raw`.
        let back = unsafe { Tensor::from_raw(tensor.into_raw()) }.unwrap();
        let view = back.view();
        assert_eq!((view.shape(), view.dtype(), view.device()), (&[3, 2][..], DType::F32, Device::Cpu));
        assert_eq!(view.as_slice::<f32>().unwrap()[4], 5.0);
        assert_eq!(view.size_bytes(), 24);
        let error = view.as_slice::<u32>().unwrap_err();
        assert_eq!(error.to_string(), "tensor has dtype f32, expected u32");
    }

    #[test]
    fn empty_tensors_and_wrong_sizes() {
        let empty = Tensor::from_vec(Vec::<f32>::new(), &[0, 2]).unwrap();
        assert_eq!(empty.view().as_slice::<f32>().unwrap(), &[] as &[f32]);
        assert!(Tensor::from_vec(vec![1_u8; 5], &[2, 3]).is_err());
        assert!(Tensor::from_vec(vec![1_u8; 4], &[-2, -2]).is_err());
    }

    #[test]
    fn null_and_foreign_majors_are_refused() {
        // SAFETY: null is allowed.
        assert!(unsafe { Tensor::from_raw(std::ptr::null_mut()) }.is_err());
        let mut tensor = Tensor::from_vec(vec![1_u8], &[1]).unwrap();
        // SAFETY: this test owns the tensor.
        unsafe { tensor.0.as_mut() }.version.major = 2;
        // SAFETY: the pointer comes from `into_raw`.
        let error = unsafe { Tensor::from_raw(tensor.into_raw()) }.unwrap_err();
        assert!(error.to_string().contains("DLPack major 2, expected 1"), "{error}");
    }
}
