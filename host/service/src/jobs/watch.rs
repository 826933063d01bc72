//! Listeners of jobs' events: each change is read once, however many listen, and handed to all of them.
//!
//! Changes of this process are heard of at once, those of others on the same database by looking every half second.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::store::Store;
use crate::store::events::StoredEvent;

/// Events of a job that are kept for its listeners; who is further behind reads the database.
const MAX_RECENT: usize = 256;

/// How often other processes' changes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Events of a job read at once.
const PAGE: i64 = 500;

/// Events that a listener who is behind reads at once, and holds until its client took them.
const LISTENERS_PAGE: i64 = 100;

/// Events on their way to listeners.
#[derive(Debug)]
pub struct Watch {
    store: Store,
    watched: Mutex<HashMap<String, Watched>>,
}

#[derive(Debug)]
struct Watched {
    /// In order, without gaps.
    recent: VecDeque<Arc<StoredEvent>>,
    /// Number of the last event known.
    last_seq: watch::Sender<i64>,
    num_listeners: usize,
}

/// Somebody who follows a job; forgotten when dropped.
#[derive(Debug)]
pub struct Listener {
    watch: Arc<Watch>,
    job_id: String,
    /// Number of the last event that was handed out.
    seq: i64,
    last_seq: watch::Receiver<i64>,
}

impl Watch {
    /// Of a store; [`Self::run`] does the work.
    #[must_use]
    pub fn new(store: Store) -> Arc<Self> {
        Arc::new(Self { store, watched: Mutex::default() })
    }

    /// Follows a job behind the event of that number (0: from its beginning), which must not lie ahead.
    #[must_use]
    pub fn listen(self: &Arc<Self>, job_id: &str, behind_seq: i64) -> Listener {
        let mut watched = self.watched();
        let entry = watched.entry(job_id.to_owned()).or_insert_with(|| Watched {
            recent: VecDeque::new(),
            last_seq: watch::channel(behind_seq).0,
            num_listeners: 0,
        });
        entry.num_listeners += 1;
        let last_seq = entry.last_seq.subscribe();
        Listener { watch: Arc::clone(self), job_id: job_id.to_owned(), seq: behind_seq, last_seq }
    }

    /// How many listen.
    #[must_use]
    pub fn num_listeners(&self) -> usize {
        self.watched().values().map(|entry| entry.num_listeners).sum()
    }

    /// Looks for changes until it is cancelled.
    pub async fn run(&self, stop: CancellationToken) {
        let mut changed = self.store.listen();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.look_at_all().await,
                job = changed.recv() => match job {
                    Ok(job_id) => self.look_at(&job_id).await,
                    Err(RecvError::Lagged(_)) => self.look_at_all().await,
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    async fn look_at_all(&self) {
        let jobs: Vec<String> = self.watched().keys().cloned().collect();
        for job_id in jobs {
            self.look_at(&job_id).await;
        }
    }

    /// A database that does not answer is asked again with the next look.
    async fn look_at(&self, job_id: &str) {
        let Some(known) = self.watched().get(job_id).map(|entry| *entry.last_seq.borrow()) else { return };
        match self.store.events_after(job_id, known, PAGE).await {
            Ok(events) if events.is_empty() => {}
            Ok(events) => self.hand_out(job_id, known, events),
            Err(error) => tracing::warn!(%error, "events can't be read"),
        }
    }

    fn hand_out(&self, job_id: &str, known: i64, events: Vec<StoredEvent>) {
        let mut watched = self.watched();
        let Some(entry) = watched.get_mut(job_id).filter(|entry| *entry.last_seq.borrow() == known) else { return };
        entry.recent.extend(events.into_iter().map(Arc::new));
        while entry.recent.len() > MAX_RECENT {
            entry.recent.pop_front();
        }
        let last_seq = entry.recent.back().map_or(known, |event| event.seq);
        entry.last_seq.send_replace(last_seq);
    }

    fn recent_behind(&self, job_id: &str, seq: i64) -> Option<Vec<Arc<StoredEvent>>> {
        let watched = self.watched();
        let recent = &watched.get(job_id)?.recent;
        let first = recent.front()?.seq;
        let num_known = usize::try_from(seq + 1 - first).ok()?;
        Some(recent.iter().skip(num_known).cloned().collect())
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<String, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// The next events, in order; waits until there are any.
    ///
    /// # Errors
    /// [`crate::ServiceError::Database`].
    pub async fn next(&mut self) -> Result<Vec<Arc<StoredEvent>>> {
        loop {
            self.last_seq.mark_unchanged();
            let events = match self.watch.recent_behind(&self.job_id, self.seq) {
                Some(events) => events,
                None => {
                    let events = self.watch.store.events_after(&self.job_id, self.seq, LISTENERS_PAGE).await?;
                    events.into_iter().map(Arc::new).collect()
                }
            };
            if let Some(last) = events.last() {
                self.seq = last.seq;
                return Ok(events);
            }
            // the sender lives as long as there is a listener
            let _ = self.last_seq.changed().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut watched = self.watch.watched();
        if let Some(entry) = watched.get_mut(&self.job_id) {
            entry.num_listeners -= 1;
            if entry.num_listeners == 0 {
                watched.remove(&self.job_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::events::JobEvent;
    use crate::store::job_changes::{Creation, JobLimits, NewJob};
    use crate::store::jobs::Job;
    use serde_json::json;

    const NUM_EVENTS: i64 = 700;

    async fn follow(mut listener: Listener) -> Vec<i64> {
        let mut seqs = Vec::new();
        while seqs.last() != Some(&NUM_EVENTS) {
            seqs.extend(listener.next().await.unwrap().iter().map(|event| event.seq));
        }
        seqs
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_listens_from_wherever_sees_every_event_once() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("s.sqlite3").display());
        // another process: its changes are found by looking
        let (store, other) = (Store::open(&url).await.unwrap(), Store::open(&url).await.unwrap());
        crate::store::testing::add_user(&store, "a").await;
        let job = Job { user_id: "a".to_owned(), ..Job::queued("a+b", "") };
        let new = NewJob { job, images: Vec::new(), idempotency_key: None, request_sha256: String::new() };
        let limits = JobLimits { max_queued: 1, max_active_of_user: 1 };
        let Creation::Made(job) = store.create_job(new, limits).await.unwrap() else { panic!() };
        let watch = Watch::new(store.clone());
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (watch, stop) = (Arc::clone(&watch), stop.clone());
            async move { watch.run(stop).await }
        });
        let followers: Vec<_> =
            (0..20).map(|index| (index * 35, tokio::spawn(follow(watch.listen(&job.id, index * 35))))).collect();
        for index in 2..=NUM_EVENTS {
            let store = if index % 10 == 0 { &other } else { &store };
            let tell = |_: &mut Job| Ok(vec![JobEvent::new("progress", json!({ "n": index }))]);
            store.change_job(None, &job.id, tell).await.unwrap();
        }
        for (behind, follower) in followers {
            assert_eq!(follower.await.unwrap(), (behind + 1..=NUM_EVENTS).collect::<Vec<_>>());
        }
        assert_eq!(watch.num_listeners(), 0);
        stop.cancel();
        running.await.unwrap();
    }
}
