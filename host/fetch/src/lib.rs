//! Files from outside: downloads by curl that go on where they stopped, Python package indexes, sha256.
//!
//! The one place that talks to the network: set-up of a checkout and `scene3d weights fetch` both stand on it.

mod archive;
mod curl;
mod download;
mod error;
mod lock;
mod network;
mod progress;
mod pypi;
pub mod sha256;
mod source;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use archive::extract;
pub use download::{Download, cached, download};
pub use error::{FetchError, Result};
pub use lock::lock;
pub use network::Network;
pub use progress::{Progress, megabytes};
pub use pypi::{Located, PypiSource};
pub use source::{Wanted, fetch_first};
