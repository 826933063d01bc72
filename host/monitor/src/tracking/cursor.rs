//! How far a server has what a folder of records holds; written after every answer, so that a kill repeats one request at most.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::mlflow::RemoteRun;

const FILE: &str = "cursor.json";

/// What a server acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The run there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RemoteRun>,
    /// By name of the file.
    #[serde(default)]
    pub files: BTreeMap<String, FileCursor>,
    /// Registered versions by their ids here: what the server numbers them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct FileCursor {
    /// Bytes of what was acknowledged.
    pub offset: u64,
    /// Lines in them.
    pub num_lines: u64,
    /// Time of the last record in them.
    pub time_ms: i64,
    /// What the file's process does with the run.
    pub state: Hold,
}

/// What a process does with a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It records.
    #[default]
    Running,
    /// It let go of it.
    Detached,
    /// It ended it.
    Ended,
}

impl Cursor {
    /// Of a folder; one at the start where there is none, or none that can be read: everything is sent again then, and
    /// nothing is there twice.
    pub fn read(folder: &Path) -> io::Result<Self> {
        match fs::read(folder.join(FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let part = folder.join("cursor.json.part");
        fs::write(&part, serde_json::to_vec_pretty(self)?)?;
        fs::rename(part, folder.join(FILE))
    }

    /// Of a file of the folder.
    pub fn file(&self, path: &Path) -> FileCursor {
        self.files.get(&name_of(path)).copied().unwrap_or_default()
    }

    /// A file is further.
    pub fn advance(&mut self, path: &Path, to: FileCursor) {
        self.files.insert(name_of(path), to);
    }

    /// What the last process that had the run does with it.
    pub fn last_hold(&self) -> Option<(&str, &FileCursor)> {
        self.files.iter().next_back().map(|(name, file)| (name.as_str(), file))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_a_broken_one_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Cursor::read(folder.path()).unwrap(), Cursor::default());
        let mut cursor = Cursor::default();
        let at = FileCursor { offset: 70, num_lines: 2, time_ms: 9, state: Hold::Detached };
        cursor.advance(&folder.path().join("records-1.jsonl"), at);
        cursor.write(folder.path()).unwrap();
        let read = Cursor::read(folder.path()).unwrap();
        assert_eq!((&read, read.file(Path::new("/elsewhere/records-1.jsonl"))), (&cursor, at));
        fs::write(folder.path().join(FILE), "{\"files\"").unwrap();
        assert_eq!(Cursor::read(folder.path()).unwrap(), Cursor::default());
    }

    #[test]
    fn the_last_process_says_what_becomes_of_the_run() {
        let mut cursor = Cursor::default();
        for (name, state) in [("records-2.jsonl", Hold::Ended), ("records-1.jsonl", Hold::Detached)] {
            cursor.advance(Path::new(name), FileCursor { state, ..FileCursor::default() });
        }
        assert_eq!(cursor.last_hold().unwrap().1.state, Hold::Ended);
    }
}
