//! The Python that set-up uses: to ask package indexes by pip, and to run COLMAP in `.deps/venv`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::workspace::find_program;

/// pycolmap 4.2.1 has wheels for these; 3.11 first because it is the one tested.
const NAMES: &[&str] = &["python3.11", "python3.14", "python3.13", "python3.12", "python3.10", "python3"];

/// `$SCENE3D_PYTHON`, else the first of the known names that starts.
pub fn find() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("SCENE3D_PYTHON").filter(|chosen| !chosen.is_empty()) {
        return Ok(chosen.into());
    }
    let mut programs = NAMES.iter().filter_map(|name| find_program(name));
    programs.find(|program| starts(program)).context(
        "no Python found; expected python3.11 (or 3.10 to 3.14) on PATH: install it, or name it in SCENE3D_PYTHON",
    )
}

/// The venv's own Python, made if it is missing or no longer starts (its base Python moved).
pub fn ensure_venv(venv: &Path) -> Result<PathBuf> {
    let python = venv.join("bin/python");
    if starts(&python) {
        return Ok(python);
    }
    let base = find()?;
    println!("creating a private Python environment in {}", venv.display());
    let mut create = Command::new(&base);
    create.args(["-m", "venv", "--clear"]).arg(venv);
    command::read(&mut create).context("on Debian and Ubuntu, `apt-get install python3-venv` may be missing")?;
    if !starts(&python) {
        bail!("{} was created but does not start", python.display());
    }
    Ok(python)
}

/// Version managers leave launchers on PATH that refuse to start: asking is the only way to know.
fn starts(python: &Path) -> bool {
    command::read(Command::new(python).args(["-c", "import sys; assert sys.version_info >= (3, 10)"])).is_ok()
}
