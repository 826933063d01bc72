//! Schemathesis in `.deps/schemathesis`, a private Python environment of its own: a test of the service's API runs it, nothing
//! else does.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::pinned::SCHEMATHESIS;
use super::pip::Pip;
use super::stamp::Stamps;
use super::{cache, fetch};

const PART: &str = "schemathesis";

/// Where the package index is out of reach, set-up goes on: the test that needs it says that it skips.
pub fn lay_out(deps: &Path, stamps: &Stamps) -> Result<()> {
    let venv = deps.join(PART);
    let versions = format!("{SCHEMATHESIS}\n");
    if stamps.is_current(PART, &versions, &[venv.join("bin/schemathesis")]) {
        return Ok(());
    }
    if !(stamps.may_adopt() && has_it(&venv))
        && let Err(error) = install(&venv)
    {
        println!("note: {SCHEMATHESIS} is not installed ({error:#}): the test of the API by it will be skipped");
        return Ok(());
    }
    stamps.write(PART, &versions)?;
    println!("{SCHEMATHESIS} is in {} (MIT)", venv.display());
    Ok(())
}

fn install(venv: &Path) -> Result<()> {
    let (pip, cache) = (Pip::of_venv(venv)?, cache()?);
    let located = pip.locate_all(&[SCHEMATHESIS])?;
    let wheels = located.iter().map(|wheel| fetch::resolved_wheel(wheel, &pip, &cache));
    pip.install_files(&wheels.collect::<Result<Vec<_>>>()?)
}

fn has_it(venv: &Path) -> bool {
    let record = format!("{}.dist-info/RECORD", SCHEMATHESIS.replace("==", "-"));
    let lib = fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
    lib.map(|python| python.path().join("site-packages")).any(|packages| packages.join(&record).is_file())
}
