//! The pipelines that are compared: by name, with what an experiment changes in them.

use scene3d_engine::{EngineError, Negotiated, RawConfig, Registry, SearchPaths, negotiate};
use scene3d_pipeline::Plugins;

use crate::ExperimentError;
use crate::params::ConfigParams;
use crate::project::Project;

/// A config by its name.
pub(crate) fn named<'a>(project: &'a Project, name: &str) -> Result<&'a ConfigParams, ExperimentError> {
    let configs = &project.params.configs;
    let unknown = || ExperimentError::UnknownConfig {
        name: name.to_owned(),
        known: configs.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
    };
    configs.get(name).ok_or_else(unknown)
}

/// A config as it is run, with more values changed.
pub(crate) fn load(project: &Project, name: &str, more: &[String]) -> Result<RawConfig, ExperimentError> {
    let config = named(project, name)?;
    let assignments = [config.set.as_slice(), more].concat();
    Ok(RawConfig::load(&project.path(&config.file), &assignments)?)
}

/// The plugins that a config asks for; instances are kept from run to run.
pub(crate) fn plugins(raw: &RawConfig) -> Plugins {
    /// An extractor and a matcher of two entries.
    const NUM_STAGES: usize = 4;
    Plugins::keeping(Registry::discover(&SearchPaths::new(raw)), NUM_STAGES)
}

/// The config with every value, checked.
pub(crate) fn checked(raw: &RawConfig, plugins: &Plugins) -> Result<Negotiated, ExperimentError> {
    let weights = SearchPaths::new(raw).weights;
    Ok(negotiate(raw, &plugins.registry, &weights).map_err(EngineError::from)?)
}
