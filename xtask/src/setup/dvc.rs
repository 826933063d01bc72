//! DVC in `.deps/dvc`, a private Python environment of its own: the test of the evaluation pipeline runs it, and so may whoever
//! runs experiments from a checkout.

use std::path::Path;

use anyhow::Result;

use super::pip::{Pip, has_packages};
use super::stamp::Stamps;
use super::{cache, fetch};

const PART: &str = "dvc";

/// Everything, pinned.
const REQUIREMENTS: &str = include_str!("dvc-requirements.txt");

/// Where the package index is out of reach, set-up goes on: the test that needs it says that it skips.
pub fn lay_out(deps: &Path, stamps: &Stamps) -> Result<()> {
    let venv = deps.join(PART);
    if stamps.is_current(PART, REQUIREMENTS, &[venv.join("bin/dvc")]) {
        return Ok(());
    }
    if !(stamps.may_adopt() && has_all(&venv))
        && let Err(error) = install(&venv)
    {
        println!("note: DVC is not installed ({error:#}): the test of the evaluation pipeline by it will be skipped");
        return Ok(());
    }
    stamps.write(PART, REQUIREMENTS)?;
    println!("DVC is in {} (Apache-2.0)", venv.display());
    Ok(())
}

fn install(venv: &Path) -> Result<()> {
    let (pip, cache) = (Pip::of_venv(venv)?, cache()?);
    let located = pip.locate_each(&requirements())?;
    let wheels = located.iter().map(|wheel| fetch::resolved_wheel(wheel, &pip, &cache));
    pip.install_files(&wheels.collect::<Result<Vec<_>>>()?)
}

/// One that was made by hand is taken if every package has the pinned version.
fn has_all(venv: &Path) -> bool {
    venv.join("bin/dvc").is_file() && has_packages(venv, &requirements())
}

fn requirements() -> Vec<&'static str> {
    REQUIREMENTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_requirement_is_pinned() {
        let requirements = requirements();
        assert!(requirements.contains(&"dvc==3.67.1"));
        assert!(requirements.iter().all(|requirement| requirement.split("==").count() == 2), "{requirements:?}");
    }

    #[test]
    fn an_environment_is_adopted_with_all_its_packages_only() {
        let venv = tempfile::tempdir().unwrap();
        let packages = venv.path().join("lib/python3.11/site-packages");
        fs::create_dir_all(venv.path().join("bin")).unwrap();
        fs::write(venv.path().join("bin/dvc"), "").unwrap();
        for requirement in requirements() {
            fs::create_dir_all(packages.join(format!("{}.dist-info", requirement.replace("==", "-")))).unwrap();
        }
        assert!(has_all(venv.path()));
        fs::remove_dir_all(packages.join("dvc-3.67.1.dist-info")).unwrap();
        assert!(!has_all(venv.path()));
    }
}
