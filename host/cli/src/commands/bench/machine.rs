//! The machine that was measured on, as far as it tells.

use std::env::consts::{ARCH, OS};
use std::thread;

use scene3d_tensor::Device;

use super::figures::MachineFacts;

/// What is known of this machine, and where the stages ran.
pub fn facts(device: Device) -> MachineFacts {
    MachineFacts {
        cpu: entry("/proc/cpuinfo", "model name"),
        num_threads: thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: entry("/proc/meminfo", "MemTotal").and_then(|text| kilobytes(&text)).map(|kb| kb * 1024),
        system: format!("{OS} {ARCH}"),
        device: device.to_string(),
    }
}

/// The first value of a key in a file of lines `key: value`.
fn entry(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut entries = text.lines().filter_map(|line| line.split_once(':'));
    entries.find(|(known, _)| known.trim() == key).map(|(_, value)| value.trim().to_owned())
}

fn kilobytes(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse().ok()
}
