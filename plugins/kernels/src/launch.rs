//! Launches: arguments checked and packed, then handed to the device or to the twin.
#![allow(unsafe_code)] // hands out pointers to tensors' memory

use std::ffi::{CStr, c_void};

use scene3d_tensor::cuda::KernelLibrary;
use scene3d_torch::{Result, TorchError};
use tch::{Device, Tensor};

use crate::image::Image;
use crate::table::Kernel;

/// An argument of a kernel, by the type of its parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Argument<'a> {
    /// A pointer to the first element; contiguous, on the kernels' device.
    Tensor(&'a Tensor),
    /// `int`
    Int(i64),
    /// `float`
    Float(f32),
}

#[cfg(feature = "twin")]
thread_local! {
    static NUM_LAUNCHES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Kernels that this thread has run on the CPU.
#[cfg(feature = "twin")]
#[must_use]
pub fn num_twin_launches() -> usize {
    NUM_LAUNCHES.get()
}

/// What runs kernels.
#[derive(Debug)]
pub(crate) enum Machine {
    /// A CUDA device with the libraries loaded there, by source.
    Cuda(Vec<(&'static str, KernelLibrary)>),
    /// The CPU.
    #[cfg(feature = "twin")]
    Host,
}

impl Machine {
    /// Loads images for a device.
    pub fn cuda(device: usize, images: &[&'static Image]) -> Result<Self> {
        let load = |image: &&'static Image| Ok((image.source, KernelLibrary::load(device, image.bytes)?));
        Ok(Self::Cuda(images.iter().map(load).collect::<Result<_>>()?))
    }

    /// Queues a kernel on torch's current stream; the twin runs at once. A grid without blocks is nothing to do.
    pub fn launch(&self, kernel: &Kernel, device: Device, grid: [i64; 3], arguments: &[Argument<'_>]) -> Result<()> {
        let refused =
            |reason: String| TorchError::Torch(format!("kernel {}: {reason}", kernel.name.trim_end_matches('\0')));
        if grid.contains(&0) {
            return Ok(());
        }
        let blocks = grid.map(|blocks| u32::try_from(blocks).unwrap_or(u32::MAX));
        if blocks[0] > i32::MAX as u32 || blocks[1].max(blocks[2]) > 65_535 {
            return Err(refused(format!("{grid:?} blocks are more than a launch has")));
        }
        let mut values = arguments
            .iter()
            .map(|argument| argument.value(device))
            .collect::<Result<Vec<u64>, _>>()
            .map_err(refused)?;
        let mut pointers: Vec<*mut c_void> = values.iter_mut().map(|value| std::ptr::from_mut(value).cast()).collect();
        // SAFETY: each caller in this crate lists the arguments as the `KERNEL` in `cuda/` declares its parameters, and makes
        // tensors as large as it says; every list is run by a test, through the twin. Parameters of 4 bytes are read from the
        // low half of a value. Tensors live until the call is over, and torch's allocator reuses their memory only for work
        // that the same stream does later.
        unsafe {
            match self {
                Self::Cuda(libraries) => {
                    let library = libraries.iter().find(|(source, _)| *source == kernel.source);
                    let (_, library) = library.ok_or_else(|| refused("this build has no code for it".to_owned()))?;
                    let name = CStr::from_bytes_with_nul(kernel.name.as_bytes());
                    let name = name.map_err(|error| refused(error.to_string()))?;
                    library.kernel(name)?.launch(blocks, kernel.threads, &mut pointers)?;
                }
                #[cfg(feature = "twin")]
                Self::Host => {
                    NUM_LAUNCHES.set(NUM_LAUNCHES.get() + 1);
                    (kernel.twin)(blocks.as_ptr(), pointers.as_mut_ptr());
                }
            }
        }
        Ok(())
    }
}

impl Argument<'_> {
    /// In the low bytes, which come first on the machines that CUDA runs on.
    fn value(&self, device: Device) -> Result<u64, String> {
        match *self {
            Self::Tensor(tensor) if tensor.device() != device => {
                Err(format!("expected tensors on {device:?}, got one on {:?}", tensor.device()))
            }
            Self::Tensor(tensor) if !tensor.is_contiguous() => Err(format!(
                "expected contiguous tensors, got one of shape {:?} with strides {:?}",
                tensor.size(),
                tensor.stride()
            )),
            Self::Tensor(tensor) => Ok(tensor.data_ptr() as u64),
            Self::Int(number) => i32::try_from(number)
                .map(|number| u64::from(number.cast_unsigned()))
                .map_err(|_| format!("{number} is no 32-bit number")),
            Self::Float(number) => Ok(u64::from(number.to_bits())),
        }
    }
}

const _: () = assert!(cfg!(target_endian = "little"), "arguments are packed for little-endian machines");
