//! The worker that reconstructs: it loads plugins and weights once and takes one job after the other. As a process of its own
//! ([`serve`]) it is told of them on its stdin; others hold a [`Worker`] in theirs.
//!
//! A plugin that ends its process ends the worker's and no server. The process ends itself when its stdin closes: its server
//! is gone.

mod delegating;
mod images;
mod job;
mod keeper;
mod observer;
mod part;
pub mod protocol;
mod results;
mod scratch;
mod voice;

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use scene3d_engine::{EngineError, RawConfig, Registry, SearchPaths};
use scene3d_pipeline::{Cancel, Plugins};

use self::delegating::Answers;
use self::images::ImageCache;
use self::protocol::{Answer, PartEnding, PartJob, ToWorker, Told};
use self::scratch::Scratch;
pub use self::voice::Voice;
use super::executor::{Ending, JobRequest};
use super::failure::{JobFailure, PANICKED};
use super::process_tree::kill_children_of;
use crate::error::{Result, ServiceError};

/// How long a run that is left behind may take to end by itself.
const LAST_MOMENT: Duration = Duration::from_secs(1);
/// How often a job that waits for its turn looks whether it is cancelled.
const POLL: Duration = Duration::from_millis(50);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Folders with plugins and weights.
    pub paths: SearchPaths,
    /// Where images of a remote object store are kept between jobs.
    pub cache_dir: PathBuf,
    /// They may take so much of the disk.
    pub max_cache_bytes: u64,
    /// Stages whose instances are kept between jobs.
    pub max_warm_stages: usize,
    /// Values that hold for every job whatever its config says, e.g. `pipeline.resident_mib=4096`.
    pub set: Vec<String>,
    /// Of which jobs parts are done elsewhere; whoever hears of the jobs then hears of [`Told::Parts`] too.
    pub delegation: Option<Delegation>,
}

/// How large jobs are split into parts.
#[derive(Debug, Clone, Copy)]
pub struct Delegation {
    /// Jobs of fewer images are done in one piece.
    pub min_images: usize,
    /// Images that are extracted by a part.
    pub images_per_shard: usize,
    /// Images whose pairs are matched by a part, at most; fewer where their features need more memory than
    /// `pipeline.resident_mib`.
    pub images_per_block: usize,
}

/// What all jobs of a worker share.
pub struct Worker {
    plugins: Plugins,
    weights_dirs: Vec<PathBuf>,
    cache: ImageCache,
    scratch: Scratch,
    set: Vec<String>,
    runtime: tokio::runtime::Runtime,
    /// One job at a time: each may use the whole machine.
    turn: Mutex<()>,
    begun: Mutex<Vec<Begun>>,
    delegation: Option<Delegation>,
}

/// A job, or a part of one, that has not ended.
struct Begun {
    job_id: String,
    cancel: Cancel,
    answers: Option<Sender<Answer>>,
}

/// A job that a worker was given, to be [worked on](Job::work).
#[must_use = "a job that is not worked on never ends"]
pub struct Job {
    worker: Arc<Worker>,
    request: JobRequest,
    voice: Voice,
    cancel: Cancel,
    answers: Answers,
}

/// How a job talks with whoever gave it.
struct Talk<'a> {
    voice: &'a Voice,
    cancel: &'a Cancel,
    answers: &'a Answers,
}

/// A part of a job that a worker was given, to be [worked on](PartOfJob::work).
#[must_use = "a part that is not worked on never ends"]
pub struct PartOfJob {
    worker: Arc<Worker>,
    part: PartJob,
    voice: Voice,
    cancel: Cancel,
}

/// Takes jobs from `requests` until it ends, and tells of them on `answers`.
///
/// # Errors
/// [`ServiceError`] if the worker can't begin.
pub fn serve(options: &WorkerOptions, requests: impl BufRead, answers: impl Write + Send + 'static) -> Result<()> {
    let worker = Arc::new(Worker::new(options)?);
    let voice = Voice::of_lines(answers);
    let mut current: Option<(String, Receiver<()>)> = None;
    for line in requests.lines().map_while(std::result::Result::ok) {
        match serde_json::from_str(&line) {
            Ok(ToWorker::Run(request)) => {
                // its last word is said, so that this takes no time
                current.take().map(|(_, ended)| ended.recv());
                let job_id = request.job_id.clone();
                current = Some((job_id, on_a_thread(worker.begin(*request, &voice))?));
            }
            Ok(ToWorker::Cancel(job_id)) => worker.cancel(&job_id),
            Err(error) => tracing::error!(%error, "a request can't be read"),
        }
    }
    if let Some((job_id, ended)) = current {
        worker.cancel(&job_id);
        ended.recv_timeout(LAST_MOMENT).ok();
    }
    kill_children_of(std::process::id());
    Ok(())
}

/// Closes what it returns when the job has ended.
fn on_a_thread(job: Job) -> Result<Receiver<()>> {
    let (end, ended) = channel();
    let body = move || {
        job.work();
        drop(end);
    };
    let spawned = thread::Builder::new().name("job".to_owned()).spawn(body);
    spawned.map_err(ServiceError::io("start a thread of", "the worker"))?;
    Ok(ended)
}

impl Worker {
    /// Finds the plugins; loads none.
    ///
    /// # Errors
    /// [`ServiceError`] if its threads can't be started.
    pub fn new(options: &WorkerOptions) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Ok(Self {
            plugins: Plugins::keeping(Registry::discover(&options.paths), options.max_warm_stages),
            weights_dirs: options.paths.weights.clone(),
            scratch: Scratch::new(options.cache_dir.join("work")),
            cache: ImageCache::new(options.cache_dir.clone(), options.max_cache_bytes),
            set: options.set.clone(),
            runtime: runtime.map_err(ServiceError::io("start threads of", "the worker"))?,
            turn: Mutex::default(),
            begun: Mutex::default(),
            delegation: options.delegation,
        })
    }

    /// Takes a job, which may be cancelled from here on; `voice` is told of it.
    pub fn begin(self: &Arc<Self>, request: JobRequest, voice: &Voice) -> Job {
        let (answer, answers) = channel();
        let (cancel, answers) = (self.note_begun(&request.job_id, Some(answer)), Arc::new(Mutex::new(answers)));
        Job { worker: Arc::clone(self), request, voice: voice.clone(), cancel, answers }
    }

    /// Takes a part of a job, which may be cancelled from here on; `voice` is told of its progress. Several may be worked on
    /// at once if there is memory for them.
    pub fn begin_part(self: &Arc<Self>, part: PartJob, voice: &Voice) -> PartOfJob {
        let cancel = self.note_begun(&part.job.job_id, None);
        PartOfJob { worker: Arc::clone(self), part, voice: voice.clone(), cancel }
    }

    /// Answers a job that told of [`Told::Parts`]; one that has ended does not hear it.
    pub fn answer(&self, job_id: &str, answer: &Answer) {
        let begun = self.lock_begun();
        let answers = begun.iter().filter(|begun| begun.job_id == job_id).filter_map(|begun| begun.answers.as_ref());
        answers.for_each(|answers| drop(answers.send(answer.clone())));
    }

    /// Stops working on the job of this id and parts of it; one that it has not, or that has ended, is none of its concern.
    pub fn cancel(&self, job_id: &str) {
        self.lock_begun().iter().filter(|begun| begun.job_id == job_id).for_each(|begun| begun.cancel.cancel());
    }

    fn note_begun(&self, job_id: &str, answers: Option<Sender<Answer>>) -> Cancel {
        let cancel = Cancel::default();
        self.lock_begun().push(Begun { job_id: job_id.to_owned(), cancel: cancel.clone(), answers });
        cancel
    }

    /// A config of a job with what holds for all of them.
    fn config(&self, request: &JobRequest) -> Result<RawConfig, EngineError> {
        let mut raw = RawConfig::parse(&request.config_toml, &request.config_name)?;
        self.set.iter().try_for_each(|assignment| raw.set(assignment))?;
        Ok(raw)
    }

    /// Whether a job is worked on, or waits for its turn; parts of others do not count.
    fn has_job(&self) -> bool {
        self.lock_begun().iter().any(|begun| begun.answers.is_some())
    }

    fn has_disabled_plugin(&self) -> bool {
        let registry = &self.plugins.registry;
        registry.ids().any(|id| registry.disabled_reason(id).is_some())
    }

    /// Waits until no other job is worked on; `None` if this one is cancelled meanwhile.
    fn turn(&self, cancel: &Cancel) -> Option<MutexGuard<'_, ()>> {
        loop {
            match self.turn.try_lock() {
                Ok(turn) => return Some(turn),
                Err(TryLockError::Poisoned(turn)) => return Some(turn.into_inner()),
                Err(TryLockError::WouldBlock) if cancel.is_cancelled() => return None,
                Err(TryLockError::WouldBlock) => thread::sleep(POLL),
            }
        }
    }

    fn forget(&self, cancel: &Cancel) {
        self.lock_begun().retain(|begun| !begun.cancel.is_same(cancel));
    }

    fn lock_begun(&self) -> MutexGuard<'_, Vec<Begun>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// Works on it until it ends, tells and returns how.
    pub fn work(self) -> Ending {
        let Self { request, voice, cancel, .. } = &self;
        let worker = &*self.worker;
        let job = tracing::info_span!("job", id = request.job_id, attempt = request.attempt);
        let _entered = job.enter();
        let outcome = match worker.turn(cancel) {
            Some(_turn) => {
                let talk = Talk { voice, cancel, answers: &self.answers };
                catch_unwind(AssertUnwindSafe(|| job::run(worker, request, &talk)))
            }
            None => Ok(Ending::Cancelled),
        };
        let retires = outcome.is_err() || worker.has_disabled_plugin();
        let ending = outcome.unwrap_or_else(|panic| Ending::Failed(panicked(panic.as_ref())));
        voice.tell(&request.job_id, Told::Ended { ending: ending.clone(), retires });
        ending
    }

    /// Stops it from any thread.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.worker.forget(&self.cancel);
    }
}

impl PartOfJob {
    /// Works on it until it ends, returns how.
    pub fn work(self) -> PartEnding {
        let Self { worker, part, voice, cancel } = &self;
        let span = tracing::info_span!("part", job = part.job.job_id, attempt = part.job.attempt);
        let _entered = span.enter();
        let outcome = catch_unwind(AssertUnwindSafe(|| part::run(worker, part, voice, cancel)));
        outcome.unwrap_or_else(|panic| PartEnding::Failed(panicked(panic.as_ref())))
    }

    /// Stops it from any thread.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }
}

impl Drop for PartOfJob {
    fn drop(&mut self) {
        self.worker.forget(&self.cancel);
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> JobFailure {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    JobFailure {
        code: PANICKED.to_owned(),
        stage: None,
        plugin: None,
        message: format!("the worker panicked: {text}"),
        help: "this is a bug of scene3d: please report it with the log".to_owned(),
        transient: false,
    }
}
