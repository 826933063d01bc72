//! `cargo xtask setup`: lays out `.deps/` on a fresh machine. Each part is skipped when its stamp says it is in place.

mod device_tools;
mod environment;
mod fetch;
mod libtorch;
mod node;
mod page;
mod pinned;
mod pip;
mod python;
mod schemathesis;
mod stack;
mod stamp;
mod venv;
mod weights;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use scene3d_fetch::lock;

use crate::workspace::{Workspace, cache_dir};
use environment::{DVC, MLFLOW, RAY};
use stamp::Stamps;

/// What the user asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Also libtorch's CUDA libraries.
    pub cuda: bool,
    /// Lay out everything again.
    pub force: bool,
    /// libtorch from pytorch.org.
    pub official: bool,
}

impl Options {
    /// From command line words.
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        for &word in words {
            match word {
                "--cuda" => options.cuda = true,
                "--force" => options.force = true,
                "--official" => options.official = true,
                _ => bail!("unknown option `{word}` of setup; expected --cuda, --force or --official"),
            }
        }
        if options.cuda && options.official {
            bail!("--cuda takes its libraries from the Python package index: drop --official");
        }
        Ok(options)
    }
}

/// Lays out `.deps/`. Two at once wait for each other; a second run finds everything in place.
pub fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let start = Instant::now();
    locked(workspace, |deps| {
        let stamps = Stamps::new(deps, options.force);
        venv::lay_out(deps, &stamps)?;
        libtorch::lay_out(deps, &stamps, options)?;
        if options.cuda {
            device_tools::lay_out(deps, &stamps, options.force)?;
        }
        weights::lay_out(deps, &stamps)?;
        node::lay_out(deps, &stamps)?;
        schemathesis::lay_out(deps, &stamps)?;
        for tool in [DVC, MLFLOW, RAY] {
            tool.lay_out(deps, &stamps)?;
        }
        stack::lay_out(&workspace.root, deps, &stamps)?;
        page::lay_out(&workspace.root.join("frontend"), options.force)?;
        println!("setup: everything is in place in {} ({:.1} s)", deps.display(), start.elapsed().as_secs_f64());
        Ok(())
    })
}

/// The page's packages alone; says whether they are in place.
pub fn npm_packages_of_page(workspace: &Workspace) -> Result<bool> {
    locked(workspace, |_| page::lay_out(&workspace.root.join("frontend"), false))
}

/// What checks the files of `deploy/`, and Airflow.
pub fn stack_tools(workspace: &Workspace) -> Result<()> {
    locked(workspace, |deps| stack::lay_out(&workspace.root, deps, &Stamps::new(deps, false)))
}

/// libtorch, and what compiles device code.
pub fn device_tools(workspace: &Workspace) -> Result<()> {
    locked(workspace, |deps| {
        let stamps = Stamps::new(deps, false);
        libtorch::lay_out(deps, &stamps, &Options::default())?;
        device_tools::lay_out(deps, &stamps, false)
    })
}

fn locked<T>(workspace: &Workspace, lay_out: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let deps = workspace.deps();
    fs::create_dir_all(&deps).with_context(|| format!("cannot create {}", deps.display()))?;
    let _lock = lock(&deps.join("setup.lock"), "another `cargo xtask setup` is at work here: waiting for it")?;
    lay_out(&deps)
}

/// Downloads of this machine; created on first use.
fn cache() -> Result<std::path::PathBuf> {
    let cache = cache_dir()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    Ok(cache)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked() {
        let options = Options::parse(&["--force", "--cuda"]).unwrap();
        assert!(options.force && options.cuda && !options.official);
        assert!(Options::parse(&["--gpu"]).unwrap_err().to_string().contains("--gpu"));
        assert!(Options::parse(&["--cuda", "--official"]).is_err());
    }
}
