//! Blocks shared by the libtorch plugins: weights, device and dtype policy, errors.
//!
//! Code inside a network returns [`Result`], uses tch's `f_` calls where an input could be at fault, and may use the
//! panicking calls under [`guard`], which turns what torch refuses into a [`TorchError`].

mod archive;
mod checkpoint;
mod device;
mod error;
mod formula;
mod pickle;
mod pickle_global;
mod pickle_value;
mod pth;
mod safetensors;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transfers;
mod view;
mod weights;

pub use device::{Precision, TorchContext};
pub use error::{Result, TorchError, guard};
pub use formula::formula_tensor;
pub use weights::Weights;
