//! A disk that is soon full: a tmpfs of a few MiB.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Room that filling leaves at first, and what it is made smaller by.
const CHUNK_BYTES: usize = 4096;

/// Unmounted when dropped.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts one, or prints why there is none.
    #[must_use]
    pub fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let size = format!("size={mib}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("skipped: a small disk can't be mounted here");
        None
    }

    /// Its root.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets nobody write to it, or everybody again.
    ///
    /// # Panics
    /// If that can't be.
    pub fn set_read_only(&self, is_read_only: bool) {
        let how = if is_read_only { "remount,ro" } else { "remount,rw" };
        let set = Command::new("mount").args(["-o", how]).arg(self.path()).output();
        assert!(set.as_ref().is_ok_and(|output| output.status.success()), "{set:?}");
    }

    /// Writes a file until so many bytes are left.
    ///
    /// # Panics
    /// If that can't be.
    pub fn fill_but(&self, num_bytes: usize) {
        let fill = || -> std::io::Result<()> {
            let mut file = File::create(self.filler())?;
            let chunk = [1; CHUNK_BYTES];
            while file.write_all(&chunk).is_ok() {}
            let full = file.metadata()?.len();
            file.set_len(full.saturating_sub(num_bytes as u64))
        };
        assert!(fill().is_ok(), "{} can't be filled", self.path().display());
    }

    /// Removes that file.
    ///
    /// # Panics
    /// If it is not there.
    pub fn free(&self) {
        assert!(fs::remove_file(self.filler()).is_ok(), "{} was not filled", self.path().display());
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}
