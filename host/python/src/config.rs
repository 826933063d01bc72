//! Configs as Python gives them: the path of a file, or a dict in its layout.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use scene3d_engine::{EngineError, ErrorCode, RawConfig};
use serde_json::Value;

use crate::failure::Failure;

/// A config that was read, and what it is called.
pub(crate) struct NamedConfig {
    pub raw: RawConfig,
    pub name: String,
}

/// The environment's `SCENE3D_SET_...` and then `set` are applied, the later the stronger.
pub(crate) fn read(config: &Bound<'_, PyAny>, set: &[String]) -> PyResult<NamedConfig> {
    if let Ok(path) = config.extract::<PathBuf>() {
        return Ok(of_file(&path, set)?);
    }
    let text: String = config.py().import("json")?.getattr("dumps")?.call1((config,))?.extract()?;
    Ok(of_json(&text, set)?)
}

fn of_file(path: &Path, set: &[String]) -> Result<NamedConfig, Failure> {
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(NamedConfig { raw: RawConfig::load(path, set)?, name })
}

fn of_json(text: &str, set: &[String]) -> Result<NamedConfig, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let help = "write it as the file would be: tables of text, numbers, booleans and lists";
        Failure::new(ErrorCode::INVALID_CONFIG, format!("the config can't be written as TOML: {error}"), help)
    };
    let value: Value = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    let toml = toml::to_string(&value).map_err(|error| unreadable(&error))?;
    let name = "config".to_owned();
    let mut raw = RawConfig::parse(&toml, &name).map_err(EngineError::from)?;
    raw.apply_environment(std::env::vars()).map_err(EngineError::from)?;
    set.iter().try_for_each(|assignment| raw.set(assignment)).map_err(EngineError::from)?;
    Ok(NamedConfig { raw, name })
}
