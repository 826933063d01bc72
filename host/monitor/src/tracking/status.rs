//! How sending goes, for whoever watches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How sending goes, since this process began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackingStatus {
    /// Records in the spool that the server lacks; 0 where there is no server.
    pub num_waiting: u64,
    /// Records that the server took.
    pub num_sent: u64,
    /// Attempts that failed: nobody answered, or not as an MLflow server does.
    pub num_failures: u64,
    /// Records that the server will never take; they are in the spool with its reason.
    pub num_refused: u64,
    /// Why the last attempt failed; `None` once one succeeds.
    pub last_failure: Option<String>,
}

/// Written by the thread that sends, read by any.
#[derive(Debug, Default)]
pub struct Tally {
    waiting: AtomicU64,
    sent: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

impl Tally {
    pub fn set_waiting(&self, num_records: u64) {
        self.waiting.store(num_records, Ordering::Relaxed);
    }

    pub fn sent(&self, num_records: u64) {
        self.sent.fetch_add(num_records, Ordering::Relaxed);
    }

    pub fn refused(&self, num_records: u64) {
        self.refused.fetch_add(num_records, Ordering::Relaxed);
    }

    /// Whether the attempt before this one had not failed.
    pub fn failed(&self, why: &str) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.last_failure().replace(why.to_owned()).is_none()
    }

    /// Whether the attempt before this one had failed.
    pub fn succeeded(&self) -> bool {
        self.last_failure().take().is_some()
    }

    pub fn status(&self) -> TrackingStatus {
        TrackingStatus {
            num_waiting: self.waiting.load(Ordering::Relaxed),
            num_sent: self.sent.load(Ordering::Relaxed),
            num_failures: self.failures.load(Ordering::Relaxed),
            num_refused: self.refused.load(Ordering::Relaxed),
            last_failure: self.last_failure().clone(),
        }
    }

    fn last_failure(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_failure_and_the_first_success_after_it_are_news() {
        let tally = Tally::default();
        assert!(!tally.succeeded());
        assert!(tally.failed("a") && !tally.failed("b"));
        assert_eq!(tally.status().last_failure.as_deref(), Some("b"));
        assert!(tally.succeeded() && !tally.succeeded());
        assert_eq!(tally.status().num_failures, 2);
    }
}
