//! `cargo xtask deploy-check`: everything in `deploy/` and the workflows, without an engine of containers and without Grafana.

use std::process::Command;

use anyhow::Result;

use crate::command;
use crate::setup;
use crate::workspace::Workspace;

/// Lays out what it needs, then checks; `deploy/check/all.sh` is the list.
pub fn run(workspace: &Workspace) -> Result<()> {
    setup::stack_tools(workspace)?;
    command::run(&mut Command::new(workspace.root.join("deploy/check/all.sh")))
}
