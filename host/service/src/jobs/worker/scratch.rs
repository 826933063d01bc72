//! Output folders of jobs whose work is kept elsewhere: each attempt has one, and what a killed worker left is removed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Result, ServiceError};
use crate::jobs::executor::JobRequest;

/// Folders of this process, beside those of other workers.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    pub(super) fn new(root: PathBuf) -> Self {
        remove_left_behind(&root);
        Self { root }
    }

    /// Where an attempt works on this machine.
    pub(super) fn folder_of(&self, request: &JobRequest) -> PathBuf {
        // one that was given up may still run, here or in another process
        self.root.join(format!("{}-{}-{}", std::process::id(), request.job_id, request.attempt))
    }

    /// The same, empty.
    pub(super) fn new_folder(&self, request: &JobRequest) -> Result<PathBuf> {
        made_anew(self.folder_of(request))
    }

    /// An empty one for a part of it, of which several may be worked on at once.
    pub(super) fn new_folder_of_part(&self, request: &JobRequest, name: &str) -> Result<PathBuf> {
        made_anew(self.folder_of(request).with_extension(name))
    }
}

fn made_anew(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(ServiceError::io("remove", &folder))?;
    }
    fs::create_dir_all(&folder).map_err(ServiceError::io("create", &folder))?;
    Ok(folder)
}

/// Those of processes that are gone, or that had the number of this one.
fn remove_left_behind(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.split('-').next().and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|owner| owner == std::process::id() || !is_alive(owner)) {
            // what can't be removed now is tried by the next worker
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    true
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn folders_of_processes_that_are_gone_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        let pid = gone.id();
        gone.wait().unwrap();
        let own = std::process::id();
        for name in [format!("{pid}-job_1-1"), format!("{own}-job_2-1"), "1-job_3-1".to_owned(), "else".to_owned()] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let _ = Scratch::new(root.path().to_owned());
        let mut left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["1-job_3-1", "else"]);
    }
}
