//! A job's life: queued, checked, run by an executor, ended.

mod attempt;
pub mod dispatcher;
pub mod executor;
pub mod failure;
pub mod local;
pub mod machine;
mod notes;
mod process_tree;
pub mod public_address;
pub mod ray;
pub mod retention;
pub mod state;
pub mod submission;
pub mod tracker;
pub mod watch;
pub mod webhooks;
pub mod worker;
pub mod worker_process;

use std::path::Path;

/// Bytes of all files below a folder; 0 where it can't be read.
fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of_entry = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of_entry).sum()
}
