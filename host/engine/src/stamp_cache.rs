//! Facts about files that are slow to find out (sha256, a plugin's descriptor), kept between runs and forgotten when
//! the file changes: path, size and modification time must be the same.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{EngineError, Result};

/// A file changed less than this before its fact was found may change again within its time stamp's resolution, so the
/// fact is not kept (git's "racy" entries).
const MIN_AGE: Duration = Duration::from_secs(2);

/// A folder of facts; without one nothing is kept.
#[derive(Debug, Clone, Default)]
pub struct StampCache(Option<PathBuf>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    path: PathBuf,
    size_bytes: u64,
    modified_nanos: u128,
    engine_version: String,
}

#[derive(Serialize, Deserialize)]
struct Stamped<T> {
    stamp: Stamp,
    fact: T,
}

impl StampCache {
    /// In this folder, made when first needed.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(Some(folder))
    }

    /// In the user's cache.
    #[must_use]
    pub fn of_user() -> Self {
        Self(crate::search_paths::cache_dir().map(|dir| dir.join("stamps")))
    }

    /// Lower-case hex sha256 of a file.
    ///
    /// # Errors
    /// [`EngineError::Io`] if it can't be read.
    pub fn sha256(&self, file: &Path) -> Result<String> {
        if let Some(sha256) = self.get("sha256", file) {
            return Ok(sha256);
        }
        let sha256 = sha256_of(file)?;
        self.put("sha256", file, &sha256);
        Ok(sha256)
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, kind: &str, file: &Path) -> Option<T> {
        let stamp = Stamp::of(file)?;
        let text = fs::read(self.entry(kind, &stamp)?).ok()?;
        let known: Stamped<T> = serde_json::from_slice(&text).ok()?;
        (known.stamp == stamp).then_some(known.fact)
    }

    /// A fact that can't be written is found out again next time: that is no error.
    pub(crate) fn put<T: Serialize>(&self, kind: &str, file: &Path, fact: &T) {
        let Some(stamp) = Stamp::of(file).filter(Stamp::is_settled) else { return };
        let Some(entry) = self.entry(kind, &stamp) else { return };
        let Ok(text) = serde_json::to_vec(&Stamped { stamp, fact }) else { return };
        // renamed into place, so that no other process reads half of it
        let partial = entry.with_extension(format!("{}.partial", std::process::id()));
        let written = entry.parent().map(fs::create_dir_all).transpose().and_then(|_| fs::write(&partial, text));
        if written.and_then(|()| fs::rename(&partial, &entry)).is_err() {
            let _ = fs::remove_file(&partial);
        }
    }

    fn entry(&self, kind: &str, stamp: &Stamp) -> Option<PathBuf> {
        let name = hex(&Sha256::digest(stamp.path.as_os_str().as_encoded_bytes()));
        self.0.as_ref().map(|folder| folder.join(kind).join(name).with_extension("json"))
    }
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let path = file.canonicalize().ok()?;
        let metadata = path.metadata().ok()?;
        let modified_nanos = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        let engine_version = env!("CARGO_PKG_VERSION").to_owned();
        Some(Self { path, size_bytes: metadata.len(), modified_nanos, engine_version })
    }

    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.modified_nanos + MIN_AGE.as_nanos() <= now.as_nanos()
    }
}

fn sha256_of(file: &Path) -> Result<String> {
    let mut reader = fs::File::open(file).map_err(EngineError::io("read", file))?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0_u8; 1 << 20]);
    loop {
        let num_read = reader.read(&mut buffer).map_err(EngineError::io("read", file))?;
        if num_read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..num_read]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_old(file: &Path, text: &str, age_secs: u64) {
        fs::write(file, text).unwrap();
        let modified = SystemTime::now() - Duration::from_secs(age_secs);
        fs::File::options().write(true).open(file).unwrap().set_modified(modified).unwrap();
    }

    #[test]
    fn a_fact_holds_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, file) = (StampCache::new(folder.path().join("cache")), folder.path().join("file"));
        write_old(&file, "abc", 60);
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(cache.sha256(&file).unwrap(), sha256);
        assert_eq!(cache.get::<String>("sha256", &file).as_deref(), Some(sha256));
        write_old(&file, "abd", 50);
        assert_eq!(cache.get::<String>("sha256", &file), None);
        assert_ne!(cache.sha256(&file).unwrap(), sha256);
    }

    #[test]
    fn a_file_that_just_changed_is_not_trusted_to_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, file) = (StampCache::new(folder.path().join("cache")), folder.path().join("file"));
        fs::write(&file, "abc").unwrap();
        cache.sha256(&file).unwrap();
        assert_eq!(cache.get::<String>("sha256", &file), None);
    }

    #[test]
    fn damaged_entries_and_missing_folders_only_cost_time() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, file) = (StampCache::new(folder.path().join("cache")), folder.path().join("file"));
        write_old(&file, "abc", 60);
        let sha256 = cache.sha256(&file).unwrap();
        for entry in fs::read_dir(folder.path().join("cache/sha256")).unwrap() {
            fs::write(entry.unwrap().path(), "{").unwrap();
        }
        assert_eq!(cache.sha256(&file).unwrap(), sha256);
        assert_eq!(StampCache::default().sha256(&file).unwrap(), sha256);
    }
}
