//! Own kernels: machine code loaded once, launched on torch's current stream.
#![allow(unsafe_code)] // calls into the C++ shim

use std::ffi::{CStr, c_void};

use super::shim::{Shim, shim};
use crate::TensorError;

/// Kernels of one image on one device.
#[derive(Debug)]
pub struct KernelLibrary {
    library: *mut c_void,
    device: usize,
}

/// A kernel of a library, which stays loaded for it.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    kernel: *mut c_void,
    library: &'a KernelLibrary,
}

// SAFETY: the CUDA runtime's handles may be used from every thread.
unsafe impl Send for KernelLibrary {}
// SAFETY: as above; nothing here changes after loading.
unsafe impl Sync for KernelLibrary {}

impl KernelLibrary {
    /// `image` is machine code for the device, or PTX with a final zero, which the driver compiles.
    ///
    /// # Errors
    /// [`TensorError::NoCuda`]; [`TensorError::Torch`] for an image that is not for this device.
    pub fn load(device: usize, image: &'static [u8]) -> Result<Self, TensorError> {
        let shim = shim()?;
        // SAFETY: the image carries its own size, and lives as long as the process.
        let library = shim.not_null(unsafe { (shim.library_load)(image.as_ptr().cast()) })?;
        Ok(Self { library, device })
    }

    /// A kernel by its unmangled name.
    ///
    /// # Errors
    /// [`TensorError::Torch`] if the image lacks it.
    pub fn kernel(&self, name: &CStr) -> Result<Kernel<'_>, TensorError> {
        let shim = shim()?;
        // SAFETY: the library is loaded, the name ends in zero.
        let kernel = shim.not_null(unsafe { (shim.kernel)(self.library, name.as_ptr()) })?;
        Ok(Kernel { kernel, library: self })
    }
}

impl Kernel<'_> {
    /// Launches `grid` blocks of `threads` on torch's current stream of the library's device, and does not wait.
    ///
    /// # Errors
    /// [`TensorError::Torch`] for a launch that CUDA refuses, or an earlier one that failed.
    ///
    /// # Safety
    /// `arguments` points to one value for each of the kernel's parameters, in their order, of their types; pointers
    /// among them are to memory of this device that is large enough, and that nothing frees before the stream is done.
    pub unsafe fn launch(
        &self,
        grid: [u32; 3],
        threads: u32,
        arguments: &mut [*mut c_void],
    ) -> Result<(), TensorError> {
        let shim: &Shim = shim()?;
        let device = self.library.device as i32;
        // SAFETY: as the caller promises; the runtime copies the arguments before it returns.
        let status = unsafe { (shim.launch)(self.kernel, device, grid.as_ptr(), threads, arguments.as_mut_ptr()) };
        shim.check(status)
    }
}

impl Drop for KernelLibrary {
    fn drop(&mut self) {
        if let Ok(shim) = shim() {
            // SAFETY: no kernel outlives the borrow of its library.
            unsafe { (shim.library_unload)(self.library) };
        }
    }
}
