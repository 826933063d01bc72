//! Keeps what a run finishes on a disk that nobody else sees: puts it into the object store as it goes, and puts it back where
//! another attempt begins, on whatever machine that is.
//!
//! Below the job's key lie files as in the artifacts of an output folder, `features/KEY.safetensors`, and journals in pieces
//! of whole records, `matches/KEY.journal/ATTEMPT-OFFSET`. An attempt that was given up may go on for a while: it writes
//! pieces of its own, and files that are the same whoever writes them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use scene3d_pipeline::{Cancel, FinishedPart, FinishedWork};
use tokio::runtime::Handle;

use super::Voice;
use crate::blobs::Blobs;
use crate::error::{Result, ServiceError};
use crate::jobs::executor::ExecutorEvent;

/// How often is looked for what was finished while nothing is told.
const KEEP_EVERY: Duration = Duration::from_millis(500);
/// Objects on their way at once.
const NUM_TRANSFERS: usize = 8;

/// Which attempt's work is kept where.
#[derive(Debug, Clone)]
pub(super) struct KeptWork {
    pub(super) blobs: Blobs,
    /// Key of the job's work in the object store.
    pub(super) key: String,
    pub(super) attempt: i64,
    /// Output folder on this machine.
    pub(super) out: PathBuf,
}

/// Keeps the work of a run until it is ended; what the run tells is passed on when what was finished before is kept.
pub(super) struct Keeper {
    told: Sender<Option<ExecutorEvent>>,
    thread: JoinHandle<Result<()>>,
}

impl KeptWork {
    /// Puts back what is kept under a key: that of the job, or of one whose stages it inherits.
    pub(super) async fn put_back(&self, key: &str) -> Result<()> {
        let mut journals: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut files = Vec::new();
        for (object, _) in self.blobs.list(key).await? {
            let name = object.get(key.len() + 1..).unwrap_or_default().to_owned();
            match name.rsplit_once('/') {
                Some((journal, _)) if journal.contains('/') => {
                    journals.entry(journal.to_owned()).or_default().push(object);
                }
                _ => files.push((object, FinishedWork::path_in(&self.out, &name))),
            }
        }
        let restored = files.iter().map(|(object, path)| self.restore(object, path));
        stream::iter(restored).buffer_unordered(NUM_TRANSFERS).try_collect::<()>().await?;
        for (journal, pieces) in journals {
            self.put_back_journal(&FinishedWork::path_in(&self.out, &journal), &pieces).await?;
        }
        Ok(())
    }

    async fn restore(&self, object: &str, path: &Path) -> Result<()> {
        make_folder_of(path)?;
        self.blobs.get_to_file(object, path).await
    }

    /// Records stand for themselves, so that pieces of several attempts follow each other.
    async fn put_back_journal(&self, path: &Path, pieces: &[String]) -> Result<()> {
        make_folder_of(path)?;
        let failed = |error| ServiceError::io("write", path)(error);
        let mut file = std::fs::File::options().create(true).append(true).open(path).map_err(failed)?;
        for piece in pieces {
            let mut object = self.blobs.get_range(piece, None).await?.bytes;
            while let Some(chunk) = object.try_next().await? {
                file.write_all(&chunk).map_err(failed)?;
            }
        }
        Ok(())
    }

    async fn put(&self, part: FinishedPart) -> Result<()> {
        match part {
            FinishedPart::File { name, path } => self.blobs.put_file(&format!("{}/{name}", self.key), &path).await,
            FinishedPart::Records { name, offset, bytes } => {
                // so many digits that keys are in the order of their numbers
                let key = format!("{}/{name}/{:06}-{offset:015}", self.key, self.attempt);
                self.blobs.put_bytes(&key, bytes.into()).await
            }
        }
    }

    async fn put_new(&self, finished: &mut FinishedWork) -> Result<()> {
        let parts = finished.take_new().map_err(ServiceError::io("read", &self.out))?;
        stream::iter(parts.into_iter().map(|part| self.put(part))).buffer_unordered(NUM_TRANSFERS).try_collect().await
    }
}

fn make_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(ServiceError::io("create", folder))
}

impl Keeper {
    /// Begins to keep; the run is cancelled when that fails.
    pub(super) fn begin(
        work: KeptWork,
        (job_id, voice): (String, Voice),
        cancel: Cancel,
        runtime: Handle,
    ) -> Result<Self> {
        let (told, events) = channel();
        let finished = FinishedWork::of(&work.out).map_err(ServiceError::io("read", &work.out))?;
        let keep = move || {
            let kept = keep(&work, finished, &events, |event| voice.event(&job_id, event), &runtime);
            kept.inspect_err(|_| cancel.cancel())
        };
        let thread = thread::Builder::new().name("keeper".to_owned()).spawn(keep);
        Ok(Self { told, thread: thread.map_err(ServiceError::io("start a thread of", "the worker"))? })
    }

    /// Where the run tells its events.
    pub(super) fn told(&self) -> Sender<Option<ExecutorEvent>> {
        self.told.clone()
    }

    /// Keeps the rest. An error is why something could not be kept.
    pub(super) fn end(self) -> Result<()> {
        // one that failed listens no more
        self.told.send(None).ok();
        self.thread.join().unwrap_or_else(|_| Err(ServiceError::Internal("the keeper panicked".to_owned())))
    }
}

fn keep(
    work: &KeptWork,
    mut finished: FinishedWork,
    events: &Receiver<Option<ExecutorEvent>>,
    tell: impl Fn(ExecutorEvent),
    runtime: &Handle,
) -> Result<()> {
    loop {
        let first = match events.recv_timeout(KEEP_EVERY) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(None),
        };
        let told: Vec<_> = first.into_iter().chain(events.try_iter()).collect();
        runtime.block_on(work.put_new(&mut finished))?;
        for event in told {
            let Some(event) = event else { return Ok(()) };
            tell(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        runtime: tokio::runtime::Runtime,
    }

    impl Fixture {
        fn new() -> Self {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            Self { folder: tempfile::tempdir().unwrap(), runtime }
        }

        fn work(&self, attempt: i64) -> KeptWork {
            let url = url::Url::from_file_path(self.folder.path().join("objects")).unwrap();
            let out = self.folder.path().join(format!("out-{attempt}"));
            fs::create_dir_all(&out).unwrap();
            KeptWork { blobs: Blobs::make(url.as_str()).unwrap(), key: "work/job_1".to_owned(), attempt, out }
        }
    }

    fn write(work: &KeptWork, name: &str, content: &str) {
        let path = FinishedWork::path_in(&work.out, name);
        make_folder_of(&path).unwrap();
        fs::write(path, content).unwrap();
    }

    fn warning(message: &str) -> ExecutorEvent {
        ExecutorEvent::Warning { message: message.to_owned() }
    }

    #[test]
    fn what_is_told_is_kept_and_another_attempt_goes_on_from_it() {
        let fixture = Fixture::new();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let begin = |work: &KeptWork| {
            let heard = Arc::clone(&lines);
            let voice = Voice::new(move |line| heard.lock().unwrap().push(line));
            let handle = fixture.runtime.handle().clone();
            Keeper::begin(work.clone(), ("job_1".to_owned(), voice), Cancel::default(), handle).unwrap()
        };
        let first = fixture.work(1);
        let keeper = begin(&first);
        write(&first, "features/a.safetensors", "a");
        keeper.told().send(Some(warning("a is finished"))).unwrap();
        while lines.lock().unwrap().is_empty() {
            thread::yield_now();
        }
        // told, so that it is there, whatever becomes of the attempt
        let second = fixture.work(2);
        fixture.runtime.block_on(second.put_back("work/job_1")).unwrap();
        assert_eq!(fs::read_to_string(FinishedWork::path_in(&second.out, "features/a.safetensors")).unwrap(), "a");

        let other = begin(&second);
        write(&second, "features/b.safetensors", "b");
        write(&first, "features/b.safetensors", "b");
        other.end().unwrap();
        keeper.end().unwrap();
        let keys = fixture.runtime.block_on(first.blobs.list("work")).unwrap();
        let keys: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["work/job_1/features/a.safetensors", "work/job_1/features/b.safetensors"]);
    }

    #[test]
    fn pieces_of_a_journal_follow_each_other_in_their_order() {
        let fixture = Fixture::new();
        let work = fixture.work(11);
        let piece = |attempt: i64, offset: u64, bytes: &str| {
            let name = "matches/m.journal".to_owned();
            let part = FinishedPart::Records { name, offset, bytes: bytes.as_bytes().to_vec() };
            fixture.runtime.block_on(KeptWork { attempt, ..work.clone() }.put(part)).unwrap();
        };
        piece(10, 9, "c");
        piece(9, 1000, "b");
        piece(9, 0, "a");
        piece(10, 10, "d");
        fixture.runtime.block_on(work.put_back("work/job_1")).unwrap();
        assert_eq!(fs::read_to_string(FinishedWork::path_in(&work.out, "matches/m.journal")).unwrap(), "abcd");
    }

    #[test]
    fn a_store_that_takes_nothing_cancels_the_run_and_says_why() {
        let fixture = Fixture::new();
        let (work, cancel) = (fixture.work(1), Cancel::default());
        let voice = Voice::new(drop);
        let handle = fixture.runtime.handle().clone();
        let keeper = Keeper::begin(work.clone(), ("job_1".to_owned(), voice), cancel.clone(), handle).unwrap();
        fs::rename(fixture.folder.path().join("objects"), fixture.folder.path().join("away")).unwrap();
        write(&work, "features/a.safetensors", "a");
        while !cancel.is_cancelled() {
            thread::yield_now();
        }
        assert!(keeper.end().is_err());
    }
}
