//! Jobs on a Ray cluster: the same bytes as on this machine, and nothing that was finished is lost or done again, whatever
//! ends: a replica, a node, the server.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;

use scene3d_tests::processes::send_signal;
use scene3d_tests::ray::{RayCluster, alone_on_loopback, kill_with_descendants};
use scene3d_tests::service_bench::{REAL_CONFIG, ServiceBench};
use scene3d_tests::{assert_success, has_weights, scene3d, small_photos};
use serde_json::Value;

const NUM_JOBS: usize = 20;
const NUM_SEEDS: usize = 4;

/// Slow enough to be met in the middle of extracting and matching.
const SLOW_CONFIG: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 1024 }
matcher = { plugin = "lightglue" }
[mapper]
plugin = "colmap"
"#;

/// Tell of the run beside what the photos make.
const OF_THE_RUN: [&str; 5] = ["report.json", "report.html", "run.toml", "logs/events.jsonl", "transforms.json"];

fn of_seed(config: &str, seed: usize) -> String {
    format!("[pipeline]\nseed = {seed}\n{config}")
}

/// sha256 of each file of a job's model.
fn model_of(bench: &ServiceBench, job: &str) -> BTreeMap<String, String> {
    let listed = bench.client.get(&format!("/api/v1/jobs/{job}/artifacts")).expect_status(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = listed["artifacts"].as_array().unwrap().iter();
    let files = all.map(|artifact| (text(&artifact["name"]), text(&artifact["sha256"])));
    files.filter(|(name, _)| !OF_THE_RUN.contains(&name.as_str())).collect()
}

/// The same of a run of the command line.
fn model_of_command_line(cluster: &RayCluster, config: &str) -> BTreeMap<String, String> {
    let folder = cluster.path("local");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(folder.join("photos")).unwrap();
    small_photos().iter().for_each(|(name, bytes)| fs::write(folder.join("photos").join(name), bytes).unwrap());
    fs::write(folder.join("config.toml"), config).unwrap();
    let [photos, config, out] = ["photos", "config.toml", "out"].map(|name| folder.join(name).display().to_string());
    assert_success(&scene3d(&["reconstruct", &photos, "--config", &config, "--out", &out]));
    let report: Value = serde_json::from_slice(&fs::read(folder.join("out/report.json")).unwrap()).unwrap();
    let names = report["outputs"].as_array().unwrap().iter().map(|output| output["path"].as_str().unwrap().to_owned());
    let sha256 = |name: String| {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(fs::read(folder.join("out").join(&name)).unwrap());
        (name, digest.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    names.filter(|name| !OF_THE_RUN.contains(&name.as_str())).map(sha256).collect()
}

/// Items of a stage that were told as done before the job was interrupted, and those that the next attempt found.
fn told_and_found(bench: &ServiceBench, job: &str, stage: &str) -> [u64; 2] {
    let [mut told, mut found] = [0, 0];
    let mut is_interrupted = false;
    for (kind, body) in bench.events(job) {
        is_interrupted |= ["interrupted", "requeued"].contains(&kind.as_str());
        match (kind.as_str(), is_interrupted) {
            ("progress", false) if body["stage"] == stage => told = body["done"].as_u64().unwrap(),
            ("stage_finished", false) if body["stage"] == stage => told = body["items"].as_u64().unwrap(),
            ("stage_finished", true) if body["stage"] == stage => found = body["reused"].as_u64().unwrap(),
            _ => {}
        }
    }
    assert!(is_interrupted, "nothing interrupted {job}: {:#?}", bench.events(job).collect::<Vec<_>>());
    [told, found]
}

fn check_goes_on(bench: &ServiceBench, job: &str, stages: &[&str]) {
    bench.check_ends_well(job);
    for stage in stages {
        let [told, found] = told_and_found(bench, job, stage);
        assert!(told > 0 && found >= told, "{stage}: {told} were told as done, {found} were found");
    }
}

fn is_in(stage: &'static str) -> impl Fn(&str, &Value) -> bool {
    move |kind, body| kind == "progress" && body["stage"] == stage && body["done"].as_u64() >= Some(3)
}

#[test]
fn a_cluster_gives_the_bytes_of_this_machine_and_goes_on_whatever_ends() {
    if !has_weights() || !alone_on_loopback() {
        return;
    }
    let Some(cluster) = RayCluster::start(2) else { return };
    let mut bench = ServiceBench::start(&cluster.section(2));

    let jobs: Vec<String> =
        (0..NUM_JOBS).map(|index| bench.start_job(&of_seed(REAL_CONFIG, index % NUM_SEEDS))).collect();
    let local: Vec<_> =
        (0..NUM_SEEDS).map(|seed| model_of_command_line(&cluster, &of_seed(REAL_CONFIG, seed))).collect();
    for (index, job) in jobs.iter().enumerate() {
        bench.check_ends_well(job);
        assert_eq!(model_of(&bench, job), local[index % NUM_SEEDS], "job {index}");
    }

    cluster.wait_for_replicas(2);
    let job = bench.start_job(&of_seed(SLOW_CONFIG, 0));
    bench.wait_for(&job, is_in("match"));
    send_signal("-KILL", cluster.replica_of(&job).pid);
    check_goes_on(&bench, &job, &["extract", "match"]);

    cluster.wait_for_replicas(2);
    let job = bench.start_job(&of_seed(SLOW_CONFIG, 1));
    bench.wait_for(&job, is_in("extract"));
    kill_with_descendants(cluster.replica_of(&job).raylet);
    check_goes_on(&bench, &job, &["extract"]);

    let job = bench.start_job(&of_seed(SLOW_CONFIG, 2));
    bench.wait_for(&job, is_in("match"));
    bench.server.kill();
    bench.server.restart();
    bench.client = bench.server.client(scene3d_tests::server::USER);
    check_goes_on(&bench, &job, &["extract", "match"]);
}
