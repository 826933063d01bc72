//! Files of runs, kept in the spool: by a hard link where the disk allows, so that keeping one takes neither time nor space.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Folder of a run's files in the run's.
pub const ARTIFACTS: &str = "artifacts";

/// What is left free of the spool's disk when files are copied into it.
const MIN_FREE_BYTES: u64 = 1 << 30;

/// A file in the spool.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name there.
    pub file: String,
    /// Its size.
    pub bytes: u64,
}

/// Keeps a file. It must not be changed in place afterwards: what is written anew and renamed leaves the kept one alone.
pub fn keep_file(run_folder: &Path, source: &Path, max_bytes: u64) -> io::Result<Kept> {
    let metadata = fs::metadata(source)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let bytes = checked_size(metadata.len(), max_bytes)?;
    let (file, path) = new_path(run_folder)?;
    if fs::hard_link(fs::canonicalize(source)?, &path).is_err() {
        check_room(run_folder, bytes)?;
        copy(source, &path)?;
    }
    Ok(Kept { file, bytes })
}

/// Keeps bytes as a file.
pub fn keep_bytes(run_folder: &Path, content: &[u8], max_bytes: u64) -> io::Result<Kept> {
    let bytes = checked_size(content.len() as u64, max_bytes)?;
    check_room(run_folder, bytes)?;
    let (file, path) = new_path(run_folder)?;
    fs::write(&path, content).inspect_err(|_| drop(fs::remove_file(&path)))?;
    Ok(Kept { file, bytes })
}

fn new_path(run_folder: &Path) -> io::Result<(String, PathBuf)> {
    let folder = run_folder.join(ARTIFACTS);
    // a run whose folder was removed meanwhile gets none again
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let file = Uuid::now_v7().simple().to_string();
    let path = folder.join(&file);
    Ok((file, path))
}

fn copy(source: &Path, path: &Path) -> io::Result<()> {
    fs::copy(source, path).map(drop).inspect_err(|_| drop(fs::remove_file(path)))
}

fn checked_size(bytes: u64, max_bytes: u64) -> io::Result<u64> {
    if bytes > max_bytes {
        return Err(io::Error::other(format!("it has {bytes} bytes, expected at most {max_bytes}")));
    }
    Ok(bytes)
}

/// Records must not take the disk that the run writes its results to.
fn check_room(folder: &Path, bytes: u64) -> io::Result<()> {
    let disk = rustix::fs::statvfs(folder)?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free_bytes < bytes.saturating_add(MIN_FREE_BYTES) {
        return Err(io::Error::other(format!(
            "a copy of {bytes} bytes would leave less than {MIN_FREE_BYTES} bytes free"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_outlives_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("report.json");
        fs::write(&source, "{}").unwrap();
        let kept = keep_file(folder.path(), &source, 10).unwrap();
        fs::write(folder.path().join("new"), "other").unwrap();
        fs::rename(folder.path().join("new"), &source).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(ARTIFACTS).join(&kept.file)).unwrap(), "{}");
        assert_eq!(kept.bytes, 2);
    }

    #[test]
    fn what_is_too_large_or_no_file_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert!(keep_bytes(folder.path(), b"0123", 3).unwrap_err().to_string().contains("at most 3"));
        assert!(keep_file(folder.path(), folder.path(), 3).unwrap_err().to_string().contains("no file"));
        assert!(keep_file(folder.path(), &folder.path().join("none"), 3).is_err());
    }
}
