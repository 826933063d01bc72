//! The folder of the records: what lies where, and who may move it.
//!
//! ```text
//! runs/RUN/records-UUID.jsonl   what a process recorded of a run; only that process writes it
//! runs/RUN/artifacts/UUID       files of the run
//! runs/RUN/cursor.json          how far a server has it
//! runs/RUN/refused.jsonl        what a server did not take, and why
//! sent/RUN/...                  the same, once a server has all of a run that ended
//! models/...                    registered versions and aliases, as `runs/RUN`
//! send.lock                     held by the process that sends
//! moves.lock                    held while a run is moved or taken up again
//! ```

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::ids::RunId;
use crate::MonitorError;

const RUNS: &str = "runs";
const SENT: &str = "sent";
const MODELS: &str = "models";

/// A folder of records.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// Makes the folder where it is missing, for its owner only: what was recorded is nobody else's.
    pub fn open(folder: &Path) -> Result<Self, MonitorError> {
        let spool = Self { folder: folder.to_owned() };
        for name in [RUNS, SENT, MODELS] {
            let path = spool.folder.join(name);
            make_folder(&path).map_err(MonitorError::spool("make", &path))?;
        }
        Ok(spool)
    }

    /// One that is there already.
    pub fn find(folder: &Path) -> Result<Self, MonitorError> {
        let runs = folder.join(RUNS);
        fs::metadata(&runs).map_err(MonitorError::spool("find runs in", folder))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Folder of a run that a server may lack something of.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.folder.join(RUNS).join(run.as_str())
    }

    /// Folder of a run that a server has.
    pub fn sent_run(&self, run: &RunId) -> PathBuf {
        self.folder.join(SENT).join(run.as_str())
    }

    /// Folder of a run, wherever it is.
    pub fn known_run(&self, run: &RunId) -> Option<PathBuf> {
        [self.run(run), self.sent_run(run)].into_iter().find(|folder| folder.is_dir())
    }

    /// Folder of what was registered.
    pub fn models(&self) -> PathBuf {
        self.folder.join(MODELS)
    }

    /// Runs that a server may lack something of, oldest first.
    pub fn unsent_runs(&self) -> io::Result<Vec<RunId>> {
        ids_in(&self.folder.join(RUNS))
    }

    /// Runs that a server has, oldest first.
    pub fn sent_runs(&self) -> io::Result<Vec<RunId>> {
        ids_in(&self.folder.join(SENT))
    }

    /// Runs are not moved while it is held; never held while anything is waited for.
    pub fn hold_moves(&self) -> io::Result<File> {
        let lock = File::options().create(true).truncate(false).write(true).open(self.folder.join("moves.lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// The right to send; none while another process has it.
    pub fn try_to_send(&self) -> io::Result<Option<File>> {
        let lock = File::options().create(true).truncate(false).write(true).open(self.folder.join("send.lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Readable by its owner only; those above it as the system makes them.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// What a kill or a stranger left beside the runs is none.
fn ids_in(folder: &Path) -> io::Result<Vec<RunId>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RunId>().ok()));
    }
    ids.sort();
    Ok(ids)
}
