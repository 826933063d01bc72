//! The output folder of a run: whose it is, and that only one process writes to it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{PipelineError, run_record};

pub(crate) const ARTIFACTS: &str = "artifacts";
const LOGS: &str = "logs";
const LOCK: &str = ".scene3d-lock";

/// An output folder held by this process.
#[derive(Debug)]
pub(crate) struct OutFolder {
    root: PathBuf,
    /// Unlocked by the system when the process ends, however it ends.
    _lock: File,
}

impl OutFolder {
    /// Takes an empty or new folder, or, to resume, one that holds a run.
    pub(crate) fn open(root: &Path, resume: bool) -> Result<Self, PipelineError> {
        fs::create_dir_all(root).map_err(PipelineError::write(root))?;
        let lock = lock(root)?;
        let has_run = root.join(run_record::FILE_NAME).exists() || root.join(ARTIFACTS).exists();
        if has_run && !resume {
            return Err(PipelineError::OutputExists(root.to_owned()));
        }
        if !has_run && has_foreign_files(root)? {
            return Err(PipelineError::ForeignOutput(root.to_owned()));
        }
        let logs = root.join(LOGS);
        fs::create_dir_all(&logs).map_err(PipelineError::write(&logs))?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Folder of the artifacts.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.root.join(ARTIFACTS)
    }

    /// Log of the run's events.
    pub(crate) fn event_log(&self) -> PathBuf {
        self.root.join(LOGS).join("events.jsonl")
    }

    /// An empty folder for the mapper, below the logs; what it leaves there is kept.
    pub(crate) fn mapper_workspace(&self) -> Result<PathBuf, PipelineError> {
        let path = self.root.join(LOGS).join("mapper");
        if path.exists() {
            fs::remove_dir_all(&path).map_err(PipelineError::write(&path))?;
        }
        fs::create_dir_all(&path).map_err(PipelineError::write(&path))?;
        // a child process has its own working folder
        fs::canonicalize(&path).map_err(PipelineError::write(&path))
    }
}

fn lock(root: &Path) -> Result<File, PipelineError> {
    let path = root.join(LOCK);
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(PipelineError::write(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PipelineError::OutputBusy(root.to_owned())),
        Err(TryLockError::Error(source)) => Err(PipelineError::WriteFile { path, source }),
    }
}

fn has_foreign_files(root: &Path) -> Result<bool, PipelineError> {
    let unreadable = |source| PipelineError::ReadFolder { folder: root.to_owned(), source };
    for entry in fs::read_dir(root).map_err(unreadable)? {
        // logs are opened by the command line before the run begins
        let name = entry.map_err(unreadable)?.file_name();
        if name != LOCK && name != LOGS {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_only_when_it_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        let held = OutFolder::open(&root, false).unwrap();
        assert!(matches!(OutFolder::open(&root, false), Err(PipelineError::OutputBusy(_))));
        fs::create_dir(held.artifacts()).unwrap();
        drop(held);
        assert!(matches!(OutFolder::open(&root, false), Err(PipelineError::OutputExists(_))));
        OutFolder::open(&root, true).unwrap();
    }

    #[test]
    fn other_peoples_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        for resume in [false, true] {
            assert!(matches!(OutFolder::open(folder.path(), resume), Err(PipelineError::ForeignOutput(_))));
        }
    }
}
