//! How often a plugin panicked, over all its instances, and when that is too often.

use std::sync::{Mutex, PoisonError};

/// After this many panics a plugin gets no further calls in this process.
pub const MAX_PANICS: u32 = 3;

/// Panics of one plugin, shared by its instances.
#[derive(Debug, Default)]
pub struct PluginHealth(Mutex<Panics>);

#[derive(Debug, Default)]
struct Panics {
    num: u32,
    last: String,
}

impl PluginHealth {
    /// Why the plugin is disabled, if it is; readiness shows this.
    #[must_use]
    pub fn disabled_reason(&self) -> Option<String> {
        let panics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (panics.num >= MAX_PANICS).then(|| format!("disabled after {} panics, the last: {}", panics.num, panics.last))
    }

    pub(crate) fn count_panic(&self, message: &str) {
        let mut panics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        panics.num += 1;
        message.clone_into(&mut panics.last);
    }
}
