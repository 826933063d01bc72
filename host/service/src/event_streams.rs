//! How many streams of events are open at a time: each holds a connection for as long as its job runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Streams that are open, of each user and of all.
#[derive(Debug)]
pub struct EventStreams {
    max: usize,
    max_of_user: usize,
    open: Mutex<HashMap<String, usize>>,
}

/// One of them; counted until it is dropped.
#[derive(Debug)]
pub struct OpenStream {
    streams: Arc<EventStreams>,
    user_id: String,
}

/// Why there may be no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooManyStreams {
    /// The user has as many as one may have.
    OfUser(usize),
    /// The server has as many as it takes.
    OfAll(usize),
}

impl EventStreams {
    /// None is open.
    #[must_use]
    pub fn new(max: usize, max_of_user: usize) -> Arc<Self> {
        Arc::new(Self { max, max_of_user, open: Mutex::default() })
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`TooManyStreams`], with how many there may be.
    pub fn open(self: &Arc<Self>, user_id: &str) -> Result<OpenStream, TooManyStreams> {
        let mut open = self.counts();
        if open.values().sum::<usize>() >= self.max {
            return Err(TooManyStreams::OfAll(self.max));
        }
        let of_user = open.entry(user_id.to_owned()).or_default();
        if *of_user >= self.max_of_user {
            return Err(TooManyStreams::OfUser(self.max_of_user));
        }
        *of_user += 1;
        Ok(OpenStream { streams: Arc::clone(self), user_id: user_id.to_owned() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.counts();
        if let Some(of_user) = open.get_mut(&self.user_id) {
            *of_user -= 1;
            if *of_user == 0 {
                open.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_takes_no_more_than_his_share_and_gives_it_back() {
        let streams = EventStreams::new(3, 2);
        let of_ann = [streams.open("ann").unwrap(), streams.open("ann").unwrap()];
        assert_eq!(streams.open("ann").unwrap_err(), TooManyStreams::OfUser(2));
        let of_bob = streams.open("bob").unwrap();
        assert_eq!(streams.open("bob").unwrap_err(), TooManyStreams::OfAll(3));
        drop(of_ann);
        let again = [streams.open("bob").unwrap(), streams.open("ann").unwrap()];
        drop((of_bob, again));
        assert!(streams.counts().is_empty());
    }
}
