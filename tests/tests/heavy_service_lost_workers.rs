//! Workers and COLMAP killed once and twice under a real job, through the API: what was finished is used again, and the next
//! job succeeds on the same server.
#![cfg(target_os = "linux")] // looks for processes in /proc

use scene3d_tests::has_weights;
use scene3d_tests::processes::{children_of, send_signal, wait_until_gone};
use scene3d_tests::service_bench::{REAL_CONFIG, ServiceBench, is_mapping};
use serde_json::json;

fn kill_worker(bench: &ServiceBench) {
    let worker = bench.worker().unwrap();
    let colmap = children_of(worker);
    send_signal("-KILL", worker);
    wait_until_gone(worker);
    colmap.into_iter().for_each(wait_until_gone);
}

fn kill_colmap(bench: &ServiceBench) {
    let colmap = children_of(bench.worker().unwrap());
    assert_eq!(colmap.len(), 1, "children of the worker: {colmap:?}");
    send_signal("-KILL", colmap[0]);
    wait_until_gone(colmap[0]);
}

/// In the attempt that succeeded nothing was extracted or matched again.
fn check_reused(bench: &ServiceBench, id: &str) {
    for stage in bench.job(id)["stages"].as_array().unwrap() {
        if stage["stage"] == "extract" || stage["stage"] == "match" {
            assert_eq!(stage["reused"], stage["done"], "{stage:#}");
            assert_ne!(stage["reused"], 0, "{stage:#}");
        }
    }
}

/// A job under which something is killed so often while it maps.
fn job_that_loses(kill: fn(&ServiceBench), num_times: usize) -> (ServiceBench, String) {
    let bench = ServiceBench::start("");
    let id = bench.start_job(REAL_CONFIG);
    for attempt in 1..=num_times {
        bench.wait_for_in_nth(&id, ("map", attempt), is_mapping);
        kill(&bench);
    }
    (bench, id)
}

#[test]
fn a_worker_that_is_killed_once_costs_nothing_that_was_finished() {
    if !has_weights() {
        return;
    }
    let (bench, id) = job_that_loses(kill_worker, 1);
    bench.check_ends_well(&id);
    assert_eq!(bench.job(&id)["attempts"], 2);
    check_reused(&bench, &id);
    bench.check_succeeds(REAL_CONFIG);
}

#[test]
fn a_job_whose_worker_is_killed_twice_fails_and_the_next_succeeds() {
    if !has_weights() {
        return;
    }
    let (bench, id) = job_that_loses(kill_worker, 2);
    let job = bench.check_fails(&id, "worker_lost");
    assert_eq!((&job["failure"]["stage"], &job["attempts"]), (&json!("map"), &json!(2)), "{job:#}");
    assert!(job["failure"]["message"].as_str().unwrap().contains("SIGKILL"), "{job:#}");
    bench.check_succeeds(REAL_CONFIG);
}

#[test]
fn a_colmap_that_is_killed_once_is_run_again() {
    if !has_weights() {
        return;
    }
    let (bench, id) = job_that_loses(kill_colmap, 1);
    bench.check_ends_well(&id);
    assert_eq!((bench.num_events(&id, "stage_retried"), &bench.job(&id)["attempts"]), (1, &json!(1)));
    check_reused(&bench, &id);
    bench.check_succeeds(REAL_CONFIG);
}

#[test]
fn a_job_whose_colmap_is_killed_twice_fails_and_its_retry_goes_on() {
    if !has_weights() {
        return;
    }
    let (bench, id) = job_that_loses(kill_colmap, 2);
    let job = bench.check_fails(&id, "unavailable");
    let failure = &job["failure"];
    assert_eq!((&failure["stage"], &failure["plugin"]), (&json!("map"), &json!("colmap")), "{job:#}");
    assert!(failure["message"].as_str().unwrap().contains("SIGKILL"), "{job:#}");
    let retry = bench.client.post(&format!("/api/v1/jobs/{id}/retry"), &json!({})).expect_status(202).json();
    let retry = retry["id"].as_str().unwrap();
    bench.check_ends_well(retry);
    check_reused(&bench, retry);
    bench.check_succeeds(REAL_CONFIG);
}
