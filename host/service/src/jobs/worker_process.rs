//! The child process in which a worker is: started, spoken to, heard, ended.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::executor::Ending;
use super::process_tree::kill_children_of;
use super::worker::protocol::{FromWorker, ToWorker};

/// Lines of its stderr, other than of its log, that are told when it is lost.
const NUM_LAST_WORDS: usize = 3;
/// A line of them is cut there.
const MAX_LINE_BYTES: usize = 300;
/// How long the rest of its stderr is waited for once it ended.
const MAX_WAIT_FOR_WORDS: Duration = Duration::from_millis(500);

/// How a worker is started.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl WorkerCommand {
    /// `scene3d worker` of the program that runs now; images of a remote object store are kept in `cache_dir`.
    ///
    /// # Errors
    /// If the system does not tell which program that is.
    pub fn of_this_program(cache_dir: &Path) -> io::Result<Self> {
        let arguments = ["worker".into(), "--cache-dir".into(), cache_dir.into()].into();
        Ok(Self { program: std::env::current_exe()?, arguments })
    }
}

/// A worker; killed when dropped.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    last_words: Arc<Mutex<VecDeque<String>>>,
    stderr: JoinHandle<()>,
}

impl WorkerProcess {
    pub(super) fn start(command: &WorkerCommand) -> io::Result<Self> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let no_pipe = || io::Error::other("it has no pipes");
        let (stdout, stderr) = (child.stdout.take().ok_or_else(no_pipe)?, child.stderr.take().ok_or_else(no_pipe)?);
        let last_words = Arc::default();
        Ok(Self {
            stdin: child.stdin.take(),
            answers: BufReader::new(stdout).lines(),
            stderr: tokio::spawn(listen(stderr, Arc::clone(&last_words))),
            last_words,
            child,
        })
    }

    /// Whether it can be spoken to.
    pub(super) fn is_alive(&mut self) -> bool {
        self.stdin.is_some() && matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) async fn send(&mut self, request: &ToWorker) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        stdin.write_all(&line).await?;
        stdin.flush().await
    }

    /// What it says next; `None` once it ended.
    pub(super) async fn next(&mut self) -> Option<FromWorker> {
        while let Ok(Some(line)) = self.answers.next_line().await {
            match serde_json::from_str(&line) {
                Ok(told) => return Some(told),
                Err(error) => tracing::error!(%error, "a line of the worker can't be read"),
            }
        }
        None
    }

    /// Closes its stdin, on which it ends by itself, and kills it if it does not.
    pub(super) async fn end(mut self, deadline: Duration) {
        self.stdin = None;
        if tokio::time::timeout(deadline, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// Kills it with what it started.
    pub(super) async fn kill(&mut self) {
        if let Some(pid) = self.child.id() {
            kill_children_of(pid);
        }
        if let Err(error) = self.child.kill().await {
            tracing::error!(%error, "a worker can't be killed");
        }
    }

    /// How it ended, and what it said last.
    pub(super) async fn how_it_ended(mut self) -> Ending {
        let status = match self.child.wait().await {
            Ok(status) => describe(status),
            Err(error) => format!("ended, nobody knows how ({error})"),
        };
        tokio::time::timeout(MAX_WAIT_FOR_WORDS, &mut self.stderr).await.ok();
        let last_words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let last_words = last_words.iter().map(String::as_str).collect::<Vec<_>>().join(" | ");
        Ending::WorkerLost { reason: format!("the worker {status}"), last_words }
    }
}

/// Lines of its log are passed on as they are; anything else is what libraries say before they end a process.
async fn listen(stderr: ChildStderr, last_words: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = BufReader::new(stderr).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        if line.starts_with(b"{") {
            let mut stderr = io::stderr().lock();
            // a server whose stderr is closed has no log
            stderr.write_all(&line).and_then(|()| stderr.write_all(b"\n")).ok();
            continue;
        }
        let mut line = String::from_utf8_lossy(&line).into_owned();
        line.truncate(line.floor_char_boundary(MAX_LINE_BYTES));
        tracing::warn!(target: "worker", "{line}");
        let mut last_words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        last_words.push_back(line);
        if last_words.len() > NUM_LAST_WORDS {
            last_words.pop_front();
        }
    }
}

#[cfg(unix)]
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let name = |signal| match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        9 => " (SIGKILL; the system may have run out of memory)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    };
    match status.signal() {
        Some(signal) => format!("was ended by signal {signal}{}", name(signal)),
        None => format!("ended with {status}"),
    }
}

#[cfg(not(unix))]
fn describe(status: ExitStatus) -> String {
    format!("ended with {status}")
}
