//! The network on CPU: own kernels, fp32, one thread an image.

pub mod aggregate;
pub mod deform;
pub mod describe;
pub mod encoder;
pub mod gemm;
pub mod map;
mod network;
pub mod nms;
pub mod pack;
pub mod planar;
pub mod resample;
mod vector;

pub use network::{CpuNetwork, Workspace};
