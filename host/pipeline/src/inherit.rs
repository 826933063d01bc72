//! Finished stages of one run, given to another in a folder of its own.

use std::fs;
use std::io;
use std::path::Path;

use crate::PipelineError;
use crate::artifacts::{FEATURES, MAPPING, MATCHES};
use crate::out_folder::ARTIFACTS;

/// Gives what the run in the output folder `from` finished to the one in `to`, which finds it when it is resumed: artifacts
/// are named by all they depend on, so that another config takes what holds for it and leaves the rest. `from` may be in
/// use, half written, or gone. Returns how many files were given.
///
/// # Errors
/// [`PipelineError::WriteFile`] if `to` can't be written.
pub fn inherit_artifacts(from: &Path, to: &Path) -> Result<usize, PipelineError> {
    let folders = [(FEATURES, Sharing::Link), (MAPPING, Sharing::Link), (MATCHES, Sharing::Copy)];
    let give = |(folder, sharing): (&str, Sharing)| {
        let [from, to] = [from, to].map(|root| root.join(ARTIFACTS).join(folder));
        give_folder(&from, &to, sharing)
    };
    folders.into_iter().map(give).sum()
}

/// How a file is given.
#[derive(Debug, Clone, Copy)]
enum Sharing {
    /// It is written once and never changed.
    Link,
    /// Its run appends to it. Half a record at the end does no harm: reading stops there.
    Copy,
}

fn give_folder(from: &Path, to: &Path, sharing: Sharing) -> Result<usize, PipelineError> {
    fs::create_dir_all(to).map_err(PipelineError::write(to))?;
    let mut num_given = 0;
    // a folder that can't be read has nothing to give
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let target = to.join(entry.file_name());
        let is_part = target.extension().is_some_and(|ending| ending == "part");
        if !is_part && !target.exists() && give_file(&entry.path(), &target, sharing)? {
            num_given += 1;
        }
    }
    Ok(num_given)
}

/// Whether it was still there.
fn give_file(from: &Path, to: &Path, sharing: Sharing) -> Result<bool, PipelineError> {
    let given = match sharing {
        // another disk, or one without links
        Sharing::Link => fs::hard_link(from, to).or_else(|_| copy_whole(from, to)),
        Sharing::Copy => copy_whole(from, to),
    };
    match given {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(PipelineError::WriteFile { path: to.to_owned(), source }),
    }
}

fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let part = to.with_extension("inherited.part");
    fs::copy(from, &part).and_then(|_| fs::rename(&part, to)).inspect_err(|_| {
        // the first failure is the one to report
        fs::remove_file(&part).ok();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, content: &str) {
        let path = root.join(ARTIFACTS).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(root: &Path, name: &str) -> Option<String> {
        fs::read_to_string(root.join(ARTIFACTS).join(name)).ok()
    }

    #[test]
    fn whole_files_are_given_and_what_the_other_run_appends_later_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        write(&from, "features/a.safetensors", "a");
        write(&from, "features/b.3.part", "half");
        write(&from, "mapping/c.safetensors", "c");
        write(&from, "matches/d.journal", "d");
        write(&from, "scratch/e.safetensors", "e");
        write(&to, "features/f.safetensors", "own");
        assert_eq!(inherit_artifacts(&from, &to).unwrap(), 3);
        write(&from, "matches/d.journal", "d and more");
        assert_eq!(read(&to, "matches/d.journal").unwrap(), "d");
        assert_eq!(read(&to, "features/a.safetensors").unwrap(), "a");
        assert_eq!(read(&to, "mapping/c.safetensors").unwrap(), "c");
        assert_eq!(read(&to, "features/f.safetensors").unwrap(), "own");
        assert!(read(&to, "features/b.3.part").is_none() && read(&to, "scratch/e.safetensors").is_none());
        assert_eq!(inherit_artifacts(&from, &to).unwrap(), 0, "what is there stays");
    }

    #[test]
    fn nothing_is_given_by_a_run_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(inherit_artifacts(&folder.path().join("gone"), &folder.path().join("to")).unwrap(), 0);
    }
}
