//! Registered models: a version is artifacts of a run, an alias says which version holds.

use super::ids::{RunId, VersionId};
use super::limits::{self, MAX_TAG_CHARS};
use super::record::What;

/// Artifacts of a run that become a version of a model, under aliases.
#[derive(Debug, Clone)]
pub struct Promotion {
    /// Name of the model; made on the server where it is missing.
    pub model: String,
    /// The run; must be one of the same spool.
    pub run: RunId,
    /// Path of its artifacts in the run, e.g. `config`.
    pub path_in_run: String,
    /// Aliases that mean the new version from now on, e.g. `champion`.
    pub aliases: Vec<String>,
    /// Words about the version, e.g. why it was chosen.
    pub tags: Vec<(String, String)>,
}

impl Promotion {
    pub(super) fn records(&self, version: &VersionId) -> Vec<What> {
        let model = limits::name(&self.model);
        let tag = |(key, value): &(String, String)| (limits::key(key), limits::value(value, MAX_TAG_CHARS));
        let registered = What::ModelVersion {
            model: model.clone(),
            version: version.clone(),
            run: self.run.clone(),
            path: limits::key(&self.path_in_run),
            tags: self.tags.iter().map(tag).collect(),
        };
        let alias = |alias: &String| What::Alias {
            model: model.clone(),
            alias: limits::alias(alias),
            version: version.clone(),
        };
        std::iter::once(registered).chain(self.aliases.iter().map(alias)).collect()
    }
}
