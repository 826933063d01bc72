//! `jobs.max_concurrent_jobs`: so many jobs run at once, each in a worker of its own, and the others wait.

use scene3d_tests::client::Client;
use scene3d_tests::server::{Server, USER};
use scene3d_tests::{DUMMY_CONFIG, hostile_config, small_photos};
use serde_json::{Value, json};

fn job(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/v1/jobs/{id}")).expect_status(200).json()
}

#[test]
fn two_jobs_run_at_once_and_a_third_waits() {
    let server = Server::start("jobs.max_concurrent_jobs = 2");
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let hanging = [(); 2].map(|()| client.start_job_with(&upload, &hostile_config("hang_until_cancelled")));
    let third = client.start_job(&upload, &json!({}));
    // each of them has a call of its plugin under way that only its own end ends
    hanging.iter().for_each(|id| client.wait_until_hanging(id));
    let states: Vec<Value> = hanging.iter().chain([&third]).map(|id| job(&client, id)["state"].clone()).collect();
    assert_eq!(states, ["running", "running", "queued"]);
    assert_eq!(job(&client, &third)["queue_position"], 0);

    let cancel = |id: &str| client.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).expect_status(202);
    let _ = cancel(&hanging[0]);
    assert_eq!(client.ended_job(&hanging[0])["state"], "cancelled");
    assert_eq!(client.ended_job(&third)["state"], "succeeded");
    assert_eq!(job(&client, &hanging[1])["state"], "running");
    let _ = cancel(&hanging[1]);
    assert_eq!(client.ended_job(&hanging[1])["state"], "cancelled");
}

#[test]
fn jobs_that_run_at_once_succeed_with_equal_results() {
    let server = Server::start("jobs.max_concurrent_jobs = 2");
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let jobs = [(); 2].map(|()| client.start_job_with(&upload, DUMMY_CONFIG));
    let ended = jobs.each_ref().map(|id| client.ended_job(id));
    for job in &ended {
        assert_eq!((&job["state"], &job["attempts"]), (&json!("succeeded"), &json!(1)), "{job:#}");
    }
    // times of one format compare as text
    let [[first_start, first_end], [second_start, second_end]] =
        ended.each_ref().map(|job| ["started_at", "ended_at"].map(|key| job[key].as_str().unwrap()));
    assert!(first_start < second_end && second_start < first_end, "one ran after the other: {ended:#?}");
    let points = jobs.each_ref().map(|id| client.get(&format!("/api/v1/jobs/{id}/artifacts/points.ply")));
    let [first, second] = points.map(|answer| answer.expect_status(200).body);
    assert!(first == second, "points.ply differs");
}
