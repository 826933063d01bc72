//! Retention through the server: the oldest of the jobs that ended go, with everything they left, and never one that runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scene3d_tests::client::Client;
use scene3d_tests::server::{Server, USER};
use scene3d_tests::{hostile_config, small_photos};
use serde_json::{Value, json};

const OFTEN: &str = "jobs.max_concurrent_jobs = 2\nretention.every_secs = 1";

fn path(id: &str) -> String {
    format!("/api/v1/jobs/{id}")
}

fn wait_until_removed(client: &Client, id: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while client.get(&path(id)).status != 404 {
        assert!(Instant::now() < deadline, "{id} is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where a job works, and where its artifacts are.
fn folders(server: &Server, id: &str) -> [PathBuf; 2] {
    [server.path("data/work").join(id), server.path("data/objects/artifacts").join(id)]
}

fn num_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { num_files(&entry.path()) } else { 1 }).sum()
}

fn num_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| if entry.path().is_dir() { num_bytes(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}

fn check_removed(server: &Server, client: &Client, id: &str) {
    for folder in folders(server, id) {
        assert_eq!(num_files(&folder), 0, "{} is still there", folder.display());
    }
    for what in ["", "/artifacts", "/artifacts/points.ply", "/events", "/logs"] {
        let _ = client.get(&format!("{}{what}", path(id))).expect_problem(404, "not_found");
    }
    assert!(server.log().contains("removed by retention"));
}

fn check_kept(client: &Client, id: &str) {
    let listed = client.get(&format!("{}/artifacts", path(id))).expect_status(200).json();
    let artifacts = listed["artifacts"].as_array().unwrap();
    assert!(artifacts.iter().any(|artifact| artifact["name"] == "points.ply"), "{listed:#}");
    for artifact in artifacts {
        let bytes = client.get(artifact["href"].as_str().unwrap()).expect_status(200).body.len();
        assert_eq!(artifact["bytes"].as_u64(), Some(bytes as u64));
    }
}

fn state(client: &Client, id: &str) -> Value {
    client.get(&path(id)).expect_status(200).json()["state"].clone()
}

#[test]
fn by_age_what_ended_goes_and_what_runs_stays() {
    let server = Server::start(&format!("{OFTEN}\nretention.max_age_days = 0"));
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let running = client.start_job_with(&upload, &hostile_config("hang_until_cancelled"));
    client.wait_until_hanging(&running);
    let done = client.start_job(&upload, &json!({}));
    wait_until_removed(&client, &done);
    check_removed(&server, &client, &done);
    assert_eq!(state(&client, &running), "running");
    assert!(folders(&server, &running)[0].is_dir());
    // the images are the upload's, not the job's
    let again = client.start_job(&upload, &json!({}));
    wait_until_removed(&client, &again);
    let _ = client.post(&format!("{}/cancel", path(&running)), &json!({})).expect_status(202);
    wait_until_removed(&client, &running);
    check_removed(&server, &client, &running);
}

#[test]
fn by_size_the_oldest_goes_first() {
    let mut server = Server::start(OFTEN);
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let running = client.start_job_with(&upload, &hostile_config("hang_until_cancelled"));
    client.wait_until_hanging(&running);
    let done = [(); 3].map(|()| {
        let id = client.start_job(&upload, &json!({}));
        assert_eq!(client.ended_job(&id)["state"], "succeeded");
        id
    });
    done.iter().for_each(|id| check_kept(&client, id));
    let sizes = done.each_ref().map(|id| folders(&server, id).iter().map(|folder| num_bytes(folder)).sum::<u64>());
    // room for two and a half of them
    let config = fs::read_to_string(server.path("serve.toml")).unwrap();
    let max_bytes = sizes.iter().sum::<u64>() - sizes[0] / 2;
    fs::write(server.path("serve.toml"), format!("{config}\nretention.max_bytes = {max_bytes}\n")).unwrap();
    server.restart();

    let client = server.client(USER);
    wait_until_removed(&client, &done[0]);
    check_removed(&server, &client, &done[0]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while state(&client, &running) != "running" {
        assert!(Instant::now() < deadline, "{running} does not go on");
        std::thread::sleep(Duration::from_millis(50));
    }
    // it is looked once more
    std::thread::sleep(Duration::from_secs(2));
    done[1..].iter().for_each(|id| check_kept(&client, id));
    assert_eq!(state(&client, &running), "running");
}
