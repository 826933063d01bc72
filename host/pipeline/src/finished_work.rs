//! What a run has finished so far, in parts that can be kept elsewhere while it goes on, and put back into another's output
//! folder: from there that one goes on.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::artifacts::{FEATURES, MAPPING, MATCHES, RETRIEVAL};
use crate::journal::whole_records_bytes;
use crate::out_folder::ARTIFACTS;

/// Finds what is new in the artifacts of an output folder.
#[derive(Debug)]
pub struct FinishedWork {
    artifacts: PathBuf,
    files: HashSet<String>,
    /// Bytes of journals that were taken.
    journals: HashMap<String, u64>,
}

/// Something that was finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishedPart {
    /// A file that will not change.
    File {
        /// Below the artifacts: `features/KEY.safetensors`, `mapping/KEY.safetensors`.
        name: String,
        /// Where it is.
        path: PathBuf,
    },
    /// Records that were appended to a journal, whole.
    Records {
        /// Below the artifacts: `matches/KEY.journal`.
        name: String,
        /// Where they begin in it.
        offset: u64,
        /// The records.
        bytes: Vec<u8>,
    },
}

impl FinishedWork {
    /// Of an output folder; what is in it by now counts as taken.
    ///
    /// # Errors
    /// [`io::Error`] if it can't be read.
    pub fn of(out: &Path) -> io::Result<Self> {
        let artifacts = out.join(ARTIFACTS);
        let mut work = Self { artifacts, files: HashSet::new(), journals: HashMap::new() };
        work.take_new()?;
        Ok(work)
    }

    /// Where a part of this name is in an output folder.
    #[must_use]
    pub fn path_in(out: &Path, name: &str) -> PathBuf {
        out.join(ARTIFACTS).join(name)
    }

    /// Counts a file as taken that is about to be put here. Whether it is news.
    pub fn take_file(&mut self, name: &str) -> bool {
        self.files.insert(name.to_owned())
    }

    /// Counts bytes as taken that were appended to a journal.
    pub fn take_records(&mut self, name: &str, num_bytes: u64) {
        *self.journals.entry(name.to_owned()).or_default() += num_bytes;
    }

    /// What was finished since this was called last.
    ///
    /// # Errors
    /// [`io::Error`] if the folder can't be read.
    pub fn take_new(&mut self) -> io::Result<Vec<FinishedPart>> {
        let mut parts = Vec::new();
        for folder in [FEATURES, MAPPING, RETRIEVAL] {
            for name in names_in(&self.artifacts, folder)? {
                if self.files.insert(name.clone()) {
                    parts.push(FinishedPart::File { path: self.artifacts.join(&name), name });
                }
            }
        }
        for name in names_in(&self.artifacts, MATCHES)? {
            let offset = self.journals.get(&name).copied().unwrap_or(0);
            let bytes = records_after(&self.artifacts.join(&name), offset)?;
            if !bytes.is_empty() {
                self.journals.insert(name.clone(), offset + bytes.len() as u64);
                parts.push(FinishedPart::Records { name, offset, bytes });
            }
        }
        Ok(parts)
    }
}

/// Whole files; one that is being written has an ending of its own.
fn names_in(artifacts: &Path, folder: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(artifacts.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".part") {
            names.push(format!("{folder}/{name}"));
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn records_after(journal: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(journal)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    bytes.truncate(whole_records_bytes(&bytes));
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use crate::pair_found::{FoundKind, PairFound};
    use scene3d_scene::Matches;

    fn names(parts: &[FinishedPart]) -> Vec<&str> {
        let name = |part| match part {
            &FinishedPart::File { ref name, .. } | &FinishedPart::Records { ref name, .. } => name.as_str(),
        };
        parts.iter().map(name).collect()
    }

    #[test]
    fn each_file_and_each_record_is_taken_once_and_only_whole() {
        let out = tempfile::tempdir().unwrap();
        let path = |name: &str| FinishedWork::path_in(out.path(), name);
        for folder in [FEATURES, MATCHES, MAPPING] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        fs::write(path("features/restored.safetensors"), "r").unwrap();
        let mut work = FinishedWork::of(out.path()).unwrap();
        fs::write(path("features/a.safetensors"), "a").unwrap();
        fs::write(path("features/b.part"), "half").unwrap();
        let journal = Journal::open(&path("matches/m.journal"), FoundKind::Matches).unwrap();
        let found = PairFound::Matches(Matches { indices: vec![[1, 2]], scores: vec![0.5] });
        journal.append(&"k".repeat(64), &found).unwrap();
        let parts = work.take_new().unwrap();
        assert_eq!(names(&parts), ["features/a.safetensors", "matches/m.journal"]);
        let FinishedPart::Records { offset: 0, bytes, .. } = &parts[1] else { unreachable!("{parts:?}") };
        assert_eq!(*bytes, fs::read(path("matches/m.journal")).unwrap());
        assert_eq!(work.take_new().unwrap(), []);

        // another record, of which a kill left the half
        journal.append(&"l".repeat(64), &found).unwrap();
        let whole = fs::read(path("matches/m.journal")).unwrap();
        fs::write(path("matches/m.journal"), &whole[..whole.len() - 1]).unwrap();
        fs::rename(path("features/b.part"), path("features/b.safetensors")).unwrap();
        assert_eq!(names(&work.take_new().unwrap()), ["features/b.safetensors"]);
        fs::write(path("matches/m.journal"), &whole).unwrap();
        let parts = work.take_new().unwrap();
        let FinishedPart::Records { offset, bytes: second, .. } = &parts[0] else { unreachable!("{parts:?}") };
        assert_eq!((*offset, [bytes.as_slice(), second].concat()), (bytes.len() as u64, whole));
    }

    #[test]
    fn a_folder_without_a_run_has_nothing() {
        let out = tempfile::tempdir().unwrap();
        assert_eq!(FinishedWork::of(out.path()).unwrap().take_new().unwrap(), []);
    }
}
