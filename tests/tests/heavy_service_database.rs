//! A database that is silent while a job runs: requests are told to come again, the job goes on and is written down when the
//! database answers, and the next job succeeds.
#![cfg(target_os = "linux")] // stops processes

use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use rusqlite::Connection;
use scene3d_tests::client::Answer;
use scene3d_tests::has_weights;
use scene3d_tests::postgres::Postgres;
use scene3d_tests::service_bench::{REAL_CONFIG, ServiceBench, begins};
use scene3d_tests::small_photos;
use serde_json::{Value, json};

/// Longer than anything waits for the database by itself.
const SILENCE: Duration = Duration::from_secs(13);

fn check_refused(answer: Answer) {
    let answer = answer.expect_problem(503, "storage_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
}

/// Requests that write, several at once: each is told to come again, before its own time is over.
fn check_writes_are_refused(bench: &ServiceBench) {
    let request = json!({ "upload_id": bench.upload, "config": "dummy" });
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| check_refused(bench.client.post("/api/v1/jobs", &request)));
        }
        scope.spawn(|| check_refused(send_photo(bench)));
        scope.spawn(|| {
            let announced = bench.client.request(Method::POST, "/api/v1/tus").header("tus-resumable", "1.0.0");
            check_refused(bench.client.send(announced.header("upload-length", "10")));
        });
    });
}

fn send_photo(bench: &ServiceBench) -> Answer {
    let (name, bytes) = small_photos()[0];
    let part = reqwest::blocking::multipart::Part::bytes(bytes.to_vec()).file_name(name);
    let form = reqwest::blocking::multipart::Form::new().part("file", part);
    bench.client.send(bench.client.request(Method::POST, "/api/v1/uploads").multipart(form))
}

/// Events are numbered without gaps and tell one end.
fn check_told_once(bench: &ServiceBench, id: &str) {
    let text = bench.client.get(&format!("/api/v1/jobs/{id}/events")).expect_status(200).text();
    let ids: Vec<usize> = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(ids, (1..=ids.len()).collect::<Vec<_>>());
    let has_ended = |(kind, body): &(String, Value)| kind == "state" && body["state"] == "succeeded";
    assert_eq!(bench.events(id).filter(has_ended).count(), 1);
}

/// A job under way, a silence, and what holds afterwards.
fn check_silence(bench: &ServiceBench, silence: impl FnOnce()) {
    let id = bench.start_job(REAL_CONFIG);
    bench.wait_for(&id, begins("extract"));
    silence();
    bench.check_ends_well(&id);
    assert_eq!(bench.job(&id)["attempts"], 1, "it went on");
    check_told_once(bench, &id);
    bench.server.wait_until_ready();
    bench.check_succeeds(REAL_CONFIG);
    let _ = send_photo(bench).expect_status(201);
}

#[test]
fn a_sqlite_that_is_locked_refuses_what_writes_and_loses_no_job() {
    if !has_weights() {
        return;
    }
    let bench = ServiceBench::start("");
    check_silence(&bench, || {
        let began = Instant::now();
        let other = Connection::open(bench.server.path("data/service.sqlite3")).unwrap();
        other.execute_batch("PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE").unwrap();
        check_writes_are_refused(&bench);
        let listed = bench.client.get("/api/v1/jobs").expect_status(200).json();
        assert_eq!(listed["jobs"].as_array().unwrap().len(), 1, "what reads is answered");
        thread::sleep(SILENCE.saturating_sub(began.elapsed()));
        other.execute_batch("ROLLBACK").unwrap();
    });
}

#[test]
fn a_postgresql_that_hangs_or_is_gone_loses_no_job() {
    let Some(postgres) = Postgres::start() else { return };
    if !has_weights() {
        return;
    }
    let bench = ServiceBench::start(&format!("storage.database_url = \"{}\"", postgres.url()));
    let check_all_is_refused = || {
        let began = Instant::now();
        check_writes_are_refused(&bench);
        check_refused(bench.client.get("/api/v1/jobs"));
        let readyz = bench.server.anonymous().get("/readyz");
        assert_eq!(readyz.status, 503, "{}", readyz.text());
        assert_eq!(bench.server.anonymous().get("/healthz").status, 200);
        thread::sleep(SILENCE.saturating_sub(began.elapsed()));
    };
    check_silence(&bench, || {
        postgres.pause();
        check_all_is_refused();
        postgres.go_on();
    });
    check_silence(&bench, || {
        postgres.stop();
        check_all_is_refused();
        postgres.start_again();
    });
}
