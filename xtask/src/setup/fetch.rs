//! Wheels into the shared cache: by our own download, which resumes, else by pip.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use scene3d_fetch::{Download, Located, cached, download};

use super::pinned::Wheel;
use super::pip::Pip;

/// A pinned wheel from the cache, else from the user's package index by curl, else by pip.
pub fn pinned_wheel(wheel: &Wheel, pip: &Pip, cache: &Path) -> Result<PathBuf> {
    if let Some(path) = cached(cache, wheel.file, Some(wheel.sha256))? {
        return Ok(path);
    }
    let located = pip.locate_pinned(wheel)?;
    let located = Located { sha256: Some(wheel.sha256.into()), ..located };
    located_wheel(wheel.what, wheel.requirement, &located, pip, cache)
}

/// A wheel that pip chose among the index's; its file name says what it is.
pub fn resolved_wheel(wheel: &Located, pip: &Pip, cache: &Path) -> Result<PathBuf> {
    let requirement = wheel.file.splitn(3, '-').take(2).collect::<Vec<_>>().join("==");
    located_wheel(&requirement, &requirement, wheel, pip, cache)
}

/// A wheel that an index has: by curl, else by pip.
pub fn located_wheel(what: &str, requirement: &str, located: &Located, pip: &Pip, cache: &Path) -> Result<PathBuf> {
    let sha256 = located.sha256.as_deref();
    let wanted = Download { what, url: &located.url, file: &located.file, sha256, optional: false };
    let Err(error) = download(&wanted, &pip.network(), cache) else {
        return Ok(cache.join(wanted.file));
    };
    println!("curl could not fetch it ({error:#}): trying pip");
    pip.download(requirement, cache)?;
    let path = cached(cache, wanted.file, wanted.sha256)?;
    path.with_context(|| format!("pip fetched something else than {} for {requirement}", wanted.file))
}
