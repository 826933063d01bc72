//! How many records wait, counted without reading any twice.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::tracking::cursor::Cursor;
use crate::tracking::record_file::{count_lines, record_files};
use crate::tracking::spool::Spool;

/// Lines of files so far.
#[derive(Debug, Default)]
pub struct Backlog {
    counted: HashMap<PathBuf, Counted>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    offset: u64,
    num_lines: u64,
}

impl Backlog {
    /// Records in a spool that no server acknowledged.
    pub fn count(&mut self, spool: &Spool) -> io::Result<u64> {
        let mut known = std::mem::take(&mut self.counted);
        let mut num_waiting = 0;
        let folders = spool.unsent_runs()?.into_iter().map(|run| spool.run(&run)).chain([spool.models()]);
        for folder in folders {
            num_waiting += self.count_folder(&folder, &mut known)?;
        }
        Ok(num_waiting)
    }

    fn count_folder(&mut self, folder: &Path, known: &mut HashMap<PathBuf, Counted>) -> io::Result<u64> {
        let cursor = Cursor::read(folder)?;
        let mut num_waiting = 0;
        for file in record_files(folder)? {
            let mut counted = known.remove(&file).unwrap_or_default();
            let (num_lines, offset) = count_lines(&file, counted.offset)?;
            counted = Counted { offset, num_lines: counted.num_lines + num_lines };
            num_waiting += counted.num_lines.saturating_sub(cursor.file(&file).num_lines);
            self.counted.insert(file, counted);
        }
        Ok(num_waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::config::TrackingConfig;
    use super::super::super::cursor::FileCursor;
    use super::super::super::tracker::{RunStart, Tracker};
    use super::*;

    #[test]
    fn what_was_acknowledged_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let tracker = Tracker::open(&TrackingConfig::new(folder.path())).unwrap();
        let spool = Spool::find(folder.path()).unwrap();
        let mut backlog = Backlog::default();
        assert_eq!(backlog.count(&spool).unwrap(), 0);
        let run = tracker.start_run(RunStart::default());
        run.metric("m", 1.0, 0);
        assert_eq!(backlog.count(&spool).unwrap(), 2);
        run.metric("m", 1.0, 1);
        let run_folder = spool.run(run.id());
        let [file] = record_files(&run_folder).unwrap().try_into().unwrap();
        let mut cursor = Cursor::default();
        cursor.advance(&file, FileCursor { num_lines: 2, ..FileCursor::default() });
        cursor.write(&run_folder).unwrap();
        assert_eq!(backlog.count(&spool).unwrap(), 1);
        run.end(super::super::super::record::RunStatus::Finished);
        assert_eq!(backlog.count(&spool).unwrap(), 2);
    }
}
