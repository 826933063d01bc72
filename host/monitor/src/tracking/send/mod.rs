//! From the spool to the server: one pass over all that it lacks, run by run, in order.

mod background;
mod backlog;
mod models;
mod runs;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use background::Background;

use super::cursor::{Cursor, FileCursor};
use super::mlflow::{Fault, Mlflow};
use super::record::Record;
use super::refused::note_refused;
use super::spool::Spool;
use super::status::Tally;
use backlog::Backlog;

/// Runs that the server can't take in a row: then it can take none.
const MAX_FAILING_RUNS: usize = 3;

/// How often is looked for runs that the server has had for long.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// How a pass over the spool went.
#[derive(Debug, PartialEq, Eq)]
pub enum Passed {
    /// The server has everything that there was.
    All,
    /// Another process is sending.
    Elsewhere,
}

/// Sends what a spool holds to a server.
#[derive(Debug)]
pub struct Sender {
    spool: Spool,
    mlflow: Mlflow,
    keep_sent: Duration,
    tally: Arc<Tally>,
    backlog: Backlog,
    /// Their ids there, by name.
    experiments: HashMap<String, String>,
    pruned_at: Option<Instant>,
}

impl Sender {
    pub fn new(spool: Spool, mlflow: Mlflow, keep_sent: Duration, tally: Arc<Tally>) -> Self {
        let (backlog, experiments) = (Backlog::default(), HashMap::new());
        Self { spool, mlflow, keep_sent, tally, backlog, experiments, pruned_at: None }
    }

    /// Sends everything there is, unless another process does. A run that fails holds up no other.
    pub fn pass(&mut self) -> Result<Passed, Fault> {
        let Some(_held) = self.spool.try_to_send()? else { return Ok(Passed::Elsewhere) };
        let sent = self.send_all();
        let waiting = self.backlog.count(&self.spool);
        self.tally.set_waiting(waiting?);
        sent?;
        self.prune()?;
        Ok(Passed::All)
    }

    fn send_all(&mut self) -> Result<(), Fault> {
        let (mut failed, mut num_in_a_row) = (None, 0);
        for run in self.spool.unsent_runs()? {
            match self.send_run(&run) {
                Ok(()) => num_in_a_row = 0,
                Err(fault @ Fault::Failing(_)) if num_in_a_row + 1 < MAX_FAILING_RUNS => {
                    failed = Some(fault);
                    num_in_a_row += 1;
                }
                Err(fault) => return Err(fault),
            }
        }
        self.send_models()?;
        failed.map_or(Ok(()), Err)
    }

    /// Lines up to there were acknowledged.
    fn acknowledge(&self, folder: &Path, cursor: &mut Cursor, file: &Path, to: FileCursor) -> io::Result<()> {
        self.tally.sent(to.num_lines - cursor.file(file).num_lines);
        cursor.advance(file, to);
        cursor.write(folder)
    }

    /// A record that the server will never take must not hold up the others.
    fn give_up(&self, folder: &Path, record: &Record, code: &str, message: &str) -> io::Result<()> {
        note_refused(folder, record, code, message)?;
        if self.tally.status().num_refused == 0 {
            let spool = folder.display();
            tracing::warn!(code, %spool, "tracking: the server refuses a record: {message}; it is kept in refused.jsonl");
        }
        self.tally.refused(1);
        Ok(())
    }

    /// Removes what the server has had for long enough.
    fn prune(&mut self) -> io::Result<()> {
        if self.pruned_at.is_some_and(|at| at.elapsed() < PRUNE_EVERY) {
            return Ok(());
        }
        self.pruned_at = Some(Instant::now());
        let _held = self.spool.hold_moves()?;
        for run in self.spool.sent_runs()? {
            let folder = self.spool.sent_run(&run);
            let sent_at = fs::metadata(folder.join("cursor.json")).and_then(|metadata| metadata.modified());
            if sent_at.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > self.keep_sent)) {
                fs::remove_dir_all(&folder)?;
            }
        }
        Ok(())
    }
}
