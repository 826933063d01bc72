//! This program once more as a child process, so that a crash there is a result here.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

/// Runs this program with other arguments; `None` if it took longer than the deadline.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, deadline: Duration) -> Result<Option<Output>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("this program can't be started as a child process")?;
    // read while it runs: a child that says much would wait for an empty pipe
    let (stdout, stderr) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
    let Some(status) = wait(&mut child, deadline)? else { return Ok(None) };
    let bytes = |reader: JoinHandle<Vec<u8>>| reader.join().map_err(|_| anyhow!("a child's output can't be read"));
    Ok(Some(Output { status, stdout: bytes(stdout)?, stderr: bytes(stderr)? }))
}

/// How a process ended that gave no exit code.
#[cfg(unix)]
pub fn ended_by(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    status.signal().map_or_else(|| status.to_string(), |signal| format!("ended by signal {signal}"))
}

/// How a process ended that gave no exit code.
#[cfg(not(unix))]
pub fn ended_by(status: ExitStatus) -> String {
    status.to_string()
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // what was read before a failure is worth showing
        pipe.map(|mut pipe| pipe.read_to_end(&mut bytes).ok());
        bytes
    })
}

fn wait(child: &mut Child, deadline: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
