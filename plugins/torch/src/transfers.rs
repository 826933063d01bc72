//! Copies between a device and host memory inside a stage's call, and their account.
//!
//! What a network reads back to decide with, and the matches it answers with, go through [`to_host`]; the stage then
//! tells its host with [`report`]. The account is of one thread, as a stage is.

use std::cell::Cell;

use scene3d_sdk::{Host, Named, NamedView};
use scene3d_tensor::Device;
use tch::Tensor;

use crate::Result;

thread_local! {
    /// Copies to the host and their bytes since the last report.
    static TO_HOST: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// The values of a tensor in host memory, row-major.
///
/// # Errors
/// [`crate::TorchError`] if torch refuses the copy.
pub fn to_host(tensor: &Tensor) -> Result<Tensor> {
    let (num_copies, num_bytes) = TO_HOST.get();
    TO_HOST.set((num_copies + 1, num_bytes + (tensor.numel() * tensor.kind().elt_size_in_bytes()) as u64));
    Ok(tensor.f_contiguous()?.f_to_device(tch::Device::Cpu)?)
}

/// Tells the host how much was read back since the last report; nothing crosses on the CPU.
///
/// # Errors
/// `UNSUPPORTED` for a device that the SDK does not know.
pub fn report(host: &Host<'_>, what: &str) -> scene3d_sdk::Result<()> {
    let (num_copies, num_bytes) = TO_HOST.take();
    if num_copies > 0 && host.device()? != Device::Cpu {
        host.count_transfer(Device::Cpu, what, num_copies, num_bytes);
    }
    Ok(())
}

/// Copies of tensors on a device, for a stage's `copy_to`.
///
/// # Errors
/// [`crate::TorchError`] if torch refuses a copy.
pub fn copy_to(device: Device, tensors: &NamedView<'_>) -> Result<Named> {
    let copy = |(name, view): &(&str, scene3d_tensor::TensorView<'_>)| {
        Ok(((*name).to_owned(), scene3d_tensor::torch::copy_to(*view, device)?))
    };
    tensors.0.iter().map(copy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_back_is_counted_until_the_report() {
        TO_HOST.take();
        let read = to_host(&Tensor::from_slice(&[1.0_f32, 2.0, 3.0]).reshape([1, 3])).unwrap();
        assert_eq!(Vec::<f32>::try_from(read.flatten(0, -1)).unwrap(), [1.0, 2.0, 3.0]);
        assert_eq!(to_host(&Tensor::from_slice(&[1_i64])).unwrap().size(), [1]);
        assert_eq!(TO_HOST.take(), (2, 20));
    }
}
