//! Times as the store keeps them: milliseconds since the epoch, UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now.
#[must_use]
pub fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since_epoch)
}

/// A duration in milliseconds.
#[must_use]
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A time as RFC 3339 with milliseconds, e.g. `2026-11-23T13:05:00.250Z`.
#[must_use]
pub fn rfc3339(at_ms: i64) -> String {
    let since_epoch = Duration::from_millis(u64::try_from(at_ms).unwrap_or_default());
    humantime::format_rfc3339_millis(UNIX_EPOCH + since_epoch).to_string()
}
