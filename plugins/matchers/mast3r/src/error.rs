//! Why a MASt3R network could not be made or fed.

use scene3d_sdk::SdkError;
use scene3d_torch::TorchError;

/// Result of this crate.
pub type Result<T, E = Mast3rError> = std::result::Result<T, E>;

/// Why a MASt3R network could not be made or fed.
#[derive(Debug, thiserror::Error)]
pub enum Mast3rError {
    /// The checkpoint's model string can't be read.
    #[error("can't read the model string at character {at}: {problem}; the string: {text}")]
    Syntax {
        /// Offset in characters.
        at: usize,
        /// What was expected and what is there.
        problem: String,
        /// The whole string.
        text: String,
    },
    /// The model string names a network that this crate doesn't have.
    #[error("the model string has {key} = {got}, supported: {supported}")]
    Unsupported {
        /// The keyword.
        key: String,
        /// Its value.
        got: String,
        /// What would do.
        supported: String,
    },
    /// The weights don't tell their network.
    #[error("{0}")]
    UnknownArchitecture(String),
    /// Tensors are missing or have other shapes.
    #[error("weights don't fit the network: {0}")]
    Mismatch(String),
    /// An image can't be matched.
    #[error("{0}")]
    Image(String),
    /// The host asked to stop.
    #[error(transparent)]
    Host(#[from] SdkError),
    /// Torch refused an operation, or weights can't be read.
    #[error(transparent)]
    Torch(#[from] TorchError),
}

impl From<Mast3rError> for SdkError {
    fn from(error: Mast3rError) -> Self {
        let message = error.to_string();
        match error {
            Mast3rError::Syntax { .. } => Self::incompatible(message).help("import the official checkpoint"),
            Mast3rError::Unsupported { .. } => Self::unsupported(message),
            Mast3rError::UnknownArchitecture(_) | Mast3rError::Mismatch(_) => {
                Self::incompatible(message).help("these are the weights of another model: check the file")
            }
            Mast3rError::Image(_) => Self::invalid_input(message),
            Mast3rError::Host(error) => error,
            Mast3rError::Torch(error) => error.into(),
        }
    }
}
