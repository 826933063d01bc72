//! Registered versions and aliases to the server, in the order of their times, each once its run is there.

use std::path::PathBuf;

use super::Sender;
use crate::tracking::cursor::{Cursor, FileCursor};
use crate::tracking::ids::{RunId, VersionId};
use crate::tracking::mlflow::{Fault, NewVersion, RemoteRun};
use crate::tracking::record::{Record, What};
use crate::tracking::record_file::{Line, read_lines, record_files};

/// What comes next of all files.
struct Next {
    file: PathBuf,
    line: Line,
}

/// What became of a record.
enum Fate {
    Sent,
    Refused {
        code: String,
        message: String,
    },
    /// Its run is not there yet; what comes after it waits as well.
    Waits,
}

impl Sender {
    /// Everything that may be sent by now.
    pub(super) fn send_models(&mut self) -> Result<(), Fault> {
        let folder = self.spool.models();
        let mut cursor = Cursor::read(&folder)?;
        while let Some(Next { file, line }) = self.next_of_models(&cursor)? {
            if let Some(record) = &line.record {
                match self.send_of_models(&mut cursor, record)? {
                    Fate::Sent => {}
                    Fate::Refused { code, message } => self.give_up(&folder, record, &code, &message)?,
                    Fate::Waits => return Ok(()),
                }
            }
            let before = cursor.file(&file);
            let to = FileCursor { offset: line.end, num_lines: before.num_lines + 1, ..before };
            self.acknowledge(&folder, &mut cursor, &file, to)?;
        }
        Ok(())
    }

    /// The oldest record of those that come next in their files.
    fn next_of_models(&self, cursor: &Cursor) -> Result<Option<Next>, Fault> {
        let mut next: Option<Next> = None;
        let time = |line: &Line| line.record.as_ref().map_or(0, |record| record.time_ms);
        for file in record_files(&self.spool.models())? {
            let lines = read_lines(&file, cursor.file(&file).offset, 1)?;
            for line in lines {
                if next.as_ref().is_none_or(|next| time(&line) < time(&next.line)) {
                    next = Some(Next { file: file.clone(), line });
                }
            }
        }
        Ok(next)
    }

    fn send_of_models(&self, cursor: &mut Cursor, record: &Record) -> Result<Fate, Fault> {
        let sent = match &record.what {
            What::ModelVersion { model, version, run, path, tags } => {
                let remote = match self.settled_run(run)? {
                    Ok(remote) => remote,
                    Err(fate) => return Ok(fate),
                };
                let new = NewVersion { id: version, model, run: &remote, path_in_run: path, tags };
                self.mlflow.version(&new).map(|number| {
                    cursor.versions.insert(version.to_string(), number);
                })
            }
            What::Alias { model, alias, version } => match number_of(cursor, version) {
                Some(number) => self.mlflow.set_alias(model, alias, number),
                None => return Ok(refused("NO_VERSION", "the version that it is to mean was refused")),
            },
            _ => Ok(()),
        };
        match sent {
            Ok(()) => Ok(Fate::Sent),
            Err(Fault::Refused { code, message }) => Ok(Fate::Refused { code, message }),
            Err(fault) => Err(fault),
        }
    }

    /// The run there, once everything that was recorded of it so far is: a version is made of files that are there.
    fn settled_run(&self, run: &RunId) -> Result<Result<RemoteRun, Fate>, Fault> {
        let Some(folder) = self.spool.known_run(run) else {
            return Ok(Err(refused("NO_RUN", &format!("the spool knows no run {run}"))));
        };
        let cursor = Cursor::read(&folder)?;
        for file in record_files(&folder)? {
            if !read_lines(&file, cursor.file(&file).offset, 1)?.is_empty() {
                return Ok(Err(Fate::Waits));
            }
        }
        Ok(cursor.run.ok_or_else(|| refused("NO_RUN", &format!("the server refused the run {run}"))))
    }
}

fn number_of<'a>(cursor: &'a Cursor, version: &VersionId) -> Option<&'a String> {
    cursor.versions.get(version.as_str())
}

fn refused(code: &str, message: &str) -> Fate {
    Fate::Refused { code: code.to_owned(), message: message.to_owned() }
}
