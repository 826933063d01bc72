//! What can be wrong with named tensors.

use scene3d_tensor::TensorError;

/// A named tensor is missing or not what its name promises.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// No tensor of that name.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// The tensor is not as declared.
    #[error("tensor `{name}`: {source}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        source: TensorError,
    },
    /// Text or numbers that contradict each other.
    #[error("tensor `{name}`: {reason}")]
    Content {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl WireError {
    pub(crate) fn content(name: &str, reason: impl Into<String>) -> Self {
        Self::Content { name: name.to_owned(), reason: reason.into() }
    }

    pub(crate) fn tensor(name: &str) -> impl FnOnce(TensorError) -> Self {
        move |source| Self::Tensor { name: name.to_owned(), source }
    }
}
