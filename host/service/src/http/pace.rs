//! How slowly a client may send: one that trickles holds a connection and a file for nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::UploadsSection;

/// Watches what is waited for; time that is spent on what came does not count against the client.
#[derive(Debug)]
pub struct Pace {
    max_pause: Duration,
    min_bytes_per_sec: u64,
    waited: Duration,
    num_bytes: u64,
}

/// It is too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSlow;

impl Pace {
    /// As configured.
    #[must_use]
    pub fn new(limits: &UploadsSection) -> Self {
        let max_pause = Duration::from_secs(limits.max_pause_secs);
        Self { max_pause, min_bytes_per_sec: limits.min_bytes_per_sec, waited: Duration::ZERO, num_bytes: 0 }
    }

    /// The next bytes; `count` says how many came.
    ///
    /// # Errors
    /// [`TooSlow`] if none came within the longest pause, or on average over such a time too few.
    pub async fn next<T>(&mut self, read: impl Future<Output = T>, count: impl Fn(&T) -> usize) -> Result<T, TooSlow> {
        let begun = Instant::now();
        let read = tokio::time::timeout(self.max_pause, read).await.map_err(|_| TooSlow)?;
        self.waited += begun.elapsed();
        self.num_bytes += count(&read) as u64;
        if self.waited >= self.max_pause {
            let expected = self.min_bytes_per_sec as f64 * self.waited.as_secs_f64();
            if (self.num_bytes as f64) < expected {
                return Err(TooSlow);
            }
            (self.waited, self.num_bytes) = (Duration::ZERO, 0);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(200);

    /// Whether a client is borne that sends so many bytes twenty times, each after a while.
    async fn is_borne(pause: Duration, num_bytes: usize) -> bool {
        let mut pace = Pace { max_pause: PAUSE, min_bytes_per_sec: 500, waited: Duration::ZERO, num_bytes: 0 };
        for _ in 0..20 {
            let sent = async {
                tokio::time::sleep(pause).await;
                num_bytes
            };
            if pace.next(sent, |num_bytes| *num_bytes).await.is_err() {
                return false;
            }
        }
        true
    }

    #[tokio::test]
    async fn trickles_and_pauses_end_and_slow_networks_do_not() {
        assert!(!is_borne(PAUSE / 10, 1).await && !is_borne(PAUSE * 2, 1 << 20).await);
        assert!(is_borne(PAUSE / 10, 10_000).await && is_borne(Duration::ZERO, 1).await);
    }

    #[tokio::test]
    async fn a_slow_disk_is_not_the_clients_fault() {
        let mut pace = Pace { max_pause: PAUSE, min_bytes_per_sec: 500, waited: Duration::ZERO, num_bytes: 0 };
        for _ in 0..3 {
            assert_eq!(pace.next(async { 1 }, |num_bytes| *num_bytes).await, Ok(1));
            tokio::time::sleep(PAUSE).await;
        }
    }
}
