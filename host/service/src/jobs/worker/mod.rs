//! The process that reconstructs: it loads plugins and weights once and takes one job after the other from its stdin.
//!
//! A plugin that ends its process ends this one and no server. It ends itself when its stdin closes: its server is gone.

mod images;
mod job;
mod keeper;
mod observer;
pub mod protocol;
mod results;
mod scratch;

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use scene3d_engine::{EngineError, RawConfig, Registry, SearchPaths};
use scene3d_pipeline::{Cancel, Plugins};

use self::images::ImageCache;
use self::protocol::{FromWorker, ToWorker, Told};
use self::scratch::Scratch;
use super::executor::{Ending, ExecutorEvent, JobRequest};
use super::failure::{JobFailure, PANICKED};
use super::process_tree::kill_children_of;
use crate::error::{Result, ServiceError};

/// How long a run that is left behind may take to end by itself.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Folders with plugins, searched before the usual ones.
    pub plugin_dirs: Vec<PathBuf>,
    /// Where images of a remote object store are kept between jobs.
    pub cache_dir: PathBuf,
    /// They may take so much of the disk.
    pub max_cache_bytes: u64,
    /// Stages whose instances are kept between jobs.
    pub max_warm_stages: usize,
    /// Values that hold for every job whatever its config says, e.g. `pipeline.resident_mib=4096`.
    pub set: Vec<String>,
}

/// What all jobs of this process share.
struct Worker {
    plugins: Plugins,
    weights_dirs: Vec<PathBuf>,
    cache: ImageCache,
    scratch: Scratch,
    set: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

/// A job under way.
struct Current {
    job_id: String,
    cancel: Cancel,
    ended: Receiver<()>,
}

/// Where answers go.
#[derive(Clone)]
struct Voice(Arc<Mutex<dyn Write + Send>>);

/// Takes jobs from `requests` until it ends, and tells of them on `answers`.
///
/// # Errors
/// [`ServiceError`] if the worker can't begin.
pub fn serve(options: &WorkerOptions, requests: impl BufRead, answers: impl Write + Send + 'static) -> Result<()> {
    let worker = Arc::new(Worker::new(options)?);
    let voice = Voice(Arc::new(Mutex::new(answers)));
    let mut current: Option<Current> = None;
    for line in requests.lines().map_while(std::result::Result::ok) {
        match serde_json::from_str(&line) {
            Ok(ToWorker::Run(request)) => {
                // its last word is said, so that this takes no time
                current.take().map(|previous| previous.ended.recv());
                current = Some(Current::begin(&worker, *request, &voice)?);
            }
            Ok(ToWorker::Cancel(job_id)) => {
                current.iter().filter(|current| current.job_id == job_id).for_each(|current| current.cancel.cancel());
            }
            Err(error) => tracing::error!(%error, "a request can't be read"),
        }
    }
    if let Some(current) = current {
        current.cancel.cancel();
        current.ended.recv_timeout(LAST_MOMENT).ok();
    }
    kill_children_of(std::process::id());
    Ok(())
}

impl Worker {
    fn new(options: &WorkerOptions) -> Result<Self> {
        // what a user's config says of folders is not asked
        let nothing = RawConfig::parse("", "worker").map_err(|error| ServiceError::Config(error.to_string()))?;
        let mut paths = SearchPaths::new(&nothing);
        paths.plugins = options.plugin_dirs.iter().cloned().chain(paths.plugins).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Ok(Self {
            plugins: Plugins::keeping(Registry::discover(&paths), options.max_warm_stages),
            weights_dirs: paths.weights,
            scratch: Scratch::new(options.cache_dir.join("work")),
            cache: ImageCache::new(options.cache_dir.clone(), options.max_cache_bytes),
            set: options.set.clone(),
            runtime: runtime.map_err(ServiceError::io("start threads of", "the worker"))?,
        })
    }

    /// A config of a job with what holds for all of them.
    fn config(&self, request: &JobRequest) -> Result<RawConfig, EngineError> {
        let mut raw = RawConfig::parse(&request.config_toml, &request.config_name)?;
        self.set.iter().try_for_each(|assignment| raw.set(assignment))?;
        Ok(raw)
    }

    fn has_disabled_plugin(&self) -> bool {
        let registry = &self.plugins.registry;
        registry.ids().any(|id| registry.disabled_reason(id).is_some())
    }
}

impl Current {
    fn begin(worker: &Arc<Worker>, request: JobRequest, voice: &Voice) -> Result<Self> {
        let (cancel, job_id, (end, ended)) = (Cancel::default(), request.job_id.clone(), channel());
        let (worker, voice, handle) = (Arc::clone(worker), voice.clone(), cancel.clone());
        let body = move || {
            work(&worker, &request, &voice, &handle);
            drop(end);
        };
        let spawned = thread::Builder::new().name("job".to_owned()).spawn(body);
        spawned.map_err(ServiceError::io("start a thread of", "the worker"))?;
        Ok(Self { job_id, cancel, ended })
    }
}

fn work(worker: &Worker, request: &JobRequest, voice: &Voice, cancel: &Cancel) {
    let job = tracing::info_span!("job", id = request.job_id, attempt = request.attempt);
    let _entered = job.enter();
    let run = AssertUnwindSafe(|| job::run(worker, request, voice, cancel));
    let outcome = catch_unwind(run);
    let retires = outcome.is_err() || worker.has_disabled_plugin();
    let ending = outcome.unwrap_or_else(|panic| Ending::Failed(panicked(panic.as_ref())));
    voice.tell(&request.job_id, Told::Ended { ending, retires });
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

impl Voice {
    fn event(&self, job_id: &str, event: ExecutorEvent) {
        self.tell(job_id, Told::Event(event));
    }

    fn tell(&self, job_id: &str, told: Told) {
        let told = FromWorker { job: job_id.to_owned(), told };
        let Ok(mut line) = serde_json::to_vec(&told) else { return tracing::error!("an answer can't be written") };
        line.push(b'\n');
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // nobody listens any more only when stdin is closed too, and that ends the worker
        answers.write_all(&line).and_then(|()| answers.flush()).ok();
    }
}
