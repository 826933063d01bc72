//! Tensors as bytes: copies on another device, and what files hold.
#![allow(unsafe_code)] // memory of any element type is copied by its address

use std::slice;

use crate::dlpack::DlDataType;
use crate::{DType, Device, Tensor, TensorError, TensorView};

impl Tensor {
    /// A row-major tensor in host memory of little-endian elements.
    ///
    /// # Errors
    /// [`TensorError::Shape`] if the shape does not hold exactly these bytes.
    pub fn from_bytes(bytes: &[u8], dtype: DType, shape: &[i64]) -> Result<Self, TensorError> {
        let num_elements = bytes.len() / dtype.size_bytes();
        let is_whole = bytes.len().is_multiple_of(dtype.size_bytes());
        if !is_whole || shape.iter().any(|&side| side < 0) || shape.iter().product::<i64>() != num_elements as i64 {
            let expected = format!("{} bytes of {dtype}", bytes.len());
            return Err(TensorError::Shape { expected, got: shape.to_vec() });
        }
        // SAFETY: `bytes` holds `bytes.len()` readable bytes.
        Ok(unsafe { Self::copied(bytes.as_ptr(), bytes.len(), shape, dtype.to_dl(), Device::Cpu) })
    }

    /// A copy of bytes that holds the elements of such a tensor.
    ///
    /// # Safety
    /// `bytes` points to `size_bytes` readable bytes.
    unsafe fn copied(bytes: *const u8, size_bytes: usize, shape: &[i64], dtype: DlDataType, device: Device) -> Self {
        // words of the widest element, so that the copy is aligned for every type
        let mut words = vec![0_u64; size_bytes.div_ceil(size_of::<u64>())];
        if !words.is_empty() {
            // SAFETY: the caller's bytes, at least as many of ours, and they are different allocations.
            unsafe { bytes.copy_to_nonoverlapping(words.as_mut_ptr().cast(), size_bytes) };
        }
        Self::over(words, shape, dtype, device)
    }
}

impl<'a> TensorView<'a> {
    /// The little-endian bytes of a row-major tensor in host memory, of any element type.
    ///
    /// # Errors
    /// [`TensorError`] if the device or the layout is another.
    pub fn as_bytes(&self) -> Result<&'a [u8], TensorError> {
        const { assert!(cfg!(target_endian = "little"), "files and DLPack are little-endian") };
        if self.device() != Device::Cpu {
            return Err(TensorError::Device { expected: Device::Cpu, got: self.device() });
        }
        self.check_contiguous()?;
        if self.size_bytes() == 0 {
            return Ok(&[]);
        }
        // SAFETY: device and layout were checked; the memory lives for `'a`, and every byte of an element may be read.
        Ok(unsafe { slice::from_raw_parts(self.data().cast(), self.size_bytes()) })
    }

    /// A copy of a row-major tensor in host memory, of any element type.
    ///
    /// # Errors
    /// [`TensorError`] if the device or the layout is another.
    pub fn to_tensor(&self) -> Result<Tensor, TensorError> {
        self.copy_to(Device::Cpu)
    }

    /// A copy of a row-major tensor on another device; between those whose memory is the host's. Where torch is at hand,
    /// [`crate::torch::copy_to`] knows every device.
    ///
    /// # Errors
    /// [`TensorError`] if one of the devices or the layout is another.
    pub fn copy_to(&self, device: Device) -> Result<Tensor, TensorError> {
        for device in [self.device(), device] {
            if !device.is_host_memory() {
                return Err(TensorError::Device { expected: Device::Cpu, got: device });
            }
        }
        self.check_contiguous()?;
        // SAFETY: `data` holds `size_bytes` bytes of host memory.
        Ok(unsafe { Tensor::copied(self.data().cast(), self.size_bytes(), self.shape(), self.dl().dtype, device) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_outlives_its_source() {
        let tensor = Tensor::from_vec(vec![1_u8, 2, 3, 4, 5, 6, 7, 8, 9], &[3, 3]).unwrap();
        let copy = tensor.view().to_tensor().unwrap();
        drop(tensor);
        assert_eq!((copy.view().shape(), copy.view().dtype()), (&[3, 3][..], DType::U8));
        assert_eq!(copy.view().as_slice::<u8>().unwrap(), &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let empty = Tensor::from_vec(Vec::<f64>::new(), &[0, 2]).unwrap();
        assert_eq!(empty.view().to_tensor().unwrap().view().shape(), &[0, 2]);
    }

    #[test]
    fn the_simulated_device_is_read_only_after_a_copy() {
        let tensor = Tensor::from_vec(vec![1.5_f32, -2.0, 0.25], &[3]).unwrap();
        let there = tensor.view().copy_to(Device::Simulated).unwrap();
        let error = there.view().as_slice::<f32>().unwrap_err();
        assert_eq!(error, TensorError::Device { expected: Device::Cpu, got: Device::Simulated });
        assert!(there.view().as_bytes().is_err());
        let back = there.view().to_tensor().unwrap();
        assert_eq!(back.view().as_slice::<f32>().unwrap(), &[1.5, -2.0, 0.25]);
        assert!(tensor.view().copy_to(Device::Cuda(0)).is_err());
    }

    #[test]
    fn bytes_are_those_of_the_elements() {
        let tensor = Tensor::from_vec(vec![1_u32, 256], &[2]).unwrap();
        assert_eq!(tensor.view().as_bytes().unwrap(), &[1, 0, 0, 0, 0, 1, 0, 0]);
        let back = Tensor::from_bytes(&[1, 0, 0, 0, 0, 1, 0, 0], DType::U32, &[2]).unwrap();
        assert_eq!(back.view().as_slice::<u32>().unwrap(), &[1, 256]);
        assert!(Tensor::from_bytes(&[1, 0, 0, 0, 0], DType::U32, &[1]).is_err());
        assert!(Tensor::from_bytes(&[1, 0, 0, 0], DType::U32, &[2]).is_err());
    }
}
