//! Slows down those who guess passwords, keys and tokens: the wait doubles with each failure, by user name and by address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How failures of one key are answered.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Failures that cost nothing: people mistype.
    num_free: u32,
    /// The longest wait. For names it is short: whoever guesses must not keep the name's owner out for long.
    max_wait: Duration,
}

const OF_NAMES: Pace = Pace { num_free: 5, max_wait: Duration::from_secs(60) };
const OF_ADDRESSES: Pace = Pace { num_free: 20, max_wait: Duration::from_secs(900) };

/// Failures are forgotten when the last one is this old.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Beyond that many keys the old ones are dropped.
const MAX_KEYS: usize = 100_000;

/// Failures by user name and by address.
#[derive(Debug, Default)]
pub struct Guessing {
    names: Failures<String>,
    addresses: Failures<IpAddr>,
}

impl Guessing {
    /// Counts an attempt before it is known to fail: many at once are slowed as many in a row.
    ///
    /// # Errors
    /// How long to wait.
    pub fn begin(&self, name: Option<&str>, address: IpAddr) -> Result<(), Duration> {
        let now = Instant::now();
        self.addresses.begin(address, OF_ADDRESSES, now)?;
        name.map_or(Ok(()), |name| self.names.begin(name.to_owned(), OF_NAMES, now))
    }

    /// The attempt succeeded: the name starts anew, the address loses what was counted for it.
    pub fn succeeded(&self, name: Option<&str>, address: IpAddr) {
        self.addresses.take_back(&address);
        if let Some(name) = name {
            self.names.forget(&name.to_owned());
        }
    }
}

#[derive(Debug)]
struct Failures<K>(Mutex<HashMap<K, Counted>>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    num: u32,
    last: Instant,
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Failures<K> {
    fn begin(&self, key: K, pace: Pace, now: Instant) -> Result<(), Duration> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_KEYS {
            keys.retain(|_, counted| now.duration_since(counted.last) < pace.max_wait);
        }
        let counted = keys.entry(key).or_insert(Counted { num: 0, last: now });
        let since = now.duration_since(counted.last);
        if since > FORGET_AFTER {
            counted.num = 0;
        }
        let wait = pace.wait(counted.num);
        if since < wait {
            return Err(wait - since);
        }
        *counted = Counted { num: counted.num.saturating_add(1), last: now };
        Ok(())
    }

    fn take_back(&self, key: &K) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = keys.get_mut(key) {
            counted.num = counted.num.saturating_sub(1);
        }
    }

    fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl Pace {
    fn wait(self, num_failures: u32) -> Duration {
        let Some(num_costly) = num_failures.checked_sub(self.num_free) else { return Duration::ZERO };
        let doubled = 1_u64.checked_shl(num_costly).unwrap_or(u64::MAX);
        Duration::from_secs(doubled).min(self.max_wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_forgotten() {
        let (failures, start) = (Failures::default(), Instant::now());
        let at = |secs: u64| failures.begin("ann", OF_NAMES, start + Duration::from_secs(secs));
        for _ in 0..OF_NAMES.num_free {
            assert_eq!(at(0), Ok(()));
        }
        assert_eq!(at(0), Err(Duration::from_secs(1)));
        assert_eq!(at(1), Ok(()));
        assert_eq!(at(1), Err(Duration::from_secs(2)));
        assert_eq!(at(3), Ok(()));
        for later in [100, 200, 300, 400] {
            assert_eq!(at(later), Ok(()));
        }
        assert_eq!(at(400), Err(OF_NAMES.max_wait));
        assert_eq!(at(400 + FORGET_AFTER.as_secs() + 1), Ok(()));
        assert_eq!(at(400 + FORGET_AFTER.as_secs() + 1), Ok(()));
    }

    #[test]
    fn a_success_frees_the_name_and_not_what_others_did_from_the_address() {
        let (guessing, address) = (Guessing::default(), IpAddr::from([127, 0, 0, 1]));
        for _ in 0..OF_ADDRESSES.num_free {
            guessing.begin(Some("ann"), address).ok();
            guessing.names.forget(&"ann".to_owned());
        }
        assert!(guessing.begin(Some("bob"), address).is_err());
        guessing.succeeded(Some("bob"), address);
        assert_eq!(guessing.begin(Some("bob"), address), Ok(()));
        assert!(guessing.begin(Some("bob"), address).is_err());
    }
}
