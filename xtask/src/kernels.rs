//! `cargo xtask kernels`: compiles the device code for every architecture, and reports registers, memory and spills.

use anyhow::Result;

use crate::command::{self, cargo};
use crate::setup;
use crate::workspace::Workspace;

/// Fetches the compiler once, then builds; a kernel that does not compile, or spills registers, fails.
pub fn run(workspace: &Workspace) -> Result<()> {
    setup::device_tools(workspace)?;
    let mut report = cargo();
    report.current_dir(&workspace.root);
    command::run(report.args(["run", "--release", "--quiet", "--package", "scene3d-kernels", "--example", "report"]))
}
