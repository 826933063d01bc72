//! What every handler shares.

use crate::config::ServiceConfig;
use crate::store::Store;

/// What every handler shares, behind an `Arc`.
pub struct App {
    /// As resolved from file and command line.
    pub config: ServiceConfig,
    /// The state.
    pub store: Store,
}
