//! MLflow's server in `.deps/mlflow`, a private Python environment of its own: tests of tracking run it.

use std::path::Path;

use anyhow::Result;

use super::pip::{Pip, has_packages};
use super::stamp::Stamps;
use super::{cache, fetch};

const PART: &str = "mlflow";

/// Everything, pinned; `mlflow-skinny` with what its server needs, a third of the size of `mlflow`.
const REQUIREMENTS: &str = include_str!("mlflow-requirements.txt");

/// Where the package index is out of reach, set-up goes on: the tests that need it say that they skip.
pub fn lay_out(deps: &Path, stamps: &Stamps) -> Result<()> {
    let venv = deps.join(PART);
    if stamps.is_current(PART, REQUIREMENTS, &[venv.join("bin/mlflow")]) {
        return Ok(());
    }
    if !(stamps.may_adopt() && has_all(&venv))
        && let Err(error) = install(&venv)
    {
        println!("note: MLflow is not installed ({error:#}): the tests of tracking by it will be skipped");
        return Ok(());
    }
    stamps.write(PART, REQUIREMENTS)?;
    println!("{} is in {} (Apache-2.0)", mlflow(), venv.display());
    Ok(())
}

fn install(venv: &Path) -> Result<()> {
    let (pip, cache) = (Pip::of_venv(venv)?, cache()?);
    let located = pip.locate_all(&requirements())?;
    let wheels = located.iter().map(|wheel| fetch::resolved_wheel(wheel, &pip, &cache));
    pip.install_files(&wheels.collect::<Result<Vec<_>>>()?)
}

/// One that was made by hand is taken if every package has the pinned version.
fn has_all(venv: &Path) -> bool {
    venv.join("bin/mlflow").is_file() && has_packages(venv, &requirements())
}

fn requirements() -> Vec<&'static str> {
    REQUIREMENTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

fn mlflow() -> &'static str {
    requirements().into_iter().find(|requirement| requirement.starts_with("mlflow-skinny==")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned() {
        assert_eq!(mlflow(), "mlflow-skinny==3.17.2");
        assert!(requirements().iter().all(|requirement| requirement.split("==").count() == 2));
    }
}
