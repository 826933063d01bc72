//! The whole story of a job over bad connections: nothing is lost on the way, and its results are, byte for byte, those of
//! the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use scene3d_tests::client::Client;
use scene3d_tests::cutting_proxy::{Cuts, CuttingProxy, Sender};
use scene3d_tests::events::{Event, follow};
use scene3d_tests::server::{Server, USER};
use scene3d_tests::tus::{TusClient, write_zip};
use scene3d_tests::{assert_success, checkout, has_weights, scene3d, shared};
use serde_json::{Value, json};

const CONFIG: &str = "aliked+nearest";
const NUM_UPLOAD_CUTS: usize = 10;
const NUM_EVENT_CUTS: usize = 4;

/// Tell of the run beside what the photos make; compared in part below.
const IN_PART: [&str; 5] = ["report.json", "report.html", "run.toml", "logs/events.jsonl", "transforms.json"];

/// What a report tells of a run rather than of its photos: when and how long it ran, in how much memory, by which command,
/// and where the photos were.
const OF_THE_RUN: [&str; 5] = ["started_at", "total_secs", "peak_memory_bytes", "photos", "command"];

#[test]
fn a_job_over_connections_that_are_cut_gives_the_files_of_the_command_line() {
    let Some(tus) = TusClient::installed() else { return };
    if !has_weights() {
        return;
    }
    let configs = checkout().join("configs");
    let server = Server::start(&format!("jobs.config_dirs = [{configs:?}]"));
    let client = server.client(USER);
    let photos = photos(&server);

    let upload = upload_over_cuts(&server, &client, &tus, &photos);
    let job = client.start_job(&upload, &json!({ "config": CONFIG }));
    let events = follow_over_cuts(&server, &client, &job);
    let ended = client.ended_job(&job);
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    assert_eq!(events.last().map(|event| event.seq), ended["last_event"].as_u64());

    let out = server.path("out");
    let config = configs.join(format!("{CONFIG}.toml"));
    let [photos, config] = [&photos, &config].map(|path| path.display().to_string());
    assert_success(&scene3d(&["reconstruct", &photos, "--config", &config, "--out", &out.display().to_string()]));
    let artifacts = downloaded(&client, &job);
    check_files(&artifacts, &out);
    let told: BTreeSet<&str> = events
        .iter()
        .filter(|event| event.kind == "artifact")
        .filter_map(|event| event.body["name"].as_str())
        .collect();
    assert!(told.iter().copied().eq(artifacts.keys().map(String::as_str)), "the events tell of {told:?}");
}

/// fountain-p11, or where it is not, a scene that the program makes.
fn photos(server: &Server) -> PathBuf {
    shared("data/fountain-p11/images").unwrap_or_else(|| {
        let sample = server.path("sample");
        assert_success(&scene3d(&["sample", &sample.display().to_string()]));
        sample.join("images")
    })
}

fn upload_over_cuts(server: &Server, client: &Client, tus: &TusClient, photos: &Path) -> String {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in fs::read_dir(photos).unwrap() {
        let entry = entry.unwrap();
        files.push((entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    }
    let zip = server.path("photos.zip");
    write_zip(&zip, files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    let piece = usize::try_from(fs::metadata(&zip).unwrap().len()).unwrap() / (NUM_UPLOAD_CUTS + 2);
    let cuts = Cuts { num_cuts: NUM_UPLOAD_CUTS, sender: Sender::Client, after_bytes: 1000..piece, seed: 1 };
    let proxy = CuttingProxy::start(&server.url, cuts);
    let upload = client.ended_upload(&tus.send(&proxy.url, client.token(), &zip));
    assert_eq!(proxy.num_cuts(), NUM_UPLOAD_CUTS);
    assert_eq!((&upload["state"], upload["images"].as_array().map(Vec::len)), (&json!("ready"), Some(files.len())));
    upload["id"].as_str().unwrap().to_owned()
}

fn follow_over_cuts(server: &Server, client: &Client, job: &str) -> Vec<Event> {
    // an answer's head is about 700 bytes, an event about 200
    let cuts = Cuts { num_cuts: NUM_EVENT_CUTS, sender: Sender::Server, after_bytes: 300..2000, seed: 2 };
    let proxy = CuttingProxy::start(&server.url, cuts);
    let events = follow(&Client::new(&proxy.url).with_token(client.token()), job);
    assert_eq!(proxy.num_cuts(), NUM_EVENT_CUTS);
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    events
}

fn downloaded(client: &Client, job: &str) -> BTreeMap<String, Vec<u8>> {
    let listed = client.get(&format!("/api/v1/jobs/{job}/artifacts")).expect_status(200).json();
    let download = |artifact: &Value| {
        let bytes = client.get(artifact["href"].as_str().unwrap()).expect_status(200).body;
        assert_eq!(artifact["bytes"].as_u64(), Some(bytes.len() as u64));
        (artifact["name"].as_str().unwrap().to_owned(), bytes)
    };
    listed["artifacts"].as_array().unwrap().iter().map(download).collect()
}

fn check_files(artifacts: &BTreeMap<String, Vec<u8>>, out: &Path) {
    let of_job = |name: &str| -> Value { serde_json::from_slice(&artifacts[name]).unwrap() };
    let of_run = |name: &str| -> Value { serde_json::from_slice(&fs::read(out.join(name)).unwrap()).unwrap() };
    let report = of_run("report.json");
    let outputs = report["outputs"].as_array().unwrap().iter().map(|output| output["path"].as_str().unwrap());
    let expected: BTreeSet<&str> = outputs.chain(IN_PART).collect();
    assert!(expected.iter().copied().eq(artifacts.keys().map(String::as_str)), "{:?}", artifacts.keys());
    let differs = |(name, bytes): &(&String, &Vec<u8>)| **bytes != fs::read(out.join(name)).unwrap();
    let differing: Vec<&str> = artifacts.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    assert!(differing.iter().all(|name| IN_PART.contains(name)), "{differing:?} differ");
    assert_eq!(of_photos(of_job("report.json")), of_photos(of_run("report.json")));
    assert_eq!(by_file_name(of_job("transforms.json")), by_file_name(of_run("transforms.json")));
    let of_job = |name: &str| String::from_utf8_lossy(&artifacts[name]).into_owned();
    let of_run = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(settings(&of_job("run.toml")), settings(&of_run("run.toml")));
    assert_eq!(steps(&of_job("logs/events.jsonl")), steps(&of_run("logs/events.jsonl")));
}

/// Lines of a `run.toml` that do not tell when, by which command and on which folder it ran.
fn settings(run: &str) -> Vec<&str> {
    let of_run = ["started_at = ", "command = ", "photos = "];
    let (told, settings): (Vec<&str>, Vec<&str>) =
        run.lines().partition(|line| of_run.iter().any(|key| line.starts_with(key)));
    assert_eq!(told.len(), of_run.len(), "{run}");
    settings
}

/// What a log tells of stages and photos, without times and in an order that does not depend on them.
fn steps(log: &str) -> Vec<String> {
    let told = ["stage_started", "extracted", "stage_finished"];
    let step = |line: &str| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().retain(|key, _| !["time", "secs"].contains(&key.as_str()));
        told.contains(&event["event"].as_str().unwrap()).then(|| event.to_string())
    };
    let mut steps: Vec<String> = log.lines().filter_map(step).collect();
    steps.sort_unstable();
    assert!(steps.len() > 2 * told.len(), "{log}");
    steps
}

/// Transforms with photos named as they were uploaded, wherever they lie.
fn by_file_name(mut transforms: Value) -> Value {
    for frame in transforms["frames"].as_array_mut().unwrap() {
        let path = Path::new(frame["file_path"].as_str().unwrap());
        frame["file_path"] = json!(path.file_name().unwrap().to_str());
    }
    transforms
}

/// A report without what it tells of its run.
fn of_photos(mut report: Value) -> Value {
    for key in OF_THE_RUN {
        let of_config = if key == "command" { &mut report["run"]["config"] } else { &mut report["run"] };
        assert!(of_config.as_object_mut().unwrap().remove(key).is_some(), "no {key} in the report");
    }
    // transforms.json names where the photos are
    let paths = report["outputs"].as_array_mut().unwrap().iter_mut().find(|output| output["path"] == "transforms.json");
    assert!(paths.unwrap().as_object_mut().unwrap().remove("num_bytes").is_some());
    for stage in report["stages"].as_array_mut().unwrap() {
        assert!(stage.as_object_mut().unwrap().remove("secs").is_some());
    }
    report
}
