//! What tests of workers share: an object store with photos in it, an executor with the real program, jobs watched to
//! their end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use scene3d_monitor::metrics::Metrics;
use scene3d_service::blobs::Blobs;
use scene3d_service::jobs::executor::{Ending, Executor, ExecutorEvent, JobRequest};
use scene3d_service::jobs::local::LocalExecutor;
use scene3d_service::jobs::worker_process::WorkerCommand;
use scene3d_service::store::artifacts::Artifact;
use scene3d_service::store::jobs::JobImage;
#[cfg(target_os = "linux")]
pub use scene3d_tests::processes::{children_of, send_signal, wait_until_gone};
use scene3d_tests::{DUMMY_CONFIG, binary, small_scene};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Cancelling takes this long at most.
pub const CANCEL_DEADLINE: Duration = Duration::from_secs(5);
/// Longer than any job of these tests.
const JOB_DEADLINE: Duration = Duration::from_secs(120);

pub fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A job that was watched to its end.
#[derive(Debug)]
pub struct Watched {
    pub events: Vec<ExecutorEvent>,
    pub ending: Ending,
}

impl Watched {
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.events.iter().filter_map(|event| match event {
            ExecutorEvent::Artifact(artifact) => Some(artifact),
            _ => None,
        })
    }

    /// Items of a stage, and how many of them were taken from an earlier attempt.
    pub fn items_and_reused(&self, wanted: &str) -> Option<[u64; 2]> {
        self.events.iter().find_map(|event| match event {
            ExecutorEvent::StageFinished { stage, items, reused, .. } if stage == wanted => Some([*items, *reused]),
            _ => None,
        })
    }
}

/// A job under way.
struct Running {
    cancel: CancellationToken,
    told: mpsc::Receiver<ExecutorEvent>,
    run: JoinHandle<Ending>,
    events: Vec<ExecutorEvent>,
}

impl Running {
    fn begin(executor: &Arc<LocalExecutor>, request: JobRequest) -> Self {
        let ((events, told), cancel) = (mpsc::channel(4), CancellationToken::new());
        let (executor, token) = (Arc::clone(executor), cancel.clone());
        let run = tokio::spawn(async move { executor.run(request, events, token).await });
        Self { cancel, told, run, events: Vec::new() }
    }

    async fn next(&mut self) -> Option<ExecutorEvent> {
        tokio::time::timeout(JOB_DEADLINE, self.told.recv()).await.unwrap()
    }

    async fn end(self, deadline: Duration) -> Watched {
        let ending = tokio::time::timeout(deadline, self.run).await.unwrap().unwrap();
        Watched { events: self.events, ending }
    }
}

/// An object store with the small scene's photos, and workers.
pub struct WorkerBench {
    folder: tempfile::TempDir,
    pub executor: Arc<LocalExecutor>,
    images: Vec<JobImage>,
}

impl WorkerBench {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["worker".into(), "--cache-dir".into(), folder.path().join("cache").into()].into();
        let command = WorkerCommand { program: binary(), arguments };
        let metrics = Arc::new(Metrics::new("test").unwrap());
        let executor = Arc::new(LocalExecutor::new(command, metrics));
        let mut bench = Self { folder, executor, images: Vec::new() };
        for image in &small_scene().images {
            let sha256 = bench.put_image(&image.jpeg).await;
            bench.images.push(JobImage { name: image.name.clone(), sha256 });
        }
        bench
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn objects_url(&self) -> String {
        url::Url::from_file_path(self.path("objects")).unwrap().to_string()
    }

    pub fn blobs(&self) -> Blobs {
        Blobs::make(&self.objects_url()).unwrap()
    }

    async fn put_image(&self, bytes: &[u8]) -> String {
        let (sha256, file) = (hex_sha256(bytes), self.path("image"));
        std::fs::write(&file, bytes).unwrap();
        self.blobs().put_file(&format!("images/{}/{sha256}", &sha256[..2]), &file).await.unwrap();
        sha256
    }

    /// A job with all photos.
    pub fn request(&self, job_id: &str, config_toml: &str) -> JobRequest {
        JobRequest {
            job_id: job_id.to_owned(),
            attempt: 1,
            images: self.images.clone(),
            config_name: "test".to_owned(),
            config_toml: config_toml.to_owned(),
            work_folder: self.path("work").join(job_id),
            inherit_from: None,
            objects_url: self.objects_url(),
            max_pixels: 10_000_000,
        }
    }

    /// Runs a job to its end, and does something at the first event of which this holds.
    pub async fn run_with(
        &self,
        request: JobRequest,
        is_time: impl Fn(&ExecutorEvent) -> bool,
        act: impl FnOnce(),
    ) -> Watched {
        let mut act = Some(act);
        let mut running = Running::begin(&self.executor, request);
        while let Some(event) = running.next().await {
            if is_time(&event)
                && let Some(act) = act.take()
            {
                act();
            }
            running.events.push(event);
        }
        running.end(JOB_DEADLINE).await
    }

    pub async fn run(&self, request: JobRequest) -> Watched {
        self.run_with(request, |_| false, || ()).await
    }

    /// Cancels a job at the first event of which this holds; then it must end within the deadline, though nobody listens
    /// to what it says any more.
    pub async fn run_until(&self, request: JobRequest, is_time: impl Fn(&ExecutorEvent) -> bool) -> Watched {
        let mut running = Running::begin(&self.executor, request);
        while let Some(event) = running.next().await {
            let is_over = is_time(&event);
            running.events.push(event);
            if is_over {
                running.cancel.cancel();
                break;
            }
        }
        running.end(CANCEL_DEADLINE).await
    }

    /// That workers take jobs: one with trivial stages ends well.
    pub async fn check_next_job_succeeds(&self) {
        let next = self.run(self.request("next", DUMMY_CONFIG)).await;
        assert!(matches!(next.ending, Ending::Finished { .. }), "{next:?}");
    }
}

/// Writes the photos of the small scene where the command line finds them.
pub fn photos_folder(folder: &Path) -> PathBuf {
    scene3d_tests::write_photos(small_scene(), &folder.join("photos"));
    folder.join("photos")
}
