//! One run to the server: made there once, its records in order, its end, and away from the unsent ones.

use std::fs;
use std::path::Path;

use super::Sender;
use crate::tracking::artifact_files::ARTIFACTS;
use crate::tracking::batch::{Step, is_of_batch, steps};
use crate::tracking::cursor::{Cursor, FileCursor, Hold};
use crate::tracking::ids::RunId;
use crate::tracking::mlflow::{Fault, NewRun, RemoteRun};
use crate::tracking::record::{Record, RunStatus, What};
use crate::tracking::record_file::{has_no_writer, read_lines, record_files};

/// Lines that are read ahead.
const MAX_LINES: usize = 2000;

/// The server does not know what it is asked for.
const UNKNOWN: &str = "RESOURCE_DOES_NOT_EXIST";

impl Sender {
    /// Everything that is there of a run.
    pub(super) fn send_run(&mut self, run: &RunId) -> Result<(), Fault> {
        let folder = self.spool.run(run);
        let mut cursor = Cursor::read(&folder)?;
        let sent = self.send_files(run, &folder, &mut cursor);
        if let (Err(fault), Some(_)) = (&sent, &cursor.run)
            && fault.is_refused_as(UNKNOWN)
        {
            // it was there, so the server lost it: it gets the run anew, all of it
            Cursor::default().write(&folder)?;
            self.experiments.clear();
            return Err(Fault::Failing(format!("the tracking server lost the run {run}, which is sent anew")));
        }
        sent?;
        self.settle(run, &folder, &cursor)
    }

    fn send_files(&mut self, run: &RunId, folder: &Path, cursor: &mut Cursor) -> Result<(), Fault> {
        for file in record_files(folder)? {
            loop {
                let lines = read_lines(&file, cursor.file(&file).offset, MAX_LINES)?;
                if lines.is_empty() {
                    break;
                }
                for step in steps(lines) {
                    self.send_step(run, folder, cursor, &step)?;
                    let to = after(&cursor.file(&file), &step);
                    self.acknowledge(folder, cursor, &file, to)?;
                }
            }
        }
        Ok(())
    }

    fn send_step(&mut self, run: &RunId, folder: &Path, cursor: &mut Cursor, step: &Step) -> Result<(), Fault> {
        let Some(first) = step.records.first() else { return Ok(()) };
        if let What::RunStarted { experiment, name, parent, .. } = &first.what {
            let new = NewRun { id: run, name, start_ms: first.time_ms, parent: None };
            cursor.run = Some(self.made_run(experiment, &new, parent.as_ref())?);
            return Ok(());
        }
        let Some(remote) = cursor.run.clone() else {
            let lost = "the record that starts the run is missing";
            return Ok(step.records.iter().try_for_each(|record| self.give_up(folder, record, "NO_RUN", lost))?);
        };
        match self.send_to(&remote, folder, &step.records) {
            Err(Fault::Refused { code, message }) if code != UNKNOWN => {
                if step.records.len() > 1 && !self.mlflow.is_deleted(&remote)? {
                    // one of them, or a few: the others are taken
                    return step.records.iter().try_for_each(|record| self.send_alone(&remote, folder, record));
                }
                Ok(step.records.iter().try_for_each(|record| self.give_up(folder, record, &code, &message))?)
            }
            other => other,
        }
    }

    fn send_alone(&self, remote: &RemoteRun, folder: &Path, record: &Record) -> Result<(), Fault> {
        match self.send_to(remote, folder, std::slice::from_ref(record)) {
            Err(Fault::Refused { code, message }) if code != UNKNOWN => {
                Ok(self.give_up(folder, record, &code, &message)?)
            }
            other => other,
        }
    }

    fn send_to(&self, remote: &RemoteRun, folder: &Path, records: &[Record]) -> Result<(), Fault> {
        let Some(first) = records.first() else { return Ok(()) };
        match &first.what {
            _ if is_of_batch(first) => self.mlflow.log_batch(remote, records),
            What::Artifact { path, file, bytes } => {
                self.mlflow.put_artifact(remote, path, &folder.join(ARTIFACTS).join(file), *bytes)
            }
            What::RunResumed { .. } => self.mlflow.set_status(remote, "RUNNING", None),
            What::RunEnded { status } => self.mlflow.set_status(remote, status.name(), Some(first.time_ms)),
            _ => Ok(()),
        }
    }

    /// The run there: the one that an attempt before this one made, else a new one.
    fn made_run(&mut self, experiment: &str, new: &NewRun<'_>, parent: Option<&RunId>) -> Result<RemoteRun, Fault> {
        let experiment_id = self.experiment(experiment)?;
        if let Some(known) = self.mlflow.find_runs(&experiment_id, new.id)?.into_iter().next() {
            return Ok(known);
        }
        let parent = match parent {
            Some(parent) => Some((parent, self.remote_parent(&experiment_id, parent)?)),
            None => None,
        };
        self.mlflow.create_run(&experiment_id, &NewRun { parent, ..*new }).map_err(|fault| {
            if let Fault::Refused { message, .. } = &fault {
                // an experiment of a server that was emptied; without its run nothing of it has a place
                self.experiments.clear();
                return Fault::Failing(format!("the tracking server makes no run in `{experiment}`: {message}"));
            }
            fault
        })
    }

    fn experiment(&mut self, name: &str) -> Result<String, Fault> {
        if let Some(id) = self.experiments.get(name) {
            return Ok(id.clone());
        }
        let id = self.mlflow.experiment(name)?;
        self.experiments.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    /// A parent of another spool may be on the server, or not; one of this spool goes first.
    fn remote_parent(&self, experiment_id: &str, parent: &RunId) -> Result<Option<RemoteRun>, Fault> {
        let Some(folder) = self.spool.known_run(parent) else {
            return Ok(self.mlflow.find_runs(experiment_id, parent)?.into_iter().next());
        };
        let cursor = Cursor::read(&folder)?;
        if cursor.run.is_none() && cursor.files.is_empty() {
            return Err(Fault::Failing(format!(
                "the run {parent} is not on the tracking server yet, and its parts wait"
            )));
        }
        Ok(cursor.run)
    }

    /// A run that ended, or whose process was killed, is done with.
    fn settle(&self, run: &RunId, folder: &Path, cursor: &Cursor) -> Result<(), Fault> {
        let Some((name, last)) = cursor.last_hold() else { return Ok(()) };
        let is_abandoned = last.state == Hold::Running && has_no_writer(&folder.join(name))?;
        if last.state == Hold::Detached || (last.state == Hold::Running && !is_abandoned) {
            return Ok(());
        }
        if let (true, Some(remote)) = (is_abandoned, &cursor.run) {
            self.mlflow.set_status(remote, RunStatus::Killed.name(), Some(last.time_ms))?;
        }
        self.delete_twins(run, cursor)?;
        let _held = self.spool.hold_moves()?;
        // whoever took it up meanwhile goes on with it
        if !is_touched(folder, cursor)? {
            fs::rename(folder, self.spool.sent_run(run))?;
        }
        Ok(())
    }

    /// A request to make the run whose answer was lost may have been carried out late.
    fn delete_twins(&self, run: &RunId, cursor: &Cursor) -> Result<(), Fault> {
        let Some(remote) = &cursor.run else { return Ok(()) };
        let twins = self.mlflow.find_runs(&remote.experiment_id, run)?;
        twins.iter().filter(|twin| twin.run_id != remote.run_id).try_for_each(|twin| self.mlflow.delete_run(twin))
    }
}

/// Where a file's cursor is once a step was sent.
fn after(before: &FileCursor, step: &Step) -> FileCursor {
    let mut to = FileCursor { offset: step.end, num_lines: before.num_lines + step.num_lines, ..*before };
    if let Some(last) = step.records.last() {
        to.time_ms = last.time_ms;
        match last.what {
            What::RunStarted { .. } | What::RunResumed { .. } => to.state = Hold::Running,
            What::RunDetached => to.state = Hold::Detached,
            What::RunEnded { .. } => to.state = Hold::Ended,
            _ => {}
        }
    }
    to
}

/// Whether there is more than was sent, or a process that is about to record more. What a kill tore off at the end of a file
/// counts for nothing.
fn is_touched(folder: &Path, cursor: &Cursor) -> std::io::Result<bool> {
    for file in record_files(folder)? {
        if !has_no_writer(&file)? || !read_lines(&file, cursor.file(&file).offset, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(whats: impl IntoIterator<Item = What>) -> Step {
        let records = whats.into_iter().map(|what| Record { time_ms: 5, what }).collect();
        Step { records, num_lines: 2, end: 90 }
    }

    #[test]
    fn a_step_moves_the_cursor_and_says_who_holds_the_run() {
        let before = FileCursor { offset: 10, num_lines: 1, time_ms: 1, state: Hold::Running };
        let ended = after(&before, &step([What::RunEnded { status: RunStatus::Failed }]));
        assert_eq!(ended, FileCursor { offset: 90, num_lines: 3, time_ms: 5, state: Hold::Ended });
        assert_eq!(after(&before, &step([What::RunDetached])).state, Hold::Detached);
        assert_eq!(after(&before, &step([])), FileCursor { offset: 90, num_lines: 3, ..before });
    }
}
