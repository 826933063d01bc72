//! `cargo xtask python`: everything is built, then the wheel of `host/python`, which is installed in `.deps/wheel` and beside Ray.
//! Tests: of the wheel with the staged plugins (unit tests, the examples of `docs/python.md`, the types), and of the application
//! of `deploy/ray`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::command;
use crate::workspace::Workspace;

/// Fails if a test fails.
pub fn run(workspace: &Workspace) -> Result<()> {
    build::run(workspace)?;
    let (venv, ray) = (workspace.deps().join("wheel"), workspace.deps().join("ray"));
    if !venv.join("bin/maturin").is_file() {
        bail!("{} is not complete: `cargo xtask setup` says why", venv.display());
    }
    let wheel = build_wheel(workspace, &venv)?;
    install(&wheel, &venv)?;
    test(workspace, &venv)?;
    println!("tested {}", wheel.display());
    if !ray.join("bin/python").is_file() {
        println!("skipped deploy/ray: {} is not laid out (cargo xtask setup)", ray.display());
        return Ok(());
    }
    // tests of clusters find it there
    install(&wheel, &ray)?;
    test_application(workspace, &ray)
}

fn build_wheel(workspace: &Workspace, venv: &Path) -> Result<PathBuf> {
    let wheels = workspace.release_dir().join("wheels");
    // what an earlier version left would be taken for this one's
    fs::remove_dir_all(&wheels).or_else(|error| if wheels.exists() { Err(error) } else { Ok(()) })?;
    let mut maturin = command::builder(venv.join("bin/maturin"));
    maturin.current_dir(workspace.root.join("host/python")).args(["build", "--release", "--out"]).arg(&wheels);
    maturin.arg("--interpreter").arg(venv.join("bin/python"));
    // its own environment is told by `--interpreter`
    maturin.env_remove("CONDA_PREFIX").env_remove("VIRTUAL_ENV");
    command::run(&mut maturin)?;
    let built = fs::read_dir(&wheels).with_context(|| format!("cannot list {}", wheels.display()))?;
    let built = built.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "whl"));
    built.with_context(|| format!("maturin left no wheel in {}", wheels.display()))
}

fn install(wheel: &Path, venv: &Path) -> Result<()> {
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--force-reinstall"]);
    command::run(pip.arg(wheel))
}

fn test(workspace: &Workspace, venv: &Path) -> Result<()> {
    let (release, deps) = (workspace.release_dir(), workspace.deps());
    let mut tests = Command::new(venv.join("bin/python"));
    tests.current_dir(workspace.root.join("host/python/tests"));
    tests.args(["-X", "faulthandler", "-m", "unittest", "discover", "--verbose"]);
    tests.env("SCENE3D_PLUGIN_PATH", release.join("plugins")).env("SCENE3D_WEIGHTS", deps.join("weights"));
    tests.env("SCENE3D_PYCOLMAP_PYTHON", deps.join("venv/bin/python")).env("SCENE3D_PROGRAM", release.join("scene3d"));
    command::run(&mut tests)
}

fn test_application(workspace: &Workspace, venv: &Path) -> Result<()> {
    let mut tests = Command::new(venv.join("bin/python"));
    tests.current_dir(workspace.root.join("deploy/ray"));
    tests.args(["-B", "-m", "unittest", "discover", "--verbose", "--start-directory", "tests"]);
    command::run(&mut tests)
}
