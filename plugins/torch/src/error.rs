//! What torch refuses, as the SDK's error codes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use scene3d_sdk::SdkError;
use scene3d_tensor::TensorError;
use tch::TchError;

/// Result of code that runs a network.
pub type Result<T, E = TorchError> = std::result::Result<T, E>;

/// Why weights could not be read or a network could not run.
#[derive(Debug, thiserror::Error)]
pub enum TorchError {
    /// Memory of the host or the device is exhausted.
    #[error("torch ran out of memory: {0}")]
    OutOfMemory(String),
    /// Torch refused an operation.
    #[error("torch refused an operation: {0}")]
    Torch(String),
    /// The device is not there.
    #[error("{0}")]
    Unavailable(String),
    /// The device can't do this.
    #[error("{0}")]
    Unsupported(String),
    /// A weight file is not there or can't be read.
    #[error("can't read weights: {reason}: {}", path.display())]
    Unreadable {
        /// What is wrong.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A weight file lacks a tensor.
    #[error("weights have no tensor `{name}` of shape {expected:?}; nearest: {nearest}; file: {source_name}")]
    MissingWeight {
        /// The tensor asked for.
        name: String,
        /// Shape of the network's parameter.
        expected: Vec<i64>,
        /// Names like it.
        nearest: String,
        /// Where the weights come from.
        source_name: String,
    },
    /// A tensor of a weight file has another shape.
    #[error("weight `{name}`: expected shape {expected:?}, got {got:?}; file: {source_name}")]
    WeightShape {
        /// The tensor asked for.
        name: String,
        /// Shape of the network's parameter.
        expected: Vec<i64>,
        /// Shape in the file.
        got: Vec<i64>,
        /// Where the weights come from.
        source_name: String,
    },
    /// A tensor at the plugin boundary is not what was expected.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

impl From<TchError> for TorchError {
    fn from(error: TchError) -> Self {
        classify(&error.to_string())
    }
}

fn classify(message: &str) -> TorchError {
    // c10 appends a C++ backtrace; its first line is the message
    let first_line = message.lines().next().unwrap_or_default().to_owned();
    let lower = message.to_lowercase();
    let is_out_of_memory = lower.contains("out of memory") || lower.contains("can't allocate memory");
    if is_out_of_memory { TorchError::OutOfMemory(first_line) } else { TorchError::Torch(first_line) }
}

impl From<TorchError> for SdkError {
    fn from(error: TorchError) -> Self {
        let message = error.to_string();
        match error {
            TorchError::OutOfMemory(_) => {
                Self::out_of_memory(message).help("use smaller images, fewer instances or a smaller batch")
            }
            TorchError::Torch(_) => Self::internal(message),
            TorchError::Unavailable(_) => Self::unavailable(message).help("use device = \"cpu\""),
            TorchError::Unsupported(_) => Self::unsupported(message),
            TorchError::Unreadable { path, .. } => {
                Self::unavailable(message).detail("path", path.display().to_string())
            }
            TorchError::MissingWeight { name, expected, .. } => Self::incompatible(message)
                .help("these are the weights of another model: check the config's model and the file")
                .detail("tensor", name)
                .detail("expected", format!("{expected:?}")),
            TorchError::WeightShape { name, expected, got, .. } => Self::incompatible(message)
                .help("these are the weights of another model: check the config's model and the file")
                .detail("tensor", name)
                .detail("expected", format!("{expected:?}"))
                .detail("got", format!("{got:?}")),
            TorchError::Tensor(error) => error.into(),
        }
    }
}

/// Runs a network without gradients and turns what torch refuses inside into an error.
///
/// tch's plain calls panic where their `f_` twins return an error; a panic of any other origin goes on.
///
/// # Errors
/// As `body`; [`TorchError::Torch`] or [`TorchError::OutOfMemory`] for a torch call that panicked.
pub fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let outcome = tch::no_grad(|| catch_unwind(AssertUnwindSafe(body)));
    outcome.unwrap_or_else(|payload| match torch_message(payload.downcast_ref::<String>()) {
        Some(message) => Err(classify(&message)),
        None => resume_unwind(payload),
    })
}

/// The message of tch's `Result::unwrap` on `TchError::Torch`.
fn torch_message(panic: Option<&String>) -> Option<String> {
    let (_, quoted) = panic?.split_once("Torch(\"")?;
    Some(quoted.replace("\\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scene3d_sdk::ErrorCode;
    use tch::Tensor;

    #[test]
    fn what_torch_refuses_becomes_an_error_with_its_code() {
        let refused = guard(|| Ok(Tensor::from_slice(&[1.0_f32]).reshape([2, 2])));
        let error = SdkError::from(refused.unwrap_err());
        assert_eq!(error.code, ErrorCode::INTERNAL);
        assert!(error.message.contains("shape '[2, 2]' is invalid"), "{}", error.message);
        let huge = guard(|| Ok(Tensor::f_zeros([1 << 50], (tch::Kind::Float, tch::Device::Cpu))?));
        assert_eq!(SdkError::from(huge.unwrap_err()).code, ErrorCode::OUT_OF_MEMORY);
    }

    #[test]
    fn other_panics_go_on() {
        let panic = catch_unwind(|| guard(|| -> Result<()> { panic!("mine") })).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"mine"));
    }
}
