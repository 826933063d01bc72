//! Workers that end or fail under their jobs, through the API: what becomes of the job, and that the next one succeeds on the
//! same server.
#![cfg(target_os = "linux")] // looks for processes in /proc

use scene3d_tests::hostile_config;
use scene3d_tests::processes::{send_signal, wait_until_gone};
use scene3d_tests::service_bench::{ServiceBench, is_hanging};
use serde_json::json;

#[test]
fn a_plugin_that_panics_fails_its_job_only() {
    let bench = ServiceBench::start("");
    // the third panic in one worker disables the plugin there: the next job has a new worker
    for _ in 0..3 {
        for mode in ["panic_in_run", "panic_in_create", "panic_payload_that_panics"] {
            let job = bench.check_fails(&bench.start_job(&hostile_config(mode)), "panicked");
            let failure = &job["failure"];
            assert_eq!((&failure["plugin"], &failure["stage"]), (&json!("hostile"), &json!("extract")), "{mode}");
            assert_eq!(job["attempts"], 1, "it would panic again");
        }
    }
    bench.check_next_job_succeeds();
    let works = bench.start_job(&hostile_config("none"));
    bench.wait_for(&works, |kind, body| kind == "stage_finished" && body["stage"] == "extract");
}

#[test]
fn a_poison_pill_ends_two_workers_and_no_more() {
    let bench = ServiceBench::start("");
    for mode in ["abort", "abort_in_create"] {
        let id = bench.start_job(&hostile_config(mode));
        let job = bench.check_fails(&id, "worker_lost");
        assert_eq!(job["attempts"], 2, "{job:#}");
        assert!(job["failure"]["message"].as_str().unwrap().contains("signal 6 (SIGABRT)"), "{job:#}");
        assert_eq!(bench.num_events(&id, "interrupted"), 1);
        bench.check_next_job_succeeds();
    }
}

#[test]
fn a_job_whose_workers_are_killed_from_outside_is_tried_once_more() {
    let bench = ServiceBench::start("");
    for signal in ["-KILL", "-ABRT"] {
        let id = bench.start_job(&hostile_config("hang_until_cancelled"));
        for attempt in 1..=2 {
            bench.wait_for_in_nth(&id, ("extract", attempt), is_hanging);
            let worker = bench.worker().unwrap();
            send_signal(signal, worker);
            wait_until_gone(worker);
        }
        let job = bench.check_fails(&id, "worker_lost");
        let (message, named) = (job["failure"]["message"].as_str().unwrap(), &signal[1..]);
        assert!(message.contains(&format!("SIG{named}")), "{message}");
        bench.check_next_job_succeeds();
    }
}

#[test]
fn a_worker_that_was_killed_between_jobs_is_no_fault_of_the_next() {
    let bench = ServiceBench::start("");
    bench.check_next_job_succeeds();
    let worker = bench.worker().unwrap();
    send_signal("-KILL", worker);
    wait_until_gone(worker);
    let id = bench.start_job(scene3d_tests::DUMMY_CONFIG);
    bench.check_ends_well(&id);
    assert_eq!(bench.job(&id)["attempts"], 1);
}
