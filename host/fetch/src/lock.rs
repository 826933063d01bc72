//! A lock between processes that fetch the same file.

use std::fs::File;
use std::path::Path;

use crate::{FetchError, Result};

/// Holds the lock until dropped; the system frees it when a process is killed. Says `waiting` if another one has it.
///
/// # Errors
/// [`FetchError::Io`] if the lock file can't be made.
pub fn lock(path: &Path, waiting: &str) -> Result<File> {
    let file = File::create(path).map_err(FetchError::io("create", path))?;
    if file.try_lock().is_err() {
        eprintln!("{waiting}");
        file.lock().map_err(FetchError::io("lock", path))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

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
