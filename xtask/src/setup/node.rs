//! The Khronos glTF validator in `.deps/node`: tests of the GLB export use it, nothing else does.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::pinned::GLTF_VALIDATOR;
use super::stamp::Stamps;
use crate::command;
use crate::workspace::find_program;

const PART: &str = "node";

/// Without npm, or when its registry is out of reach, set-up goes on: the tests that need it say that they skip.
pub fn lay_out(deps: &Path, stamps: &Stamps) -> Result<()> {
    let (name, version) = GLTF_VALIDATOR;
    let node = deps.join("node");
    let manifest = node.join("node_modules").join(name).join("package.json");
    let versions = format!("{name}@{version}\n");
    if stamps.is_current(PART, &versions, std::slice::from_ref(&manifest)) {
        return Ok(());
    }
    let installed = fs::read_to_string(&manifest).unwrap_or_default();
    if !(stamps.may_adopt() && installed.contains(&format!("\"version\": \"{version}\""))) {
        let Some(npm) = find_program("npm") else {
            println!("note: npm is not on PATH, so {name} is not installed: the GLB validator test will be skipped");
            return Ok(());
        };
        if let Err(error) = install(&npm, &node, versions.trim()) {
            println!("note: {name} is not installed ({error:#}): the GLB validator test will be skipped");
            return Ok(());
        }
    }
    stamps.write(PART, &versions)?;
    println!("{name} {version} is in {} (Apache-2.0)", node.display());
    Ok(())
}

fn install(npm: &Path, node: &Path, package: &str) -> Result<()> {
    println!("fetching {package} by npm ...");
    fs::create_dir_all(node).with_context(|| format!("cannot create {}", node.display()))?;
    let mut install = Command::new(npm);
    install.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(node).arg(package);
    command::read(&mut install).map(drop)
}
