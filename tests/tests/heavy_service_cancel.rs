//! Cancelling through the API: wherever a job is, it has ended within 5 s, its worker holds no more than before, and the next
//! job succeeds.
#![cfg(target_os = "linux")] // looks at processes in /proc

use std::time::{Duration, Instant};

use scene3d_tests::has_weights;
use scene3d_tests::hostile_config;
use scene3d_tests::processes::{children_of, lives, resident_bytes, wait_until_gone};
use scene3d_tests::service_bench::{REAL_CONFIG, ServiceBench, begins, is_hanging, is_mapping};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(5);

/// What an allocator keeps of one job for the next: a cancelled job leaves less behind than one that ended.
const MAX_GROWTH_BYTES: u64 = 64 << 20;

/// Asks to cancel a job; how it ended, if it was not over before.
fn cancelled(bench: &ServiceBench, id: &str) -> Option<Value> {
    let asked = Instant::now();
    let answer = bench.client.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({}));
    if answer.status == 409 {
        return None;
    }
    assert_eq!(answer.status / 100, 2, "{}", answer.text());
    loop {
        let job = bench.job(id);
        if job["ended_at"].is_string() {
            assert!(asked.elapsed() <= DEADLINE, "{:?}: {job:#}", asked.elapsed());
            return Some(job);
        }
        assert!(asked.elapsed() <= DEADLINE, "it goes on: {job:#}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// COLMAP goes with its job, also one that was being started ahead of its stage when the job ended.
fn wait_until_childless(worker: u32) {
    let started = Instant::now();
    while !children_of(worker).is_empty() {
        assert!(started.elapsed() <= DEADLINE, "children of the worker stay: {:?}", children_of(worker));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Cancels a job at the first event of which this holds, in one of these stages: it is tried again where the job was faster.
fn check(bench: &ServiceBench, config: &str, stages: &[&str], is_time: impl Fn(&str, &Value) -> bool) {
    let before = bench.worker().map_or(u64::MAX, resident_bytes);
    let is_there = |job: &Value| stages.contains(&job["stage"].as_str().unwrap_or("checking"));
    let cancelled_in_time = || {
        let id = bench.start_job(config);
        bench.wait_for(&id, &is_time);
        cancelled(bench, &id).filter(|job| job["state"] == "cancelled" && is_there(job))
    };
    let found = (0..10).find_map(|_| cancelled_in_time());
    let job = found.unwrap_or_else(|| unreachable!("no job was cancelled in {stages:?}"));
    assert_eq!((&job["failure"], &job["cancel_requested"]), (&Value::Null, &json!(true)), "{job:#}");
    if let Some(worker) = bench.worker() {
        wait_until_childless(worker);
        let after = resident_bytes(worker);
        assert!(after <= before.saturating_add(MAX_GROWTH_BYTES), "{stages:?}: {before} bytes before, {after} after");
        println!("{stages:?}: {} MiB before, {} after", before >> 20, after >> 20);
    }
    bench.check_succeeds(REAL_CONFIG);
}

#[test]
fn a_job_is_cancelled_in_every_stage() {
    if !has_weights() {
        return;
    }
    let bench = ServiceBench::start("");
    // what stays with a worker from a plugin's first job on is no matter of cancelling
    let lightglue = REAL_CONFIG.replace("\"nearest\"", "\"lightglue\"");
    [REAL_CONFIG, &lightglue].into_iter().for_each(|config| bench.check_succeeds(config));
    let retrieval = format!("{REAL_CONFIG}[pairing]\nmethod = \"retrieval\"\ncodebook_size = 16384\n");
    let progresses = |stage: &'static str| move |kind: &str, body: &Value| kind == "progress" && body["stage"] == stage;
    check(&bench, REAL_CONFIG, &["checking", "read"], |kind, body| kind == "state" && body["state"] == "checking");
    check(&bench, REAL_CONFIG, &["extract"], begins("extract"));
    check(&bench, REAL_CONFIG, &["extract"], progresses("extract"));
    check(&bench, &retrieval, &["pair"], begins("pair"));
    check(&bench, &lightglue, &["match"], begins("match"));
    check(&bench, &lightglue, &["match"], progresses("match"));
    check(&bench, REAL_CONFIG, &["map"], begins("map"));
    check(&bench, REAL_CONFIG, &["map"], is_mapping);
    check(&bench, REAL_CONFIG, &["export"], begins("export"));
}

#[test]
fn a_job_that_waits_is_cancelled_at_once_and_one_that_is_deaf_with_its_worker() {
    let bench = ServiceBench::start("");
    let deaf = bench.start_job(&hostile_config("hang"));
    bench.wait_for(&deaf, is_hanging);
    let waiting = bench.start_job(&hostile_config("none"));
    let job = cancelled(&bench, &waiting).unwrap();
    assert_eq!((&job["state"], &job["attempts"]), (&json!("cancelled"), &json!(0)), "{job:#}");
    let worker = bench.worker().unwrap();
    assert_eq!(cancelled(&bench, &deaf).unwrap()["state"], "cancelled");
    wait_until_gone(worker);
    bench.check_next_job_succeeds();
    let heard = bench.start_job(&hostile_config("hang_until_cancelled"));
    bench.wait_for(&heard, is_hanging);
    let worker = bench.worker().unwrap();
    assert_eq!(cancelled(&bench, &heard).unwrap()["state"], "cancelled");
    assert!(lives(worker), "a worker that stops when asked is kept");
    bench.check_next_job_succeeds();
}
