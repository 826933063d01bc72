//! Writes a file so that it is either whole or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::ExportError;

/// Writes to `PATH.part`, syncs and renames, creating folders as needed. On any failure the part file is removed and a
/// file that was at `path` before is untouched.
///
/// # Errors
/// [`ExportError::DiskFull`] with the bytes that fitted, [`ExportError::Io`], or whatever `write` returned.
pub fn write_atomic(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(ExportError::io("create folder", folder))?;
    }
    let part = part_path(path);
    let file = File::create(&part).map_err(ExportError::io("create", &part))?;
    commit(Counted { file, written_bytes: 0 }, &part, path, write).inspect_err(|_| {
        // the first failure is the one to report
        fs::remove_file(&part).ok();
    })
}

fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn commit(
    file: Counted,
    part: &Path,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut writer = BufWriter::with_capacity(1 << 18, file);
    let written = write(&mut writer).and_then(|()| writer.flush().map_err(ExportError::io("write", path)));
    // without another flush: the disk would refuse it again
    let (file, _) = writer.into_parts();
    written
        .and_then(|()| file.file.sync_all().map_err(ExportError::io("sync", path)))
        .map_err(|error| explain(error, path, file.written_bytes))?;
    fs::rename(part, path).map_err(ExportError::io("rename", path))
}

/// Names the file where the sink ran out of space or failed.
fn explain(error: ExportError, path: &Path, written_bytes: u64) -> ExportError {
    match error {
        ExportError::Io { source, .. } | ExportError::Write { source, .. } if is_disk_full(&source) => {
            ExportError::DiskFull { path: path.to_owned(), written_bytes }
        }
        ExportError::Write { source, .. } => ExportError::Io { action: "write", path: path.to_owned(), source },
        other => other,
    }
}

fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

struct Counted {
    file: File,
    written_bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_disk(_: &mut dyn Write) -> Result<(), ExportError> {
        Err(ExportError::Write { format: "PLY", source: io::Error::from(io::ErrorKind::StorageFull) })
    }

    #[test]
    fn a_file_is_whole_and_folders_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/model.ply");
        write_atomic(&path, |sink| sink.write_all(b"whole").map_err(ExportError::write("PLY"))).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_what_was_there_and_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.ply");
        fs::write(&path, b"old").unwrap();
        let error = write_atomic(&path, full_disk).unwrap_err();
        assert!(matches!(error, ExportError::DiskFull { .. }), "{error}");
        assert!(error.to_string().starts_with("the disk is full: 0 bytes were written"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_refuses_says_how_much_and_where() {
        // the kernel's always-full device, through the same sink that files use
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut sink = BufWriter::with_capacity(4, Counted { file, written_bytes: 0 });
        let refused = sink.write_all(&[0; 64]).unwrap_err();
        let error = explain(ExportError::write("PLY")(refused), Path::new("out/points.ply"), 7);
        let expected = "the disk is full: 7 bytes were written when it refused more; free some space and run again, \
                        nothing was replaced: out/points.ply";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_folder_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomic(folder.path(), |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("rename failed"), "{error}");
    }
}
