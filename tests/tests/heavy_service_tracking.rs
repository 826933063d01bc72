//! Jobs of the service as tracked runs at a real MLflow: figures, drift and report are there, names of users and photos are not.

use std::path::Path;
use std::process::Command;

use scene3d_scene::synthetic::SceneSpec;
use scene3d_tests::client::Client;
use scene3d_tests::mlflow::Mlflow;
use scene3d_tests::server::{ADMIN, Server, USER};
use scene3d_tests::tracked::{assert_there_once, of_kind, records, run_folder};
use scene3d_tests::{Workbench, assert_success, binary, hostile_config, rendered, run};
use serde_json::{Value, json};

const EXPERIMENT: &str = "scene3d-service";

/// Every third photo of the scene is sent, the others are the baseline.
const NUM_PHOTOS: usize = 45;

fn photos() -> Vec<(String, Vec<u8>)> {
    let spec = SceneSpec { num_images: NUM_PHOTOS, image_size: [320, 240], step_deg: 6.0, ..SceneSpec::default() };
    rendered(&spec).images.into_iter().map(|image| (image.name, image.jpeg)).collect()
}

fn server_with(mlflow: &str, bench: &Workbench) -> Server {
    for (index, (name, jpeg)) in photos().iter().enumerate() {
        if index % 3 != 2 {
            bench.photo(name, jpeg);
        }
    }
    let mut command = Command::new(binary());
    command.arg("eda").arg(bench.path("photos")).arg("--out").arg(bench.path("baseline.json"));
    assert_success(&run(&mut command));
    let baseline = bench.path("baseline.json");
    Server::start(&format!("tracking.server = \"{mlflow}\"\ndrift.baseline = \"{}\"\n", baseline.display()))
}

fn upload(client: &Client) -> String {
    let named = photos().into_iter().skip(2).step_by(3).map(|(name, bytes)| (format!("grandma {name}"), bytes));
    let named: Vec<(String, Vec<u8>)> = named.collect();
    let files: Vec<(&str, &[u8])> = named.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    client.upload(&files)
}

fn run_of(job: &str) -> String {
    job.replace("job_", "run_")
}

/// Whatever the folder holds of a job, as text.
fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &all_text(&path);
        } else {
            text += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    text
}

#[test]
fn jobs_are_runs_that_name_nobody_and_no_photo() {
    let Some(mlflow) = Mlflow::start() else { return };
    let bench = Workbench::new();
    let mut server = server_with(&mlflow.url(), &bench);
    let client = server.client(USER);
    let upload = upload(&client);
    let succeeded = client.start_job(&upload, &json!({}));
    assert_eq!(client.ended_job(&succeeded)["state"], "succeeded");
    let failed = client.start_job_with(&upload, &hostile_config("panic_in_run"));
    assert_eq!(client.ended_job(&failed)["state"], "failed");
    server.ask_to_stop();
    assert!(server.wait_until_ended().success());
    let spool = server.path("data/tracking");
    let mut sync = Command::new(binary());
    assert_success(&run(sync.args(["track", "sync", "--server", &mlflow.url(), "--spool"]).arg(&spool)));
    let there = assert_there_once(&spool, &run_of(&succeeded), &mlflow);
    assert_eq!(
        (&there["info"]["status"], &there["info"]["run_name"]),
        (&"FINISHED".into(), &succeeded.as_str().into())
    );
    let metrics = there["data"]["metrics"].as_array().unwrap();
    for key in [
        "extract.secs",
        "registered_ratio",
        "mean_reprojection_error_px",
        "queue_secs",
        "total_secs",
        "drift.brightness.wasserstein",
    ] {
        assert!(metrics.iter().any(|metric| metric["key"] == key), "{key} is not among {metrics:?}");
    }
    let report: Value = serde_json::from_slice(&mlflow.artifacts(&there)["report/report.json"]).unwrap();
    assert_eq!(report["images"][0]["name"], "1");
    let there = assert_there_once(&spool, &run_of(&failed), &mlflow);
    assert_eq!(there["info"]["status"], "FAILED");
    let tags = there["data"]["tags"].as_array().unwrap();
    assert!(tags.iter().any(|tag| tag["key"] == "scene3d.failure" && tag["value"] == "panicked"), "{tags:?}");
    assert_eq!(mlflow.num_runs(EXPERIMENT), 2);
    let text = all_text(&spool);
    assert!(!text.contains("grandma") && !text.contains(&format!("\"{USER}\"")) && !text.contains("user_"));
}

#[test]
fn a_job_that_goes_on_after_the_service_was_killed_is_one_run() {
    let bench = Workbench::new();
    // nobody listens there
    let mut server = server_with("http://127.0.0.1:9", &bench);
    let client = server.client(USER);
    let job = client.start_job_with(&upload(&client), &hostile_config("hang_until_cancelled"));
    client.wait_until_hanging(&job);
    server.restart();
    let client = server.client(USER);
    let spool = server.path("data/tracking");
    let wait_for = |kind: &str| loop {
        let records = records(&run_folder(&spool, &run_of(&job)));
        if !of_kind(&records, kind).is_empty() {
            return records;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    wait_for("run_resumed");
    let metrics = server.client(ADMIN).get("/metrics").expect_status(200).text();
    assert!(metrics.contains("scene3d_tracking_send_failures_total"), "{metrics}");
    let _asked = client.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({}));
    assert_eq!(client.ended_job(&job)["state"], "cancelled");
    let records = wait_for("run_ended");
    assert_eq!(of_kind(&records, "run_ended")[0]["status"], "KILLED");
    let kinds = ["run_started", "run_resumed", "run_ended"].map(|kind| of_kind(&records, kind).len());
    assert_eq!(kinds, [1, 1, 1]);
}
