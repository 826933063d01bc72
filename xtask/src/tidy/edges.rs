//! Layers: which crate may depend on which (`ARCHITECTURE.md`). Plugins see the SDK only, never each other or the host.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Failure;
use crate::command::{self, cargo};
use crate::workspace::Workspace;

/// Crates with an edge list of their own; others are ruled by the folder they lie in.
const EDGES: &[(&str, &[&str])] = &[
    ("scene3d-scene", &[]),
    ("scene3d-tensor", &[]),
    ("scene3d-abi", &[]),
    ("scene3d-wire", &["scene3d-scene", "scene3d-tensor"]),
    ("scene3d-sdk", &["scene3d-scene", "scene3d-tensor", "scene3d-abi", "scene3d-wire"]),
    ("scene3d-torch", &["scene3d-sdk", "scene3d-tensor"]),
    ("scene3d-kernels", &["scene3d-kernels", "scene3d-tensor", "scene3d-torch"]),
    ("scene3d-export", &["scene3d-scene"]),
    ("scene3d-eval", &["scene3d-scene"]),
    ("scene3d-monitor", &["scene3d-scene"]),
    ("scene3d-engine", &["scene3d-scene", "scene3d-tensor", "scene3d-abi", "scene3d-wire", "scene3d-export"]),
    (
        "scene3d-pipeline",
        &["scene3d-scene", "scene3d-tensor", "scene3d-abi", "scene3d-wire", "scene3d-export", "scene3d-engine"],
    ),
    (
        "scene3d-experiments",
        &[
            "scene3d-scene",
            "scene3d-tensor",
            "scene3d-wire",
            "scene3d-export",
            "scene3d-engine",
            "scene3d-pipeline",
            "scene3d-eval",
            "scene3d-monitor",
        ],
    ),
    ("scene3d-service", &["scene3d-engine", "scene3d-pipeline", "scene3d-export", "scene3d-monitor"]),
    (
        "scene3d-python",
        &["scene3d-scene", "scene3d-tensor", "scene3d-wire", "scene3d-engine", "scene3d-pipeline", "scene3d-service"],
    ),
    ("scene3d-fetch", &[]),
    ("xtask", &["scene3d-fetch"]),
];
const PLUGIN_EDGES: &[&str] = &["scene3d-sdk", "scene3d-torch", "scene3d-kernels", "scene3d-tensor"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A crate of the workspace, as `cargo metadata` describes it.
#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or none.
    kind: Option<String>,
    /// Set for crates of this workspace only.
    path: Option<String>,
}

/// Every dependency between crates of the workspace, dev-dependencies included, against the list.
pub fn check(workspace: &Workspace) -> Result<Vec<Failure>> {
    let mut metadata = cargo();
    metadata.current_dir(&workspace.root).args(["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let metadata: Metadata =
        serde_json::from_str(&command::read(&mut metadata)?).context("cannot parse cargo's metadata")?;
    let root = workspace.root.to_string_lossy().into_owned();
    Ok(metadata.packages.iter().flat_map(|package| check_package(package, &root)).collect())
}

fn check_package(package: &Package, root: &str) -> Vec<Failure> {
    let manifest = package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path).trim_start_matches('/');
    let Some(allowed) = allowed_of(&package.name, manifest) else { return Vec::new() };
    let own = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
    let forbidden =
        own.filter(|dependency| !allowed.contains(&dependency.name.as_str()) && !is_test_plugin(dependency, manifest));
    let failure = |dependency: &Dependency| {
        let message = format!(
            "{} must not depend on {}; allowed: {}. move the code, or give a new edge its reason in docs/decisions/ and \
             add it to xtask/src/tidy/edges.rs",
            package.name,
            dependency.name,
            if allowed.is_empty() { "nothing of this workspace".to_owned() } else { allowed.join(", ") }
        );
        Failure::new(manifest, line_of(&package.manifest_path, &dependency.name), message)
    };
    forbidden.map(failure).collect()
}

/// The host's own tests load plugins made for tests, or write one with the SDK; nothing else may lean on them.
fn is_test_plugin(dependency: &Dependency, manifest: &str) -> bool {
    let is_of_tests = |path: &String| path.contains("/plugins/testing/") || path.ends_with("/core/sdk");
    let is_test = dependency.path.as_ref().is_some_and(is_of_tests);
    is_test && dependency.kind.as_deref() == Some("dev") && manifest.starts_with("host/")
}

/// None: anything goes, for what stands on top (command line, benches) and for crates of tests.
fn allowed_of(name: &str, manifest: &str) -> Option<&'static [&'static str]> {
    if let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) {
        return Some(allowed);
    }
    let is_on_top = name == "scene3d" || ["tests/", "benches/"].iter().any(|folder| manifest.starts_with(folder));
    if is_on_top {
        return None;
    }
    // a crate that no list knows may depend on nothing: whoever adds it says where it belongs
    Some(if manifest.starts_with("plugins/") { PLUGIN_EDGES } else { &[] })
}

fn line_of(manifest_path: &str, dependency: &str) -> usize {
    let text = std::fs::read_to_string(Path::new(manifest_path)).unwrap_or_default();
    let is_entry = |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    text.lines().position(is_entry).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_edges(name: &str, manifest: &str, dependencies: &[&str]) -> usize {
        let dependency = |name: &&str| Dependency { name: (*name).into(), kind: None, path: Some("/w/x".into()) };
        let package = Package {
            name: name.into(),
            manifest_path: format!("/w/{manifest}"),
            dependencies: dependencies.iter().map(dependency).collect(),
        };
        check_package(&package, "/w").len()
    }

    #[test]
    fn only_listed_edges_pass() {
        assert_eq!(check_edges("scene3d-sdk", "core/sdk/Cargo.toml", &["scene3d-abi", "scene3d-wire"]), 0);
        assert_eq!(check_edges("scene3d-scene", "core/scene/Cargo.toml", &["scene3d-tensor"]), 1);
        assert_eq!(check_edges("scene3d-abi", "core/abi/Cargo.toml", &["scene3d-sdk", "scene3d-scene"]), 2);
        assert_eq!(check_edges("scene3d-engine", "host/engine/Cargo.toml", &["scene3d-sdk"]), 1);
    }

    #[test]
    fn plugins_see_the_sdk_only() {
        let manifest = "plugins/matchers/nearest/Cargo.toml";
        assert_eq!(check_edges("scene3d-nearest", manifest, &["scene3d-sdk", "scene3d-torch"]), 0);
        assert_eq!(check_edges("scene3d-nearest", manifest, &["scene3d-aliked"]), 1);
        assert_eq!(check_edges("scene3d-nearest", manifest, &["scene3d-engine"]), 1);
    }

    #[test]
    fn tests_and_the_command_line_stand_on_top_and_new_crates_must_be_listed() {
        assert_eq!(check_edges("scene3d-tests", "tests/Cargo.toml", &["scene3d-aliked", "scene3d-engine"]), 0);
        assert_eq!(check_edges("scene3d", "host/cli/Cargo.toml", &["scene3d-pipeline"]), 0);
        assert_eq!(check_edges("scene3d-new", "host/new/Cargo.toml", &["scene3d-scene"]), 1);
    }

    #[test]
    fn only_tests_of_the_host_load_the_plugins_made_for_tests() {
        let check = |manifest: &str, kind: Option<&str>| {
            let path = Some("/w/plugins/testing/hostile".into());
            let hostile = Dependency { name: "scene3d-hostile".into(), kind: kind.map(str::to_owned), path };
            let manifest_path = format!("/w/{manifest}");
            let package = Package { name: "scene3d-engine".into(), manifest_path, dependencies: vec![hostile] };
            check_package(&package, "/w").len()
        };
        assert_eq!(check("host/engine/Cargo.toml", Some("dev")), 0);
        assert_eq!(check("host/engine/Cargo.toml", None), 1);
        assert_eq!(check("plugins/x/y/Cargo.toml", Some("dev")), 1);
    }

    #[test]
    fn dependencies_from_outside_are_no_edges() {
        let outside = Dependency { name: "serde".into(), kind: None, path: None };
        let package = Package {
            name: "scene3d-abi".into(),
            manifest_path: "/w/core/abi/Cargo.toml".into(),
            dependencies: vec![outside],
        };
        assert!(check_package(&package, "/w").is_empty());
    }
}
