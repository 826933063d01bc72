//! `scene3d weights`: which weight files the plugins know, where they are, and importing one by hand.

use std::path::Path;

use anyhow::{Context, Result, bail};
use scene3d_abi::WeightSpec;
use scene3d_engine::{EngineError, Registry, cache_dir, weights};

use super::plugin::registry;

use crate::exit::EXIT_SUCCESS;

/// Prints every weight file: where it is, or where to get it.
pub fn list() -> Result<u8> {
    let (registry, paths) = registry()?;
    for (plugin, spec) in specs(&registry) {
        let found = weights::find(&spec, &paths.weights, registry.cache());
        let state = match &found {
            Ok(file) => file.path.display().to_string(),
            Err(_) => format!("not here; from {}", spec.sources.join(" or ")),
        };
        println!("{:<18} {:<11} {:<13} {state}", spec.name, plugin, spec.license);
    }
    Ok(EXIT_SUCCESS)
}

/// Copies a file into the user's weights folder and checks it there.
pub fn import(name: &str, file: &Path) -> Result<u8> {
    let (registry, _) = registry()?;
    let known = specs(&registry);
    let Some((_, spec)) = known.iter().find(|(_, spec)| spec.name == name) else {
        let names: Vec<&str> = known.iter().map(|(_, spec)| spec.name.as_str()).collect();
        bail!("no plugin knows weights `{name}`, expected one of {}", names.join(", "));
    };
    let folder = cache_dir().context("there is no home folder to put weights into; set SCENE3D_CACHE")?.join("weights");
    // checked beside its target, so that a wrong file never stands where plugins look
    let staging = folder.join(".importing");
    std::fs::create_dir_all(&staging).with_context(|| format!("can't make {}", staging.display()))?;
    let staged = staging.join(&spec.file);
    std::fs::copy(file, &staged).with_context(|| format!("can't copy {} to {}", file.display(), staged.display()))?;
    let checked = weights::find(spec, std::slice::from_ref(&staging), registry.cache());
    let weight = checked.map_err(EngineError::from).inspect_err(|_| drop(std::fs::remove_file(&staged)))?;
    let target = folder.join(&spec.file);
    std::fs::rename(&staged, &target).with_context(|| format!("can't write {}", target.display()))?;
    println!("imported {name} ({}, sha256 {}) to {}", weight.license, weight.sha256, target.display());
    Ok(EXIT_SUCCESS)
}

/// Weights of all plugins that can be described, with the plugin's id, by name.
fn specs(registry: &Registry) -> Vec<(String, WeightSpec)> {
    let descriptors = registry.ids().filter_map(|id| registry.descriptor(id).ok());
    descriptors.flat_map(|d| d.weights.iter().map(|spec| (d.id.clone(), spec.clone())).collect::<Vec<_>>()).collect()
}
