//! What tch lacks of CUDA: streams, events, graphs, and launches of own kernels.
//!
//! All of it stands on a C++ shim that is part of this library as bytes and is opened, with libtorch's CUDA libraries, when
//! a device is first asked for: a build for the CPU links nothing of CUDA, and one build serves both kinds of machine.
#![allow(unsafe_code)] // calls into the C++ shim

mod graph;
mod kernel;
mod shim;
mod stream;

use crate::TensorError;

pub use graph::CudaGraph;
pub use kernel::{Kernel, KernelLibrary};
pub use stream::{Event, Stream};

/// Opens libtorch's CUDA libraries; before that, torch says that there is no CUDA device.
///
/// # Errors
/// [`TensorError::NoCuda`] where they are not there, or this library was built without CUDA's headers.
pub fn open() -> Result<(), TensorError> {
    shim::shim().map(drop)
}

/// Compute capability of a device, times 10: 80 for an A100, 90 for an H100.
///
/// # Errors
/// As [`open`]; [`TensorError::Torch`] for a device that is not there.
pub fn capability(device: usize) -> Result<u32, TensorError> {
    let shim = shim::shim()?;
    // SAFETY: takes a number and catches every exception.
    let capability = unsafe { (shim.capability)(device as i32) };
    u32::try_from(capability).map_err(|_| shim.last_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused<T>(result: Result<T, TensorError>) {
        let error = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with("cuda is not there: "), "{error}");
    }

    #[test]
    fn a_machine_without_cuda_says_so_at_every_door() {
        if open().is_ok() {
            println!("skipped: this machine has CUDA");
            return;
        }
        check_refused(open());
        check_refused(capability(0));
        check_refused(Stream::new(0));
        check_refused(Event::new(0));
        check_refused(CudaGraph::capture(0, || Ok::<(), TensorError>(())));
        check_refused(KernelLibrary::load(0, b"no image"));
    }
}
