//! Against a cluster that is played by a server of lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::*;

/// Answers with the next of these, the last again and again.
struct Cluster {
    answers: Vec<(StatusCode, String)>,
    num_asked: AtomicUsize,
    asked: std::sync::Mutex<Vec<(HeaderMap, Value)>>,
    deployed: std::sync::Mutex<Vec<Value>>,
}

async fn start(answers: &[(StatusCode, &str)]) -> (Arc<Cluster>, ExecutorSection) {
    let cluster = Arc::new(Cluster {
        answers: answers.iter().map(|(status, text)| (*status, (*text).to_owned())).collect(),
        num_asked: AtomicUsize::new(0),
        asked: std::sync::Mutex::default(),
        deployed: std::sync::Mutex::default(),
    });
    let jobs = post(|State(cluster): State<Arc<Cluster>>, headers: HeaderMap, body: String| async move {
        cluster.asked.lock().unwrap().push((headers, serde_json::from_str(&body).unwrap()));
        let index = cluster.num_asked.fetch_add(1, Ordering::SeqCst).min(cluster.answers.len() - 1);
        let (status, text) = cluster.answers[index].clone();
        (status, Body::from(text))
    });
    let state = get(|State(cluster): State<Arc<Cluster>>| async move {
        let other = json!({ "status": RUNNING, "deployed_app_config": { "name": "other", "import_path": "o:p" } });
        let mut applications = json!({ "other": other });
        if !cluster.deployed.lock().unwrap().is_empty() {
            applications["scene3d"] = json!({ "status": "DEPLOYING" });
        }
        axum::Json(json!({ "applications": applications }))
    });
    let state = state.put(|State(cluster): State<Arc<Cluster>>, axum::Json(put): axum::Json<Value>| async move {
        cluster.deployed.lock().unwrap().push(put);
    });
    let router = Router::new().route("/scene3d/jobs", jobs).route("/api/serve/applications/", state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = router.with_state(Arc::clone(&cluster));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let section = ExecutorSection { url: Some(format!("{url}/scene3d/")), ..ExecutorSection::default() };
    (cluster, section)
}

const RUNNING: &str = "RUNNING";

fn request() -> JobRequest {
    JobRequest {
        job_id: "job_1".to_owned(),
        attempt: 1,
        images: Vec::new(),
        config_name: "fast".to_owned(),
        config_toml: String::new(),
        work_folder: "/data/work/job_1".into(),
        inherit_from: Some("/data/work/job_0".into()),
        objects_url: "file:///objects".to_owned(),
        max_pixels: 1,
    }
}

async fn run(section: &ExecutorSection) -> (Ending, Vec<ExecutorEvent>) {
    let executor = RayExecutor::new(section).unwrap();
    let (sender, mut events) = mpsc::channel(64);
    let ending = executor.run(request(), sender, CancellationToken::new()).await;
    let mut told = Vec::new();
    while let Some(event) = events.recv().await {
        told.push(event);
    }
    (ending, told)
}

fn line(told: &Told) -> String {
    let line = FromWorker { job: "job_1".to_owned(), told: told.clone() };
    serde_json::to_string(&line).unwrap() + "\n"
}

fn warning(message: &str) -> ExecutorEvent {
    ExecutorEvent::Warning { message: message.to_owned() }
}

fn ended() -> Told {
    Told::Ended { ending: Ending::Finished { statistics: json!({}), images: json!([]) }, retires: false }
}

#[tokio::test]
async fn a_job_is_sent_with_keys_for_folders_and_heard_to_its_end() {
    let lines = format!("\n{}not json\n{}", line(&Told::Event(warning("hot"))), line(&ended()));
    let (cluster, mut section) = start(&[(StatusCode::OK, &lines)]).await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "secret\n").unwrap();
    section.token_file = Some(token.path().to_owned());
    let (ending, told) = run(&section).await;
    assert_eq!(told, [warning("hot")]);
    assert!(matches!(ending, Ending::Finished { .. }));
    let asked = cluster.asked.lock().unwrap();
    assert_eq!(asked[0].0["authorization"], "Bearer secret");
    assert_eq!((&asked[0].1["work_folder"], &asked[0].1["inherit_from"]), (&json!("work/job_1"), &json!("work/job_0")));
}

#[tokio::test]
async fn a_stream_that_ends_before_the_job_is_a_lost_worker() {
    let (_, section) = start(&[(StatusCode::OK, &line(&Told::Event(warning("hot"))))]).await;
    let (ending, told) = run(&section).await;
    assert_eq!(told.len(), 1);
    assert!(matches!(ending, Ending::WorkerLost { reason, .. } if reason.contains("replica")));
}

#[tokio::test]
async fn a_full_cluster_is_asked_again_and_says_so_once() {
    let full = (StatusCode::SERVICE_UNAVAILABLE, "");
    let (cluster, section) = start(&[full, full, (StatusCode::OK, &line(&ended()))]).await;
    let (ending, told) = run(&section).await;
    assert!(matches!(ending, Ending::Finished { .. }));
    assert_eq!(told, [warning("waits for the cluster: no replica is free")]);
    assert_eq!(cluster.num_asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_is_refused_says_what_to_do() {
    let (_, section) = start(&[(StatusCode::UNAUTHORIZED, "no")]).await;
    let (ending, _) = run(&section).await;
    let Ending::Failed(failure) = ending else { unreachable!("{ending:?}") };
    assert!(failure.help.contains("executor.token_file") && !failure.transient, "{failure:?}");
}

#[tokio::test]
async fn an_application_that_is_not_there_is_started_beside_the_others() {
    let (cluster, mut section) = start(&[(StatusCode::NOT_FOUND, ""), (StatusCode::OK, &line(&ended()))]).await;
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), r#"{"name": "scene3d", "import_path": "scene3d_ray:build"}"#).unwrap();
    section.application = Some(config.path().to_owned());
    assert!(RayExecutor::new(&section).unwrap_err().to_string().contains("executor.dashboard_url"));
    section.dashboard_url = section.url.as_ref().map(|url| url.replace("/scene3d/", ""));
    let (ending, told) = run(&section).await;
    assert!(matches!(ending, Ending::Finished { .. }));
    assert_eq!(told, [warning("waits for the cluster: the application is not there; its application is DEPLOYING")]);
    let deployed = cluster.deployed.lock().unwrap();
    let names: Vec<_> = deployed[0]["applications"].as_array().unwrap().iter().map(|app| &app["name"]).collect();
    assert_eq!(names, ["other", "scene3d"]);
}

#[tokio::test]
async fn a_cancelled_job_ends_while_it_waits() {
    let (_, section) = start(&[(StatusCode::SERVICE_UNAVAILABLE, "")]).await;
    let executor = RayExecutor::new(&section).unwrap();
    let (sender, _events) = mpsc::channel(64);
    let cancel = CancellationToken::new();
    let run = executor.run(request(), sender, cancel.clone());
    let (ending, ()) = tokio::join!(run, async { cancel.cancel() });
    assert_eq!(ending, Ending::Cancelled);
}

#[test]
fn a_section_without_a_url_is_refused() {
    let error = RayExecutor::new(&ExecutorSection::default()).unwrap_err().to_string();
    assert!(error.contains("executor.url"), "{error}");
}
