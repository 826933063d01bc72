//! npm packages in `.deps/node`: tests of the GLB export and of resumable uploads use them, nothing else does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::pinned::NODE_PACKAGES;
use super::stamp::Stamps;
use crate::command;
use crate::workspace::find_program;

const PART: &str = "node";

/// Without npm, or when its registry is out of reach, set-up goes on: the tests that need it say that they skip.
pub fn lay_out(deps: &Path, stamps: &Stamps) -> Result<()> {
    let node = deps.join("node");
    let manifests = NODE_PACKAGES.map(|(name, _)| node.join("node_modules").join(name).join("package.json"));
    let versions = NODE_PACKAGES.map(|(name, version)| format!("{name}@{version}"));
    let stamp = versions.join("\n") + "\n";
    if stamps.is_current(PART, &stamp, &manifests) {
        return Ok(());
    }
    if !(stamps.may_adopt() && are_installed(&manifests)) {
        let names = NODE_PACKAGES.map(|(name, _)| name).join(" and ");
        let Some(npm) = find_program("npm") else {
            println!("note: npm is not on PATH, so {names} are not installed: tests that use them will be skipped");
            return Ok(());
        };
        if let Err(error) = install(&npm, &node, &versions) {
            println!("note: {names} are not installed ({error:#}): tests that use them will be skipped");
            return Ok(());
        }
    }
    stamps.write(PART, &stamp)?;
    println!("{} are in {}", versions.join(" and "), node.display());
    Ok(())
}

fn are_installed(manifests: &[PathBuf]) -> bool {
    let is_installed = |(manifest, (_, version)): (&PathBuf, (&str, &str))| {
        fs::read_to_string(manifest).is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")))
    };
    manifests.iter().zip(NODE_PACKAGES).all(is_installed)
}

fn install(npm: &Path, node: &Path, packages: &[String]) -> Result<()> {
    println!("fetching {} by npm ...", packages.join(" and "));
    fs::create_dir_all(node).with_context(|| format!("cannot create {}", node.display()))?;
    let mut install = Command::new(npm);
    install.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(node).args(packages);
    command::read(&mut install).map(drop)
}
