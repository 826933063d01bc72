//! What is in place, one small text file a part: `.deps/stamps/<part>` holds the versions it was laid out with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Stamps of one `.deps/`.
#[derive(Debug)]
pub struct Stamps {
    folder: PathBuf,
    force: bool,
}

impl Stamps {
    /// With `force`, nothing counts as in place.
    pub fn new(deps: &Path, force: bool) -> Self {
        Self { folder: deps.join("stamps"), force }
    }

    /// Whether the part was laid out with these versions and its files are still there.
    pub fn is_current(&self, part: &str, versions: &str, files: &[PathBuf]) -> bool {
        let written = fs::read_to_string(self.folder.join(part)).unwrap_or_default();
        !self.force && written == versions && files.iter().all(|file| file.exists())
    }

    /// Whether parts without a stamp, made by hand or before a kill, may be taken as they are once checked.
    pub fn may_adopt(&self) -> bool {
        !self.force
    }

    /// Notes that the part is complete; written last, so that a kill leaves no stamp.
    pub fn write(&self, part: &str, versions: &str) -> Result<()> {
        let path = self.folder.join(part);
        fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&path, versions))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_current_with_its_versions_and_files_only() {
        let deps = tempfile::tempdir().unwrap();
        let stamps = Stamps::new(deps.path(), false);
        let file = deps.path().join("libtorch_cpu.so");
        assert!(!stamps.is_current("libtorch", "2.11.0", &[]));
        stamps.write("libtorch", "2.11.0").unwrap();
        assert!(stamps.is_current("libtorch", "2.11.0", &[]));
        assert!(!stamps.is_current("libtorch", "2.12.0", &[]));
        assert!(!stamps.is_current("libtorch", "2.11.0", std::slice::from_ref(&file)));
        fs::write(&file, "").unwrap();
        assert!(stamps.is_current("libtorch", "2.11.0", &[file]));
        assert!(!Stamps::new(deps.path(), true).is_current("libtorch", "2.11.0", &[]));
    }
}
