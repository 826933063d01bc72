//! The dispatcher with an executor that ends each attempt as the config's text says.

use std::sync::Mutex;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;

use super::*;
use crate::jobs::executor::{Ending, ExecutorEvent, JobRequest};
use crate::jobs::failure::JobFailure;
use crate::store::job_changes::{Creation, JobLimits, NewJob};
use crate::store::testing::add_user;

/// Ends attempts by the words of the config: `dies` each time, `dies once`, `transient once`, `waits` until cancelled.
#[derive(Default)]
struct Scripted {
    requests: Mutex<Vec<JobRequest>>,
}

impl Scripted {
    fn attempts(&self, id: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|request| request.job_id == id).count()
    }
}

fn finished() -> Ending {
    Ending::Finished { statistics: json!({ "num_registered": 2 }), images: json!([]) }
}

fn lost() -> Ending {
    Ending::WorkerLost { reason: "signal 6".to_owned(), last_words: String::new() }
}

fn transient() -> Ending {
    Ending::Failed(JobFailure {
        code: "unavailable".to_owned(),
        stage: Some("match".to_owned()),
        plugin: None,
        message: "busy".to_owned(),
        help: String::new(),
        transient: true,
    })
}

impl Executor for Scripted {
    fn run(
        &self,
        request: JobRequest,
        events: mpsc::Sender<ExecutorEvent>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Ending> {
        self.requests.lock().unwrap().push(request.clone());
        let attempt = self.attempts(&request.job_id);
        async move {
            let started =
                ExecutorEvent::StageStarted { stage: "match".to_owned(), total: Some(1), plugins: Vec::new() };
            events.send(started).await.unwrap();
            match request.config_toml.as_str() {
                "dies" => lost(),
                "dies once" if attempt == 1 => lost(),
                "transient" => transient(),
                "transient once" if attempt == 1 => transient(),
                "waits" => {
                    cancel.cancelled().await;
                    Ending::Cancelled
                }
                _ => finished(),
            }
        }
        .boxed()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

struct Fixture {
    _folder: tempfile::TempDir,
    store: Store,
    config: ServiceConfig,
    executor: Arc<Scripted>,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServiceConfig::default();
        config.storage.data_dir = folder.path().to_owned();
        let store = Store::open(&config.storage.database_url()).await.unwrap();
        add_user(&store, "a").await;
        Self { _folder: folder, store, config, executor: Arc::default() }
    }

    async fn add(&self, toml: &str) -> String {
        let job = Job { user_id: "a".to_owned(), ..Job::queued("a+b", toml) };
        let new = NewJob { job, images: Vec::new(), idempotency_key: None, request_sha256: String::new() };
        let limits = JobLimits { max_queued: 10, max_active_of_user: 10 };
        let Creation::Made(job) = self.store.create_job(new, limits).await.unwrap() else { panic!() };
        job.id
    }

    async fn start(&self) -> (CancellationToken, tokio::task::JoinHandle<Result<()>>) {
        let metrics = Arc::new(Metrics::new("0").unwrap());
        let executor: Arc<dyn Executor> = self.executor.clone();
        let tracking = JobTracking::default();
        let blobs = Blobs::make(&self.config.storage.objects_url()).unwrap();
        let (store, config, blobs) = (&self.store, &self.config, &blobs);
        let parts = Parts { store, config, blobs, metrics: &metrics, drift: None, tracking: &tracking };
        let dispatcher = Dispatcher::start(parts, executor).await.unwrap();
        let stop = CancellationToken::new();
        (stop.clone(), tokio::spawn(dispatcher.run(stop)))
    }

    async fn wait_for(&self, id: &str, wanted: impl Fn(&Job) -> bool) -> Job {
        let mut changed = self.store.listen();
        loop {
            let job = self.store.job(id).await.unwrap().unwrap();
            if wanted(&job) {
                return job;
            }
            tokio::time::timeout(Duration::from_secs(30), changed.recv()).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_job_that_kills_its_worker_twice_fails_and_the_next_one_runs() {
    let fixture = Fixture::new().await;
    let (poison, unlucky, good) = (fixture.add("dies").await, fixture.add("dies once").await, fixture.add("").await);
    let (stop, running) = fixture.start().await;
    for (id, state, deaths) in
        [(&poison, JobState::Failed, 2), (&unlucky, JobState::Succeeded, 1), (&good, JobState::Succeeded, 0)]
    {
        let job = fixture.wait_for(id, |job| job.state.has_ended()).await;
        assert_eq!((job.state, job.worker_deaths), (state, deaths));
    }
    assert_eq!(fixture.executor.attempts(&poison), 2);
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stage_that_fails_for_a_passing_reason_is_tried_once_more() {
    let fixture = Fixture::new().await;
    let (once, always) = (fixture.add("transient once").await, fixture.add("transient").await);
    let (stop, running) = fixture.start().await;
    assert_eq!(fixture.wait_for(&once, |job| job.state.has_ended()).await.state, JobState::Succeeded);
    let failed = fixture.wait_for(&always, |job| job.state.has_ended()).await;
    assert_eq!(failed.failure.unwrap().code, "unavailable");
    assert_eq!((fixture.executor.attempts(&once), fixture.executor.attempts(&always)), (2, 2));
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_job_under_way_is_cancelled_by_its_owner_and_waits_again_when_the_server_stops() {
    let fixture = Fixture::new().await;
    let (unwanted, wanted) = (fixture.add("waits").await, fixture.add("waits").await);
    let (stop, running) = fixture.start().await;
    fixture.wait_for(&unwanted, |job| job.state == JobState::Running).await;
    fixture.store.change_job(None, &unwanted, Job::request_cancel).await.unwrap();
    fixture.wait_for(&unwanted, |job| job.state == JobState::Cancelled).await;
    fixture.wait_for(&wanted, |job| job.state == JobState::Running).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(fixture.store.job(&wanted).await.unwrap().unwrap().state, JobState::Queued);
}

#[tokio::test]
async fn jobs_that_a_dead_server_left_behind_wait_again() {
    let fixture = Fixture::new().await;
    let id = fixture.add("").await;
    fixture.store.change_job(None, &id, Job::take).await.unwrap();
    let (stop, running) = fixture.start().await;
    let job = fixture.wait_for(&id, |job| job.state.has_ended()).await;
    assert_eq!((job.state, job.attempts, job.worker_deaths), (JobState::Succeeded, 2, 0));
    stop.cancel();
    running.await.unwrap().unwrap();
}
