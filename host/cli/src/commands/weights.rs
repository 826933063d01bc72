//! `scene3d weights`: which weight files the plugins know, where they are, whether they are the right ones.

mod fetch;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scene3d_abi::WeightSpec;
use scene3d_engine::weights::{Presence, State, choose, install, presence};
use scene3d_engine::{EngineError, Problem, Registry, StampCache, cache_dir};
use scene3d_fetch::megabytes;
use serde_json::{Value, json};

use super::plugin::registry;
use crate::exit::{EXIT_FAILURE, EXIT_SUCCESS};

pub use fetch::run as fetch;

/// Weights of a plugin.
struct Known {
    plugin: String,
    spec: WeightSpec,
}

/// Prints every weight file: licence, state, where it is or where to get it.
pub fn list(json: bool) -> Result<u8> {
    let (registry, paths) = registry()?;
    let mut rows = Vec::new();
    for known in known(&registry) {
        let found = presence(&known.spec, &paths.weights, registry.cache())?;
        if !json {
            print_row(&known, &found);
        }
        rows.push(json_row(&known, &found));
    }
    if json {
        println!("{:#}", json!({ "weights": rows, "folder": weights_folder().ok() }));
    }
    Ok(EXIT_SUCCESS)
}

fn print_row(Known { plugin, spec }: &Known, found: &Presence) {
    let size = found.size_bytes.map_or_else(|| "-".to_owned(), megabytes);
    let state = found.state.name();
    println!("{:<20} {plugin:<11} {:<16} {size:>8}  {state:<10} {}", spec.name, spec.license, place(spec, found));
}

fn place(spec: &WeightSpec, found: &Presence) -> String {
    match (&found.path, &found.sha256, &found.expected_sha256) {
        (Some(path), Some(got), Some(expected)) if found.state == State::Wrong => {
            format!("{} has sha256 {got}, expected {expected}", path.display())
        }
        (Some(path), ..) => path.display().to_string(),
        (None, ..) => format!("from {}", spec.sources.join(" or ")),
    }
}

fn json_row(Known { plugin, spec }: &Known, found: &Presence) -> Value {
    json!({
        "name": spec.name, "plugin": plugin, "license": spec.license, "file": spec.file, "sources": spec.sources,
        "state": found.state.name(), "path": found.path, "size_bytes": found.size_bytes, "sha256": found.sha256,
        "expected_sha256": found.expected_sha256,
    })
}

/// Reads each file that is here and compares its sha256; fails if one is another, or one asked for is missing.
pub fn verify(names: &[String]) -> Result<u8> {
    let (registry, paths) = registry()?;
    let known = chosen(&registry, names)?;
    let mut num_bad = 0;
    for Known { spec, .. } in &known {
        // read anew: what an earlier run found out is what is to be checked
        let found = presence(spec, &paths.weights, &StampCache::default())?;
        let is_bad = found.state == State::Wrong || (found.state == State::Missing && !names.is_empty());
        num_bad += usize::from(is_bad);
        println!("{:<10} {:<20} {}", found.state.name(), spec.name, place(spec, &found));
    }
    println!("{} weight files, {num_bad} bad", known.len());
    Ok(if num_bad == 0 { EXIT_SUCCESS } else { EXIT_FAILURE })
}

/// Copies a file into the user's weights folder, if it is the one that a plugin means.
pub fn import(file: &Path, name: Option<&str>) -> Result<u8> {
    let (registry, _) = registry()?;
    let specs: Vec<WeightSpec> = known(&registry).into_iter().map(|known| known.spec).collect();
    let spec = choose(file, name, &specs)?;
    print_license(spec);
    let home = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let installed = install(spec, file, &weights_folder()?, &home.display().to_string())?;
    if spec.sha256.is_empty() {
        println!("its publisher's sha256 is not known here: recorded the file's own");
    }
    println!("imported {} (sha256 {}) to {}", spec.name, installed.sha256, installed.path.display());
    Ok(EXIT_SUCCESS)
}

fn print_license(spec: &WeightSpec) {
    println!("{}: licence {}", spec.name, spec.license);
    if !scene3d_engine::license::is_allowed(&spec.license, &[]) {
        println!("  this licence is not permissive: a config runs these weights only with");
        println!("  allow_licenses = [{:?}] under [pipeline]", spec.license);
    }
}

/// The user's own folder of weights.
fn weights_folder() -> Result<PathBuf> {
    user_cache().map(|cache| cache.join("weights"))
}

fn user_cache() -> Result<PathBuf> {
    cache_dir().context("there is no home folder to put weights into; set SCENE3D_CACHE")
}

/// Weights of all plugins that can be described, by plugin and name.
fn known(registry: &Registry) -> Vec<Known> {
    let descriptors = registry.ids().filter_map(|id| registry.descriptor(id).ok());
    let of_plugin = |d: std::sync::Arc<scene3d_abi::Descriptor>| {
        let known = |spec: &WeightSpec| Known { plugin: d.id.clone(), spec: spec.clone() };
        d.weights.iter().map(known).collect::<Vec<_>>()
    };
    descriptors.flat_map(of_plugin).collect()
}

/// Those of these names, or all.
fn chosen(registry: &Registry, names: &[String]) -> Result<Vec<Known>> {
    let known = known(registry);
    if let Some(unknown) = names.iter().find(|name| !known.iter().any(|known| known.spec.name == **name)) {
        let all: Vec<&str> = known.iter().map(|known| known.spec.name.as_str()).collect();
        let message = format!("no plugin knows weights `{unknown}`, expected one of {}", all.join(", "));
        return Err(EngineError::from(Problem::new(scene3d_abi::ErrorCode::NOT_FOUND, message)).into());
    }
    Ok(known.into_iter().filter(|known| names.is_empty() || names.contains(&known.spec.name)).collect())
}
