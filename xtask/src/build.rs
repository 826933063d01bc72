//! `cargo xtask build`: set-up, the page, the host, and every plugin as a library that exports its symbol.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::frontend;
use crate::plugins::{self, Plugin};
use crate::setup;
use crate::workspace::Workspace;

/// Builds and stages everything.
pub fn run(workspace: &Workspace) -> Result<()> {
    setup::run(workspace, &setup::Options::default())?;
    let has_page = frontend::build(workspace)?;
    let mut host = cargo();
    host.current_dir(&workspace.root).args(["build", "--release", "--package", "scene3d"]);
    if has_page {
        host.args(["--features", "page"]);
    }
    command::run(&mut host)?;
    let plugins = plugins::find(workspace)?;
    build_plugins(workspace, &plugins)?;
    let release_dir = workspace.release_dir();
    plugins.iter().try_for_each(|plugin| plugins::stage(plugin, &release_dir))?;
    let ids: Vec<&str> = plugins.iter().map(|plugin| plugin.id.as_str()).collect();
    println!("staged {} plugins in {}: {}", ids.len(), release_dir.join("plugins").display(), ids.join(", "));
    Ok(())
}

/// On its own, because cargo unites the features of one invocation, and two exports in one binary clash.
fn build_plugins(workspace: &Workspace, plugins: &[Plugin]) -> Result<()> {
    if plugins.is_empty() {
        return Ok(());
    }
    let mut build = cargo();
    build.current_dir(&workspace.root).args(["build", "--release", "--lib"]);
    plugins.iter().for_each(|plugin| {
        build.args(["--package", &plugin.package, "--features", &format!("{}/export", plugin.package)]);
    });
    command::run(&mut build)
}
