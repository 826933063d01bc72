//! Two servers on one store: one runs the jobs, the other says which one, serves the API, and takes over when that one is gone.
#![cfg(target_os = "linux")] // looks at processes in /proc

use std::time::{Duration, Instant};

use scene3d_tests::DUMMY_CONFIG;
use scene3d_tests::hostile_config;
use scene3d_tests::postgres::Postgres;
use scene3d_tests::processes::{children_of, wait_until_gone};
use scene3d_tests::server::{Server, USER};
use scene3d_tests::service_bench::{ServiceBench, is_hanging};
use serde_json::json;

/// In docs/operations.md.
const TAKES_OVER_WITHIN: Duration = Duration::from_secs(15);

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TAKES_OVER_WITHIN;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn check_refuses_to_run_jobs(second: &Server, first: &Server) {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let holder = format!("process {} of host {}", first.pid(), host.trim());
    eventually("it says nothing", || second.log().contains("this process runs no jobs"));
    let log = second.log();
    assert!(log.contains(&holder) && log.contains("stop that one"), "no {holder} in\n{log}");
    assert_eq!(second.anonymous().get("/readyz").expect_status(200).json()["ready"], true);
    assert_eq!(children_of(second.pid()), [0_u32; 0], "it starts no worker");
}

fn check_two(more: &str) {
    let mut bench = ServiceBench::start(more);
    let second = bench.server.second();
    check_refuses_to_run_jobs(&second, &bench.server);
    // whoever is asked, the first one works
    let of_second = second.client(USER);
    let body = json!({ "upload_id": bench.upload, "config_toml": DUMMY_CONFIG });
    let job = of_second.post("/api/v1/jobs", &body).expect_status(202).json();
    assert_eq!(of_second.ended_job(job["id"].as_str().unwrap())["state"], "succeeded");
    assert_eq!(children_of(second.pid()), [0_u32; 0]);

    let hangs = bench.start_job(&hostile_config("hang_until_cancelled"));
    bench.wait_for(&hangs, is_hanging);
    let worker = bench.worker().unwrap();
    bench.server.kill();
    wait_until_gone(worker);
    bench.client = of_second;
    eventually("the second takes over", || bench.job(&hangs)["attempts"] == 2);
    assert!(second.log().contains("this process runs the jobs"), "{}", second.log());
    // cancelled through one, stopped by the one that runs it
    bench.wait_for_in_nth(&hangs, ("extract", 2), is_hanging);
    let _ = bench.client.post(&format!("/api/v1/jobs/{hangs}/cancel"), &json!({}));
    assert_eq!(bench.client.ended_job(&hangs)["state"], "cancelled");
    bench.check_next_job_succeeds();
    assert_eq!(children_of(second.pid()).len(), 1);
}

#[test]
fn a_second_server_on_sqlite_takes_over() {
    check_two("");
}

#[test]
fn a_second_server_on_postgresql_takes_over() {
    let Some(postgres) = Postgres::start() else { return };
    check_two(&format!("storage.database_url = \"{}\"", postgres.url()));
}
