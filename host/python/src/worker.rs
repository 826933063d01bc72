//! `scene3d.Worker`: the worker of the service in this process, one job after the other.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use scene3d_engine::{EngineError, ErrorCode, RawConfig, SearchPaths, cache_dir};
use scene3d_service::jobs::executor::JobRequest;
use scene3d_service::jobs::worker as service;
use scene3d_service::jobs::worker::protocol::{Answer, PartJob};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing_subscriber::EnvFilter;

use crate::calls::Calls;
use crate::failure::Failure;
use crate::surroundings::package_folder;
use crate::watched::{Listener, Watch};

/// Takes jobs as the service's worker process does.
#[pyclass(module = "scene3d", frozen)]
pub(crate) struct Worker {
    worker: Arc<service::Worker>,
    calls: Calls,
}

#[pymethods]
impl Worker {
    #[new]
    #[pyo3(signature = (
        *, plugin_dirs=Vec::new(), weights_dirs=Vec::new(), cache_dir=None, max_cache_bytes=20 << 30, keep_stages=4,
        set=Vec::new(), split=None
    ))]
    #[allow(clippy::needless_pass_by_value, clippy::too_many_arguments)] // as Python hands them over
    fn new(
        py: Python<'_>,
        plugin_dirs: Vec<PathBuf>,
        weights_dirs: Vec<PathBuf>,
        cache_dir: Option<PathBuf>,
        max_cache_bytes: u64,
        keep_stages: usize,
        set: Vec<String>,
        split: Option<[usize; 3]>,
    ) -> PyResult<Self> {
        log_to_stderr();
        // what a user's config says of folders is not asked
        let nothing = RawConfig::parse("", "worker").map_err(|error| Failure::from(EngineError::from(error)))?;
        let options = service::WorkerOptions {
            paths: SearchPaths::beside(&package_folder(py)?, &nothing).after(&plugin_dirs, &weights_dirs),
            cache_dir: cache_dir.or_else(images_of_user).ok_or_else(no_cache)?,
            max_cache_bytes,
            max_warm_stages: keep_stages,
            set,
            delegation: split.map(delegation),
        };
        let failed =
            |error: scene3d_service::error::ServiceError| Failure::new(ErrorCode::UNAVAILABLE, error.to_string(), "");
        let worker = py.detach(|| service::Worker::new(&options)).map_err(failed)?;
        Ok(Self { worker: Arc::new(worker), calls: Calls::new() })
    }

    #[pyo3(signature = (request, on_event=None))]
    fn run(&self, py: Python<'_>, request: &str, on_event: Option<Py<PyAny>>) -> PyResult<String> {
        let request: JobRequest = parse(request, "request", "a job")?;
        // refuses a process that was forked
        let _call = self.calls.begin()?;
        let watch = Watch::new(Listener::of_lines(on_event));
        let teller = watch.teller();
        let job = self.worker.begin(request, &service::Voice::new(move |line| teller.line(line)));
        let cancel = job.cancel();
        watch.over(py, &cancel, move || written(&job.work()))
    }

    #[pyo3(signature = (part, on_event=None))]
    fn run_part(&self, py: Python<'_>, part: &str, on_event: Option<Py<PyAny>>) -> PyResult<String> {
        let part: PartJob = parse(part, "part", "a job's part")?;
        let _call = self.calls.begin()?;
        let watch = Watch::new(Listener::of_lines(on_event));
        let teller = watch.teller();
        let part = self.worker.begin_part(part, &service::Voice::new(move |line| teller.line(line)));
        let cancel = part.cancel();
        watch.over(py, &cancel, move || written(&part.work()))
    }

    fn answer(&self, job_id: &str, answer: &str) -> PyResult<()> {
        let answer: Answer = parse(answer, "answer", "one to a job")?;
        self.worker.answer(job_id, &answer);
        Ok(())
    }

    fn cancel(&self, job_id: &str) {
        self.worker.cancel(job_id);
    }
}

/// As the worker process does, unless somebody else takes the log of this process.
fn log_to_stderr() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,scene3d=info,scene3d_service=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).try_init().ok();
}

/// Of `(min_images, images_per_shard, images_per_block)`.
fn delegation([min_images, images_per_shard, images_per_block]: [usize; 3]) -> service::Delegation {
    service::Delegation { min_images, images_per_shard, images_per_block }
}

fn parse<T: DeserializeOwned>(json: &str, given: &str, expected: &str) -> Result<T, Failure> {
    serde_json::from_str(json).map_err(|error| Failure::of_input(format!("the {given} is not {expected}: {error}")))
}

fn written<T: Serialize>(ending: &T) -> Result<String, Failure> {
    let unwritten = |error| Failure::new(ErrorCode::INTERNAL, format!("the ending can't be written: {error}"), "");
    serde_json::to_string(ending).map_err(unwritten)
}

fn images_of_user() -> Option<PathBuf> {
    cache_dir().map(|folder| folder.join("images"))
}

fn no_cache() -> Failure {
    Failure::new(ErrorCode::NOT_FOUND, "there is no cache folder", "pass cache_dir=..., or set SCENE3D_CACHE or HOME")
}
