//! Peak resident memory of this process, where the system tells.

/// Peak resident bytes of this process; `None` where the system does not tell.
#[must_use]
pub fn peak_resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Lets the peak begin anew at what is resident now, and returns that; `None` where the system does not tell.
pub fn reset_peak_resident_bytes() -> Option<u64> {
    // proc(5), `clear_refs`: 5 resets the peak; where that is refused the peak goes on from the start of the process
    std::fs::write("/proc/self/clear_refs", "5").ok();
    peak_resident_bytes()
}

/// Bytes that processes could still get without swapping; `None` where the system does not tell.
pub(crate) fn available_bytes() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_peak_is_seen_and_forgotten() {
        const SIZE_BYTES: usize = 64 << 20;
        let before = reset_peak_resident_bytes().unwrap();
        drop(std::hint::black_box(vec![1_u8; SIZE_BYTES]));
        let peak = peak_resident_bytes().unwrap();
        assert!(peak >= before + SIZE_BYTES as u64 / 2, "{before} then {peak}");
        assert!(reset_peak_resident_bytes().unwrap() < peak);
    }
}
