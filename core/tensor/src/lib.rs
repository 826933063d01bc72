//! DLPack tensors as they cross the plugin boundary: ownership, element type, device, shape specs.
//!
//! [`Tensor`] owns a `DLManagedTensorVersioned` and calls its deleter; [`TensorView`] borrows one for a call.
//! Feature `torch` adds [`torch`], the bridge to `tch` over a small ATen shim, and [`cuda`], what tch lacks of CUDA.

mod bytes;
#[cfg(feature = "torch")]
pub mod cuda;
mod dlpack;
mod dtype;
mod error;
mod shape;
mod share;
mod tensor;
#[cfg(feature = "torch")]
pub mod torch;

pub use dlpack::DlManagedTensor;
pub use dtype::{DType, Device, Element};
pub use error::TensorError;
pub use shape::{Dimensions, ShapeSpec};
pub use tensor::{Tensor, TensorView};
