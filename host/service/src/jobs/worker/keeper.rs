//! Keeps what a run finishes on a disk that nobody else sees: puts it into the object store as it goes, and puts it back where
//! another attempt begins, on whatever machine that is.
//!
//! Below the job's key lie files as in the artifacts of an output folder, `features/KEY.safetensors`, and journals in pieces
//! of whole records, `matches/KEY.journal/WRITER/OFFSET`. Whoever was given up may go on for a while: each writes pieces of
//! its own, and files that are the same whoever writes them. Pieces of a job that is inherited are those of writers `of-JOB/`.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use scene3d_pipeline::{Cancel, FinishedPart, FinishedWork};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::Voice;
use super::protocol::Told;
use crate::blobs::Blobs;
use crate::error::{Result, ServiceError};

/// How often is looked for what was finished while nothing is told.
const KEEP_EVERY: Duration = Duration::from_millis(500);
/// Objects on their way at once.
const NUM_TRANSFERS: usize = 8;

/// Whose work is kept where.
#[derive(Debug, Clone)]
pub(super) struct KeptWork {
    pub(super) blobs: Blobs,
    /// Key of the job's work in the object store.
    pub(super) key: String,
    /// Names its pieces of journals.
    pub(super) writer: String,
    /// Output folder on this machine.
    pub(super) out: PathBuf,
    here: Arc<Mutex<Here>>,
}

/// What is on this machine.
#[derive(Debug)]
struct Here {
    finished: FinishedWork,
    /// Keys of the pieces of journals that were put back, or put there from here.
    pieces: HashSet<String>,
}

/// Keeps the work of a run until it is ended; what the run tells is passed on when what was finished before is kept.
pub(super) struct Keeper {
    told: Sender<Option<Told>>,
    thread: JoinHandle<Result<()>>,
}

impl KeptWork {
    /// Of an output folder.
    pub(super) fn of(blobs: Blobs, key: String, writer: String, out: PathBuf) -> Result<Self> {
        let finished = FinishedWork::of(&out).map_err(ServiceError::io("read", &out))?;
        let here = Arc::new(Mutex::new(Here { finished, pieces: HashSet::new() }));
        Ok(Self { blobs, key, writer, out, here })
    }

    /// The same, with pieces of journals below those of its writer.
    pub(super) fn with_writer_below(self, name: &str) -> Self {
        Self { writer: format!("{}/{name}", self.writer), ..self }
    }

    /// Takes over what is kept of another job, so that all that this one needs is kept under its own key.
    pub(super) async fn inherit(&self, from: &str) -> Result<()> {
        let (old, new) = (self.blobs.list(from).await?, self.blobs.list(&self.key).await?);
        let there: HashSet<String> = new.into_iter().map(|(object, _)| object).collect();
        let name_of = |object: &str| inherited_name(from, object.get(from.len() + 1..).unwrap_or_default());
        let heir_of = |object: &str| format!("{}/{}", self.key, name_of(object));
        let missing = old.iter().map(|(object, _)| (object, heir_of(object))).filter(|(_, to)| !there.contains(to));
        // what is removed meanwhile is found anew
        let copies = missing.map(|(object, to)| async move { self.blobs.copy(object, &to).await.map(drop) });
        stream::iter(copies).buffer_unordered(NUM_TRANSFERS).try_collect().await
    }

    /// Puts back what is kept and not here.
    pub(super) async fn put_back(&self) -> Result<()> {
        let key = &self.key;
        let mut here = self.here.lock().await;
        // what is new here is told from what is put back by its place in the journals
        self.put_new_of(&mut here).await?;
        let mut journals: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut files = Vec::new();
        for (object, _) in self.blobs.list(key).await? {
            let name = object.get(key.len() + 1..).unwrap_or_default().to_owned();
            match journal_of_piece(&name) {
                Some(journal) if here.pieces.insert(object.clone()) => {
                    journals.entry(journal.to_owned()).or_default().push(object);
                }
                None if here.finished.take_file(&name) => files.push((object, name)),
                _ => {}
            }
        }
        let restored = files.iter().map(|(object, name)| self.restore(object, name));
        stream::iter(restored).buffer_unordered(NUM_TRANSFERS).try_collect::<()>().await?;
        for (journal, pieces) in journals {
            self.put_back_journal(&mut here, &journal, &pieces).await?;
        }
        Ok(())
    }

    /// Puts back those of these files that are kept, and what a writer of this name put into journals.
    pub(super) async fn put_back_some(&self, files: &[String], journals: &[String]) -> Result<()> {
        let mut here = self.here.lock().await;
        let restored = stream::iter(files.iter().map(|name| self.restore_if_there(name)));
        let found: Vec<Option<&str>> = restored.buffer_unordered(NUM_TRANSFERS).try_collect().await?;
        for name in found.into_iter().flatten() {
            here.finished.take_file(name);
        }
        for journal in journals {
            let pieces = self.blobs.list(&format!("{}/{journal}/{}", self.key, self.writer)).await?;
            let pieces: Vec<String> = pieces.into_iter().map(|(object, _)| object).collect();
            here.pieces.extend(pieces.iter().cloned());
            self.put_back_journal(&mut here, journal, &pieces).await?;
        }
        Ok(())
    }

    async fn restore_if_there<'n>(&self, name: &'n str) -> Result<Option<&'n str>> {
        let object = format!("{}/{name}", self.key);
        match self.blobs.exists(&object).await? {
            true => self.restore(&object, name).await.map(|()| Some(name)),
            false => Ok(None),
        }
    }

    async fn restore(&self, object: &str, name: &str) -> Result<()> {
        let path = FinishedWork::path_in(&self.out, name);
        make_folder_of(&path)?;
        self.blobs.get_to_file(object, &path).await
    }

    /// Records stand for themselves, so that pieces of several writers follow each other.
    async fn put_back_journal(&self, here: &mut Here, name: &str, pieces: &[String]) -> Result<()> {
        let path = FinishedWork::path_in(&self.out, name);
        make_folder_of(&path)?;
        let failed = |error| ServiceError::io("write", &path)(error);
        let mut file = std::fs::File::options().create(true).append(true).open(&path).map_err(failed)?;
        let mut fetched = stream::iter(pieces.iter().map(|piece| self.blobs.get_bytes(piece))).buffered(NUM_TRANSFERS);
        while let Some(bytes) = fetched.try_next().await? {
            file.write_all(&bytes).map_err(failed)?;
            here.finished.take_records(name, bytes.len() as u64);
        }
        Ok(())
    }

    /// The key of a piece of a journal, if it is one.
    async fn put(&self, part: FinishedPart) -> Result<Option<String>> {
        match part {
            FinishedPart::File { name, path } => {
                self.blobs.put_file(&format!("{}/{name}", self.key), &path).await.map(|()| None)
            }
            FinishedPart::Records { name, offset, bytes } => {
                // so many digits that keys are in the order of their numbers
                let key = format!("{}/{name}/{}/{offset:015}", self.key, self.writer);
                self.blobs.put_bytes(&key, bytes.into()).await.map(|()| Some(key))
            }
        }
    }

    async fn put_new(&self) -> Result<()> {
        self.put_new_of(&mut *self.here.lock().await).await
    }

    async fn put_new_of(&self, here: &mut Here) -> Result<()> {
        let parts = here.finished.take_new().map_err(ServiceError::io("read", &self.out))?;
        let puts = stream::iter(parts.into_iter().map(|part| self.put(part)));
        let pieces: Vec<Option<String>> = puts.buffer_unordered(NUM_TRANSFERS).try_collect().await?;
        here.pieces.extend(pieces.into_iter().flatten());
        Ok(())
    }
}

/// Key of what is kept of a job with this work folder.
pub(super) fn key_of(work_folder: &Path) -> String {
    work_folder.to_string_lossy().into_owned()
}

/// `matches/KEY.journal` of `matches/KEY.journal/WRITER/OFFSET`; a writer may have parts too.
fn journal_of_piece(name: &str) -> Option<&str> {
    let end = name.match_indices('/').nth(1)?.0;
    Some(&name[..end])
}

/// Name of what was kept of another job under this name: its writers may have the names of others.
fn inherited_name(from: &str, name: &str) -> String {
    let of = from.rsplit('/').next().unwrap_or(from);
    match journal_of_piece(name) {
        Some(journal) => format!("{journal}/of-{of}{}", &name[journal.len()..]),
        None => name.to_owned(),
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
        let keep = move || {
            let kept = keep(&work, &events, |told| voice.tell(&job_id, told), &runtime);
            kept.inspect_err(|_| cancel.cancel())
        };
        let thread = thread::Builder::new().name("keeper".to_owned()).spawn(keep);
        Ok(Self { told, thread: thread.map_err(ServiceError::io("start a thread of", "the worker"))? })
    }

    /// Where the run tells its events.
    pub(super) fn told(&self) -> Sender<Option<Told>> {
        self.told.clone()
    }

    /// Keeps the rest. An error is why something could not be kept.
    pub(super) fn end(self) -> Result<()> {
        // one that failed listens no more
        self.told.send(None).ok();
        self.thread.join().unwrap_or_else(|_| Err(ServiceError::Internal("the keeper panicked".to_owned())))
    }
}

fn keep(work: &KeptWork, events: &Receiver<Option<Told>>, tell: impl Fn(Told), runtime: &Handle) -> Result<()> {
    loop {
        let first = match events.recv_timeout(KEEP_EVERY) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(None),
        };
        let told: Vec<_> = first.into_iter().chain(events.try_iter()).collect();
        runtime.block_on(work.put_new())?;
        for told in told {
            let Some(told) = told else { return Ok(()) };
            tell(told);
        }
    }
}

#[cfg(test)]
mod tests;
