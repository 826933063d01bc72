//! `cargo xtask frontend`: the page is generated, type-checked, linted, tested, built into `frontend/dist`, and weighed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::setup::{self, npm_packages_of_page};
use crate::workspace::Workspace;

/// What stands before a build: where the page does not fit the document of the API, its types fail.
const CHECKS: [&str; 4] = ["generate", "types", "lint", "test"];

/// Checks, builds and weighs the page; needs Node.
pub fn run(workspace: &Workspace, renew_api: bool) -> Result<()> {
    let folder = folder(workspace);
    if !npm_packages_of_page(workspace)? {
        bail!("the page needs Node and npm: install them (the versions are in frontend/package.json) and try again");
    }
    if renew_api {
        renew(workspace)?;
    }
    check(workspace)?;
    build_and_weigh(&folder)
}

/// Checks the page if its packages are in place, as set-up says.
pub fn check(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    if is_set_up(&folder) { CHECKS.iter().try_for_each(|script| npm_run(&folder, script)) } else { Ok(()) }
}

/// Builds the page if there is Node; says whether it is there to be embedded.
pub fn build(workspace: &Workspace) -> Result<bool> {
    let folder = folder(workspace);
    if !is_set_up(&folder) {
        println!("note: without the page's packages it is not built: `scene3d serve` has no page");
        return Ok(false);
    }
    npm_run(&folder, "generate")?;
    build_and_weigh(&folder)?;
    Ok(true)
}

fn build_and_weigh(folder: &Path) -> Result<()> {
    ["build", "size", "compress"].iter().try_for_each(|script| npm_run(folder, script))
}

/// Writes the document of the API as it is now.
fn renew(workspace: &Workspace) -> Result<()> {
    setup::run(workspace, &setup::Options::default())?;
    let mut print = command::cargo();
    print.current_dir(&workspace.root).args(["run", "--release", "--package", "scene3d", "--", "openapi"]);
    let document = command::read(&mut print)?;
    let file = folder(workspace).join("openapi.json");
    fs::write(&file, document).with_context(|| format!("cannot write {}", file.display()))
}

fn npm_run(folder: &Path, script: &str) -> Result<()> {
    command::run(Command::new("npm").current_dir(folder).args(["run", "--silent", script]))
}

fn is_set_up(folder: &Path) -> bool {
    folder.join("node_modules/vite").is_dir()
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("frontend")
}
