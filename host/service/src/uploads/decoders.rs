//! Threads that unpack, hash and decode images: as many as are decoded at a time, and always the same ones.
//!
//! The C library's allocator keeps what a thread freed for that thread's heap; decoding wherever a thread is idle leaves
//! the pixels of a photo behind in each of them (measured in `benches/README.md`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

use crate::error::{Result, ServiceError};
use crate::uploads::refusal::{Refusal, RefusalCode};

type Work = Box<dyn FnOnce() + Send>;

/// The threads; they end when this is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Decoders {
    seats: Arc<Semaphore>,
    work: mpsc::Sender<Work>,
}

/// Of one whose files are looked at; work of others waits behind those who have a seat.
pub(crate) struct Seat {
    work: mpsc::Sender<Work>,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Decoders {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`ServiceError::Io`] if the system gives none.
    pub(crate) fn start(num_threads: usize) -> Result<Self> {
        let (work, queue) = mpsc::channel::<Work>();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..num_threads {
            let queue = Arc::clone(&queue);
            let run = move || {
                while let Some(work) = next(&queue) {
                    work();
                }
            };
            let started = thread::Builder::new().name(format!("decoder-{number}")).spawn(run);
            started.map(drop).map_err(ServiceError::io("start a thread of", "decoders"))?;
        }
        Ok(Self { seats: Arc::new(Semaphore::new(num_threads)), work })
    }

    /// Waits for a seat; there are as many as threads, so that nothing that is sent from one has to wait again.
    ///
    /// # Errors
    /// [`ServiceError::Internal`].
    pub(crate) async fn seat(&self) -> Result<Seat> {
        let permit = Arc::clone(&self.seats).acquire_owned().await;
        let permit = permit.map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(Seat { work: self.work.clone(), _permit: permit })
    }
}

impl Seat {
    /// Runs work on one of the threads. A decoder that panics is a bug of a library that says nothing about the server.
    ///
    /// # Errors
    /// Those of the work; [`RefusalCode::CheckFailed`] if it panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let run = move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            // whoever asked may be gone
            drop(answer.send(done));
        };
        let gone = || ServiceError::Internal("the threads that decode are gone".to_owned());
        self.work.send(Box::new(run)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?.unwrap_or_else(|_| {
            let detail = "a file could not be looked at: the decoder failed";
            Err(Refusal::new(RefusalCode::CheckFailed, detail).into())
        })
    }
}

fn next(queue: &Mutex<mpsc::Receiver<Work>>) -> Option<Work> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn always_the_same_threads_work_and_a_panic_ends_none() {
        let decoders = Decoders::start(2).unwrap();
        let name = || Ok(thread::current().name().unwrap_or_default().to_owned());
        let mut names = BTreeSet::new();
        for _ in 0..20 {
            let seat = decoders.seat().await.unwrap();
            names.insert(seat.run(name).await.unwrap());
            let failed = seat.run(|| -> Result<()> { panic!("a damaged image") }).await;
            assert!(matches!(failed, Err(ServiceError::Refused(refusal)) if refusal.code == RefusalCode::CheckFailed));
        }
        assert!(names.iter().all(|name| name.starts_with("decoder-")) && names.len() <= 2, "{names:?}");
    }

    #[tokio::test]
    async fn there_are_as_many_seats_as_threads() {
        let decoders = Decoders::start(1).unwrap();
        let seat = decoders.seat().await.unwrap();
        assert_eq!(decoders.seats.available_permits(), 0);
        drop(seat);
        assert_eq!(decoders.seats.available_permits(), 1);
    }
}
