//! A child process in a process group of its own, whose log is kept and which never outlives its owner.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use scene3d_sdk::{Result, SdkError};

use crate::Caller;

/// How often cancellation and the deadline are looked at.
const POLL: Duration = Duration::from_millis(50);
/// Lines of the log that an error quotes.
const NUM_QUOTED_LINES: usize = 12;

/// When to give up.
pub(crate) struct Watch<'a> {
    pub(crate) caller: &'a dyn Caller,
    start: Instant,
    limit: Limit,
    /// A wait within another one, which may end first.
    outer: Option<&'a Watch<'a>>,
}

/// How long something may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Config key that sets it.
    pub(crate) key: &'static str,
    /// 0: no limit.
    pub(crate) secs: u64,
    /// What has not happened by then.
    pub(crate) missed: &'static str,
}

impl<'a> Watch<'a> {
    /// From now on.
    pub(crate) fn new(caller: &'a dyn Caller, limit: Limit) -> Self {
        Self { caller, start: Instant::now(), limit, outer: None }
    }

    /// A wait of its own within this one, from now on.
    pub(crate) fn within(&'a self, limit: Limit) -> Self {
        Self { outer: Some(self), ..Self::new(self.caller, limit) }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Some(outer) = self.outer {
            outer.check()?;
        }
        if self.caller.is_cancelled() {
            return Err(SdkError::cancelled());
        }
        let Limit { key, secs, missed } = self.limit;
        if secs > 0 && self.start.elapsed() >= Duration::from_secs(secs) {
            let message = format!("{missed} within {key} = {secs}");
            return Err(SdkError::timeout(message).help(format!("raise {key}, or set it to 0 for no limit")));
        }
        Ok(())
    }
}

/// The log of one run: every line goes to its file, the last ones are kept for errors.
#[derive(Default)]
pub(crate) struct Log {
    file: Option<(PathBuf, File)>,
    last_lines: VecDeque<String>,
}

impl Log {
    /// From now on lines go to this file, those kept so far first.
    pub(crate) fn write_to(&mut self, path: &Path) -> std::io::Result<()> {
        let mut file = File::options().create(true).append(true).open(path)?;
        for line in &self.last_lines {
            writeln!(file, "{line}")?;
        }
        self.file = Some((path.to_owned(), file));
        Ok(())
    }

    pub(crate) fn push(&mut self, line: String) {
        if let Some((_, file)) = &mut self.file {
            // a full disk shows in what COLMAP itself writes; its log is not worth failing for
            let _ = writeln!(file, "{line}");
        }
        self.last_lines.push_back(line);
        if self.last_lines.len() > NUM_QUOTED_LINES {
            self.last_lines.pop_front();
        }
    }

    fn quote(&self) -> String {
        Vec::from_iter(self.last_lines.iter().map(String::as_str)).join("\n")
    }
}

/// The log, shared with the threads that fill it.
pub(crate) type SharedLog = Arc<Mutex<Log>>;

pub(crate) fn lock(log: &SharedLog) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What becomes of a child's stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// It goes to the log, so that stdout holds nothing but answers.
    Apart,
    /// It is read with stdout.
    Joined,
}

/// A running child with its whole process group; killed when dropped.
pub(crate) struct Group {
    child: Child,
    /// Closed when dropped, by which a well-behaved child ends even if this process is killed.
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr_reader: Option<JoinHandle<()>>,
    pub(crate) log: SharedLog,
    status: Option<ExitStatus>,
}

impl Group {
    /// Starts the command; what it writes is read line by line.
    ///
    /// Takes the command because it holds the writing ends of the pipes, without whose end there is no end of lines.
    pub(crate) fn spawn(mut command: Command, output: Output, log: SharedLog) -> std::io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let (stdout, stdout_writer) = pipe()?;
        let (stderr, stderr_writer) = match output {
            Output::Apart => pipe().map(|(reader, writer)| (Some(reader), writer))?,
            Output::Joined => (None, stdout_writer.try_clone()?),
        };
        let mut child = command.stdin(Stdio::piped()).stdout(stdout_writer).stderr(stderr_writer).spawn()?;
        drop(command);
        let stdin = child.stdin.take();
        let (sender, lines) = channel();
        // owned from here on: a thread that can't be started drops, and so kills, the child
        let mut group = Self { child, stdin, lines, stderr_reader: None, log, status: None };
        spawn_named("colmap-stdout", move || send_lines(stdout, &sender))?;
        if let Some(stderr) = stderr {
            let log = Arc::clone(&group.log);
            let keep = move || for_each_line(stderr, |line| lock(&log).push(line));
            group.stderr_reader = Some(spawn_named("colmap-stderr", keep)?);
        }
        Ok(group)
    }

    /// Writes a line to the child's stdin; if it ended, reading its answer will tell.
    pub(crate) fn send(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
    }

    /// Next line of stdout; `None` once there are no more.
    pub(crate) fn next_line(&mut self, watch: &Watch<'_>) -> Result<Option<String>> {
        loop {
            watch.check().inspect_err(|_| self.kill())?;
            match self.lines.recv_timeout(POLL) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// Waits for the end of a child whose stdout has ended.
    pub(crate) fn wait(&mut self, watch: &Watch<'_>) -> Result<ExitStatus> {
        let waiting = |error| SdkError::internal(format!("cannot wait for colmap: {error}"));
        self.stdin = None;
        let status = loop {
            watch.check().inspect_err(|_| self.kill())?;
            match self.child.try_wait().map_err(waiting)? {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.status = Some(status);
        self.join_stderr();
        Ok(status)
    }

    /// Why the child failed: how it ended and what it said last.
    pub(crate) fn failure(&self, program: &str, status: ExitStatus) -> SdkError {
        let message = format!("{program} {}", describe(status));
        let error = match signal(status) {
            Some(SIGKILL) => SdkError::unavailable(message)
                .help("the system may have run out of memory: free some, or match fewer keypoints or fewer pairs"),
            _ => SdkError::internal(message)
                .help("the log says where it gave up; another mapper, seed or engine may get past that point"),
        };
        self.with_log(error)
    }

    /// Adds the log's last lines and its path.
    pub(crate) fn with_log(&self, mut error: SdkError) -> SdkError {
        let log = lock(&self.log);
        let quote = log.quote();
        if !quote.is_empty() {
            error.message = format!("{}; its last lines were:\n{quote}", error.message);
        }
        match &log.file {
            Some((path, _)) => error.detail("log", path.display().to_string()),
            None => error,
        }
    }

    fn kill(&mut self) {
        if self.status.is_some() {
            return;
        }
        #[cfg(unix)]
        {
            let group = rustix::process::Pid::from_child(&self.child);
            // fails only if the group has ended
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = self.child.kill();
        self.status = self.child.wait().ok();
        self.join_stderr();
    }

    fn join_stderr(&mut self) {
        if let Some(reader) = self.stderr_reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn_named(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

fn send_lines(stdout: impl Read, sender: &Sender<String>) {
    // the receiver is gone only when the child is being killed
    for_each_line(stdout, |line| drop(sender.send(line)));
}

fn for_each_line(reader: impl Read, mut visit: impl FnMut(String)) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        visit(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
        line.clear();
    }
}

const SIGKILL: i32 = 9;

fn describe(status: ExitStatus) -> String {
    let name = |signal| match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        SIGKILL => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    };
    match (signal(status), status.code()) {
        (Some(signal), _) => format!("was ended by signal {signal}{}", name(signal)),
        (None, Some(code)) => format!("ended with exit code {code}"),
        (None, None) => "ended without an exit code".to_owned(),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
