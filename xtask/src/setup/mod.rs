//! `cargo xtask setup`: lays out `.deps/` on a fresh machine. Each part is skipped when its stamp says it is in place.

mod archive;
mod fetch;
mod libtorch;
mod node;
mod pinned;
mod pip;
mod progress;
mod python;
#[cfg(test)]
mod range_server;
mod stamp;
mod venv;
mod weights;

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, cache_dir};
use stamp::Stamps;

pub use weights::import as import_weights;

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
    let deps = workspace.deps();
    fs::create_dir_all(&deps).with_context(|| format!("cannot create {}", deps.display()))?;
    let _lock = lock(&deps.join("setup.lock"), "another `cargo xtask setup` is at work here: waiting for it")?;
    let stamps = Stamps::new(&deps, options.force);
    venv::lay_out(&deps, &stamps)?;
    libtorch::lay_out(&deps, &stamps, options)?;
    weights::lay_out(&deps, &stamps)?;
    node::lay_out(&deps, &stamps)?;
    println!("setup: everything is in place in {} ({:.1} s)", deps.display(), start.elapsed().as_secs_f64());
    Ok(())
}

/// Holds the lock until dropped; the system frees it when a process is killed.
fn lock(path: &Path, waiting: &str) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    if file.try_lock().is_err() {
        println!("{waiting}");
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
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

    #[test]
    fn a_lock_is_exclusive_and_freed_on_drop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setup.lock");
        let held = lock(&path, "waiting").unwrap();
        let other = File::create(&path).unwrap();
        assert!(other.try_lock().is_err());
        drop(held);
        assert!(other.try_lock().is_ok());
    }
}
