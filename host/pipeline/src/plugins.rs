//! What the runs of one process share: the plugins, and instances that one run leaves to the next.

use std::sync::Arc;

use scene3d_engine::Registry;

use crate::warm_instances::WarmInstances;

/// What runs share.
#[derive(Debug, Default)]
pub struct Plugins {
    /// The plugins that configs are negotiated with.
    pub registry: Arc<Registry>,
    /// Instances of extractors and matchers with their weights loaded.
    pub warm: WarmInstances,
}

impl Plugins {
    /// For a process that makes one run.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self { registry: Arc::new(registry), warm: WarmInstances::default() }
    }

    /// For a process that makes one run after the other: the instances of the last `max_stages` stages are kept.
    #[must_use]
    pub fn keeping(registry: Registry, max_stages: usize) -> Self {
        Self { registry: Arc::new(registry), warm: WarmInstances::of_stages(max_stages) }
    }
}
