//! What can be wrong with a tensor.

use crate::{DType, Device};

/// Errors of tensors at the plugin boundary.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TensorError {
    /// The element type is another.
    #[error("tensor has dtype {got}, expected {expected}")]
    DType {
        /// What the reader needs.
        expected: DType,
        /// What the tensor has.
        got: DType,
    },
    /// An element type that scene3d does not carry.
    #[error("tensor has DLPack dtype code {code} with {bits} bits and {lanes} lanes, which scene3d does not carry")]
    UnknownDType {
        /// `DLDataTypeCode`.
        code: u8,
        /// Bits of a lane.
        bits: u8,
        /// Lanes of an element.
        lanes: u16,
    },
    /// A device that scene3d does not know.
    #[error("tensor lies on DLPack device type {0}, expected 1 (cpu) or 2 (cuda)")]
    UnknownDevice(i32),
    /// The tensor lies elsewhere.
    #[error("tensor lies on {got}, expected {expected}")]
    Device {
        /// Where the reader needs it.
        expected: Device,
        /// Where it is.
        got: Device,
    },
    /// The shape does not fit its spec.
    #[error("tensor has shape {got:?}, expected {expected}")]
    Shape {
        /// The spec, with what is known of its names.
        expected: String,
        /// The tensor's shape.
        got: Vec<i64>,
    },
    /// The elements do not lie in row-major order without gaps.
    #[error("tensor of shape {shape:?} has strides {strides:?}, expected row-major without gaps")]
    NotContiguous {
        /// The tensor's shape.
        shape: Vec<i64>,
        /// Its strides in elements.
        strides: Vec<i64>,
    },
    /// A DLPack structure of another major version, a null or misaligned pointer.
    #[error("not a usable DLPack tensor: {0}")]
    Malformed(String),
    /// A shape spec that can't be read.
    #[error("shape spec `{0}` can't be read, expected something like [N, 2] or [B, ..., 3]")]
    Spec(String),
    /// CUDA's libraries, or libtorch's for it, are not there.
    #[error("cuda is not there: {0}")]
    NoCuda(String),
    /// The torch bridge failed.
    #[error("torch refused the tensor: {0}")]
    Torch(String),
}
