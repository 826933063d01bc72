//! How far a download is: one line that is rewritten on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const TERMINAL_INTERVAL: Duration = Duration::from_millis(200);
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Prints the state of one download.
#[derive(Debug)]
pub struct Progress {
    size_bytes: Option<u64>,
    first: Option<(Instant, u64)>,
    printed: Instant,
}

impl Progress {
    /// Of a download whose size may be known.
    #[must_use]
    pub fn new(size_bytes: Option<u64>) -> Self {
        Self { size_bytes, first: None, printed: Instant::now() }
    }

    /// Called often; prints rarely.
    pub fn update(&mut self, done_bytes: u64) {
        let (start, first_bytes) = *self.first.get_or_insert_with(|| (Instant::now(), done_bytes));
        let interval = if stderr().is_terminal() { TERMINAL_INTERVAL } else { LOG_INTERVAL };
        if self.printed.elapsed() < interval {
            return;
        }
        self.printed = Instant::now();
        let rate = (done_bytes - first_bytes.min(done_bytes)) as f64 / start.elapsed().as_secs_f64().max(1e-3);
        let text = line(done_bytes, self.size_bytes, rate);
        if stderr().is_terminal() {
            eprint!("\r\x1b[K  {text}");
            // a progress line that cannot be shown is no reason to stop a download
            let _ = stderr().flush();
        } else {
            eprintln!("  {text}");
        }
    }

    /// Clears the terminal's line.
    pub fn finish(&self) {
        if stderr().is_terminal() && self.first.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

/// A size for people: `506 MB`.
#[must_use]
pub fn megabytes(size_bytes: u64) -> String {
    let size_mb = size_bytes as f64 / 1e6;
    if size_mb < 10.0 { format!("{size_mb:.1} MB") } else { format!("{size_mb:.0} MB") }
}

fn line(done_bytes: u64, size_bytes: Option<u64>, bytes_per_sec: f64) -> String {
    let rate = format!("{}/s", megabytes(bytes_per_sec as u64));
    let Some(size_bytes) = size_bytes.filter(|&size_bytes| size_bytes >= done_bytes && size_bytes > 0) else {
        return format!("{}, {rate}", megabytes(done_bytes));
    };
    let percent = done_bytes * 100 / size_bytes;
    let left_secs = (size_bytes - done_bytes) as f64 / bytes_per_sec.max(1.0);
    format!("{percent} % of {}, {rate}, {left_secs:.0} s left", megabytes(size_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_share_rate_and_time_left() {
        assert_eq!(line(50_000_000, Some(200_000_000), 10e6), "25 % of 200 MB, 10 MB/s, 15 s left");
        assert_eq!(line(5_000_000, None, 1e6), "5.0 MB, 1.0 MB/s");
        assert_eq!(line(5, Some(0), 0.0), "0.0 MB, 0.0 MB/s");
    }
}
