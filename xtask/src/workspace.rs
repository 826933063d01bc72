//! Where things lie in this checkout, and in the cache that checkouts share.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout this command works on.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Its top folder.
    pub root: PathBuf,
}

impl Workspace {
    /// The checkout around the current folder.
    pub fn find() -> Result<Self> {
        let here = std::env::current_dir().context("cannot read the current folder")?;
        let is_root = |folder: &&Path| folder.join("xtask/Cargo.toml").is_file();
        let root = here.ancestors().find(is_root);
        let root = root.with_context(|| format!("no checkout of scene3d around {}", here.display()))?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// What `setup` lays out; git-ignored.
    pub fn deps(&self) -> PathBuf {
        self.root.join(".deps")
    }

    /// Where release binaries are built.
    pub fn release_dir(&self) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        self.root.join(target).join("release")
    }
}

/// Downloads, shared by checkouts: `$SCENE3D_CACHE`, else `scene3d/downloads` in the user's cache folder.
pub fn cache_dir() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(chosen) = variable("SCENE3D_CACHE") {
        return std::path::absolute(&chosen).with_context(|| format!("SCENE3D_CACHE is {}", chosen.display()));
    }
    let user_cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let user_cache = user_cache.context("no cache folder: set SCENE3D_CACHE or HOME")?;
    Ok(user_cache.join("scene3d/downloads"))
}

/// Whether a program is on PATH; asks the file system only, so that a finished set-up stays instant.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
