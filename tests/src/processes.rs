//! Processes of this machine, as `/proc` shows them: children, memory, ends (proc(5)).

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// A process that was told to end does so within this time.
const MAX_END: Duration = Duration::from_secs(5);

/// Ids of the processes that a process started.
#[must_use]
pub fn children_of(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let ids = children.collect::<Vec<_>>().join(" ");
    ids.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Waits until a process is gone.
///
/// # Panics
/// If it goes on.
pub fn wait_until_gone(pid: u32) {
    let started = Instant::now();
    while lives(pid) {
        assert!(started.elapsed() < MAX_END, "process {pid} goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process works: a zombie has ended, whoever has yet to ask how.
#[must_use]
pub fn lives(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Bytes of memory that a process holds; 0 if it is gone.
#[must_use]
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// Most memory that a process ever held, in MiB; none if it is gone.
#[must_use]
pub fn peak_mib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? >> 10)
}

/// Ids of the processes whose command lines begin so, lowest first.
#[must_use]
pub fn processes_named(beginning: &str) -> Vec<u32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let is_it = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|command| command.starts_with(beginning))
    };
    let mut found: Vec<u32> = ids.filter(is_it).collect();
    found.sort_unstable();
    found
}

/// Files, sockets and pipes that a process has open.
#[must_use]
pub fn num_open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Sends a signal, e.g. `-KILL`.
///
/// # Panics
/// If there is no such process.
pub fn send_signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "process {pid} can't be sent {name}");
}
