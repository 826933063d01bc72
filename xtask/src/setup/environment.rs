//! A tool in a private Python environment of its own, `.deps/NAME`: tests run it, and whoever works in a checkout may.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::pip::{Pip, has_packages};
use super::stamp::Stamps;
use super::{cache, fetch};

/// A tool of Python.
#[derive(Debug)]
pub struct Tool {
    /// Name of the folder and of the program.
    name: &'static str,
    /// What people call it, and its licence.
    title: &'static str,
    /// Everything, pinned; made by `pip freeze`.
    requirements: &'static str,
    /// Which tests skip without it.
    skipped: &'static str,
}

/// Runs the stages of experiments.
pub const DVC: Tool = Tool {
    name: "dvc",
    title: "DVC (Apache-2.0)",
    requirements: include_str!("dvc-requirements.txt"),
    skipped: "the test of the evaluation pipeline by it",
};

/// Where runs are tracked: `mlflow-skinny` with what its server needs, a third of the size of `mlflow`.
pub const MLFLOW: Tool = Tool {
    name: "mlflow",
    title: "MLflow's server (Apache-2.0)",
    requirements: include_str!("mlflow-requirements.txt"),
    skipped: "the tests of tracking by it",
};

/// Runs jobs on many machines.
pub const RAY: Tool = Tool {
    name: "ray",
    title: "Ray with Serve (Apache-2.0)",
    requirements: include_str!("ray-requirements.txt"),
    skipped: "the tests of clusters",
};

impl Tool {
    /// Where the package index is out of reach, set-up goes on: the tests that need it say that they skip.
    pub fn lay_out(&self, deps: &Path, stamps: &Stamps) -> Result<()> {
        let venv = deps.join(self.name);
        if stamps.is_current(self.name, self.requirements, &[self.program(&venv)]) {
            return Ok(());
        }
        if !(stamps.may_adopt() && self.has_all(&venv))
            && let Err(error) = self.install(&venv)
        {
            println!("note: {} is not installed ({error:#}): {} will be skipped", self.title, self.skipped);
            return Ok(());
        }
        stamps.write(self.name, self.requirements)?;
        println!("{} is in {}", self.title, venv.display());
        Ok(())
    }

    fn install(&self, venv: &Path) -> Result<()> {
        let (pip, cache) = (Pip::of_venv(venv)?, cache()?);
        let located = pip.locate_each(&self.requirements())?;
        let wheels = located.iter().map(|wheel| fetch::resolved_wheel(wheel, &pip, &cache));
        pip.install_files(&wheels.collect::<Result<Vec<_>>>()?)
    }

    /// One that was made by hand is taken if every package has the pinned version.
    fn has_all(&self, venv: &Path) -> bool {
        self.program(venv).is_file() && has_packages(venv, &self.requirements())
    }

    fn program(&self, venv: &Path) -> PathBuf {
        venv.join("bin").join(self.name)
    }

    fn requirements(&self) -> Vec<&'static str> {
        self.requirements.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_requirement_is_pinned() {
        for (tool, pinned) in [(DVC, "dvc==3.67.1"), (MLFLOW, "mlflow-skinny==3.17.2"), (RAY, "ray==2.60.0")] {
            let requirements = tool.requirements();
            assert!(requirements.contains(&pinned));
            assert!(requirements.iter().all(|requirement| requirement.split("==").count() == 2), "{requirements:?}");
        }
    }

    #[test]
    fn an_environment_is_adopted_with_all_its_packages_only() {
        let venv = tempfile::tempdir().unwrap();
        let packages = venv.path().join("lib/python3.11/site-packages");
        fs::create_dir_all(venv.path().join("bin")).unwrap();
        fs::write(venv.path().join("bin/dvc"), "").unwrap();
        for requirement in DVC.requirements() {
            fs::create_dir_all(packages.join(format!("{}.dist-info", requirement.replace("==", "-")))).unwrap();
        }
        assert!(DVC.has_all(venv.path()));
        fs::remove_dir_all(packages.join("dvc-3.67.1.dist-info")).unwrap();
        assert!(!DVC.has_all(venv.path()));
    }
}
