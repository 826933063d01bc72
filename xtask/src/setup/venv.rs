//! pycolmap in a private environment, `.deps/venv`: the mapper plugin runs COLMAP there, in a child process. Beside it,
//! for tests, a reader of point clouds.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::cache;
use super::fetch;
use super::pinned::{PYCOLMAP, TRIMESH};
use super::pip::Pip;
use super::stamp::Stamps;

const PART: &str = "venv";

/// Makes `.deps/venv` with pycolmap, numpy and trimesh; one that was made by hand is taken if they are in it.
pub fn lay_out(deps: &Path, stamps: &Stamps) -> Result<()> {
    let venv = deps.join("venv");
    let requirements = [PYCOLMAP, &[TRIMESH]].concat();
    let versions = format!("{}\n", requirements.join(" "));
    if stamps.is_current(PART, &versions, &[venv.join("bin/python")]) {
        return Ok(());
    }
    let pip = Pip::of_venv(&venv)?;
    if !(stamps.may_adopt() && has_all(&venv)) {
        install(&requirements, &pip)?;
    }
    stamps.write(PART, &versions)?;
    println!("pycolmap 4.2.1 is in {} (BSD-3-Clause)", venv.display());
    Ok(())
}

fn install(requirements: &[&str], pip: &Pip) -> Result<()> {
    let cache = cache()?;
    let located = pip.locate_all(requirements)?;
    let wheels = located.iter().map(|wheel| fetch::resolved_wheel(wheel, pip, &cache));
    pip.install_files(&wheels.collect::<Result<Vec<_>>>()?)
}

fn has_all(venv: &Path) -> bool {
    let files = ["pycolmap-4.2.1.dist-info/RECORD", "trimesh-5.2.0.dist-info/RECORD", "numpy/__init__.py"];
    let lib = fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
    lib.map(|python| python.path().join("site-packages"))
        .any(|packages| files.iter().all(|file| packages.join(file).is_file()))
}
