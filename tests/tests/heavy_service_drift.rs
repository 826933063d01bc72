//! Drift through the server: photos that look other than those of the baseline are told at once, and again when an extractor
//! has looked; what can't be told is said.

use std::collections::BTreeSet;
use std::process::Command;

use image::codecs::jpeg::JpegEncoder;
use scene3d_scene::synthetic::{SceneSpec, SyntheticScene};
use scene3d_tests::client::Client;
use scene3d_tests::events::follow;
use scene3d_tests::server::{ADMIN, Server, USER};
use scene3d_tests::{
    DUMMY_CONFIG, Workbench, assert_fails_with, assert_success, binary, has_weights, rendered, run, small_photos,
};
use serde_json::{Value, json};

/// Every third photo of the scene is sent, the others are the baseline.
const NUM_PHOTOS: usize = 60;
const NUM_SENT: usize = NUM_PHOTOS / 3;
const KEYPOINT_FEATURES: [&str; 2] = ["keypoint_count", "keypoint_score"];

const WITH_WEIGHTS: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 256 }
matcher = { plugin = "nearest" }
[mapper]
plugin = "dummy-mapper"
"#;

fn config() -> &'static str {
    if has_weights() { WITH_WEIGHTS } else { DUMMY_CONFIG }
}

fn scene() -> SyntheticScene {
    rendered(&SceneSpec { num_images: NUM_PHOTOS, image_size: [320, 240], step_deg: 6.0, ..SceneSpec::default() })
}

/// A folder with the baseline of most photos, and the photos that are left.
fn baseline() -> (Workbench, Vec<(String, Vec<u8>)>) {
    let bench = Workbench::new();
    let mut left = Vec::new();
    for (index, image) in scene().images.into_iter().enumerate() {
        match index % 3 {
            2 => left.push((image.name, image.jpeg)),
            _ => {
                bench.photo(&image.name, &image.jpeg);
            }
        }
    }
    std::fs::write(bench.path("config.toml"), config()).unwrap();
    let mut command = Command::new(binary());
    command.arg("eda").arg(bench.path("photos")).arg("--out").arg(bench.path("baseline.json"));
    assert_success(&run(command.arg("--config").arg(bench.path("config.toml"))));
    (bench, left)
}

/// The photo with 30 % less light.
fn darkened(jpeg: &[u8]) -> Vec<u8> {
    let mut pixels = image::load_from_memory(jpeg).unwrap().into_rgb8();
    pixels.iter_mut().for_each(|level| *level = (f32::from(*level) * 0.7).round() as u8);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&pixels).unwrap();
    bytes
}

fn upload(client: &Client, photos: &[(String, Vec<u8>)]) -> String {
    let files: Vec<(&str, &[u8])> = photos.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    client.upload(&files)
}

/// The verdict with which a job is accepted, and the one that it has in the end.
fn verdicts(client: &Client, upload: &str) -> [Value; 2] {
    let request = json!({ "upload_id": upload, "config_toml": config() });
    let accepted = client.post("/api/v1/jobs", &request).expect_status(202).json();
    let id = accepted["id"].as_str().unwrap();
    let told: Vec<Value> =
        follow(client, id).into_iter().filter(|event| event.kind == "drift").map(|event| event.body).collect();
    let ended = client.ended_job(id);
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    assert_eq!(told.len(), 1, "{told:#?}");
    for (key, value) in ended["drift"].as_object().unwrap() {
        assert_eq!(told[0][key], *value);
    }
    [accepted["drift"].clone(), ended["drift"].clone()]
}

fn names(verdict: &Value) -> Vec<&str> {
    verdict["features"].as_array().unwrap().iter().map(|found| found["feature"].as_str().unwrap()).collect()
}

fn feature<'a>(verdict: &'a Value, name: &str) -> &'a Value {
    let found = verdict["features"].as_array().unwrap().iter().find(|found| found["feature"] == name);
    found.unwrap_or_else(|| unreachable!("no {name} in {verdict:#}"))
}

fn gauge(server: &Server, name: &str) -> f64 {
    let text = server.client(ADMIN).get("/metrics").expect_status(200).text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| unreachable!("no {name} in\n{text}")).parse().unwrap()
}

fn check_keys(value: &Value, expected: &[&str]) {
    let keys: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, expected.iter().copied().collect());
}

/// As docs/drift.md shows it.
fn check_shape(verdict: &Value) {
    check_keys(verdict, &["features", "num_images", "status", "thresholds"]);
    check_keys(&verdict["thresholds"], &["max_p_adjusted", "min_wasserstein"]);
    for found in verdict["features"].as_array().unwrap() {
        let numbers = ["baseline_mean", "ks", "mean", "num_values", "p", "p_adjusted", "psi", "wasserstein"];
        check_keys(found, &[numbers.as_slice(), &["drifted", "feature", "histogram"]].concat());
        assert!(numbers.iter().all(|key| found[key].is_number()), "{found}");
        assert_eq!(found["num_values"], NUM_SENT, "{found}");
    }
}

#[test]
fn darkened_photos_are_told_and_normal_ones_are_not() {
    let (bench, photos) = baseline();
    let server = Server::start(&format!("drift.baseline = {:?}", bench.path("baseline.json")));
    let client = server.client(USER);
    let file: Value = serde_json::from_slice(&std::fs::read(bench.path("baseline.json")).unwrap()).unwrap();
    assert_eq!(client.get("/api/v1/drift/baseline").expect_status(200).json(), file);

    let normal = upload(&client, &photos);
    let [accepted, ended] = verdicts(&client, &normal);
    for verdict in [&accepted, &ended] {
        check_shape(verdict);
        assert_eq!((&verdict["status"], &verdict["num_images"]), (&json!("ok"), &json!(NUM_SENT)), "{verdict:#}");
    }
    let of_pixels = names(&accepted);
    assert!(of_pixels.contains(&"brightness") && !of_pixels.contains(&KEYPOINT_FEATURES[0]), "{of_pixels:?}");
    assert_eq!(names(&ended), [of_pixels.as_slice(), &KEYPOINT_FEATURES].concat());
    assert_eq!(gauge(&server, "scene3d_drift_detected{feature=\"brightness\"}"), 0.0);

    let dark: Vec<_> = photos.iter().map(|(name, jpeg)| (name.clone(), darkened(jpeg))).collect();
    let dark = upload(&client, &dark);
    let [accepted, ended] = verdicts(&client, &dark);
    for verdict in [&accepted, &ended] {
        assert_eq!(verdict["status"], "drift", "{verdict:#}");
        let brightness = feature(verdict, "brightness");
        assert_eq!(brightness["drifted"], true);
        let [mean, usual] = ["mean", "baseline_mean"].map(|key| brightness[key].as_f64().unwrap());
        assert!((mean / usual - 0.7).abs() < 0.05, "{brightness:#}");
    }
    assert_eq!(feature(&ended, KEYPOINT_FEATURES[0])["num_values"], NUM_SENT);
    assert_eq!(gauge(&server, "scene3d_drift_detected{feature=\"brightness\"}"), 1.0);
    for (gauge_name, key) in [("scene3d_drift_score", "wasserstein"), ("scene3d_drift_p_value", "p_adjusted")] {
        let expected = feature(&ended, "brightness")[key].as_f64().unwrap();
        assert_eq!(gauge(&server, &format!("{gauge_name}{{feature=\"brightness\"}}")), expected);
    }
    // each job is checked when it is accepted and when its images are extracted
    assert_eq!(gauge(&server, "scene3d_drift_checks_total{verdict=\"drift\"}"), 2.0);
    check_without_a_job(&client, [&normal, &dark], &photos);
}

fn check_without_a_job(client: &Client, [normal, dark]: [&str; 2], photos: &[(String, Vec<u8>)]) {
    let check = |body: &Value| client.post("/api/v1/drift/check", body);
    let verdict = check(&json!({ "upload_id": dark })).expect_status(200).json();
    check_shape(&verdict);
    assert_eq!(verdict["status"], "drift");
    let images = client.get(&format!("/api/v1/uploads/{normal}")).expect_status(200).json();
    let ids: Vec<&Value> = images["images"].as_array().unwrap().iter().map(|image| &image["sha256"]).collect();
    let verdict = check(&json!({ "image_ids": ids })).expect_status(200).json();
    assert_eq!((&verdict["status"], &verdict["num_images"]), (&json!("ok"), &json!(NUM_SENT)));

    let few = upload(client, &photos[..5]);
    let expected = json!({ "status": "insufficient_data", "num_images": 5, "thresholds": null, "features": [] });
    assert_eq!(check(&json!({ "upload_id": few })).expect_status(200).json(), expected);
    let accepted =
        client.post("/api/v1/jobs", &json!({ "upload_id": few, "config_toml": config() })).expect_status(202).json();
    assert_eq!(accepted["drift"], expected);

    let _ = check(&json!({})).expect_problem(422, "invalid_body");
    let _ = check(&json!({ "upload_id": few, "image_ids": ids })).expect_problem(422, "invalid_body");
    let _ = check(&json!({ "upload_id": "upload_none" })).expect_problem(404, "not_found");
}

#[test]
fn without_a_baseline_it_is_said_how_to_make_one() {
    let server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let answers =
        [client.get("/api/v1/drift/baseline"), client.post("/api/v1/drift/check", &json!({ "upload_id": upload }))];
    for answer in answers {
        let problem = answer.expect_problem(404, "not_found").json();
        let help = problem["help"].as_str().unwrap();
        assert!(help.contains("scene3d eda") && help.contains("[drift]"), "{help}");
    }
    let job = client.start_job(&upload, &json!({}));
    assert_eq!(client.get(&format!("/api/v1/jobs/{job}")).expect_status(200).json()["drift"], Value::Null);
}

#[test]
fn a_file_that_is_no_baseline_is_refused_at_the_start() {
    let bench = Workbench::new();
    let serve = |baseline: &str| {
        let config = format!("[drift]\nbaseline = {:?}\n", bench.path(baseline));
        std::fs::write(bench.path("serve.toml"), config).unwrap();
        let mut command = Command::new(binary());
        command.args(["serve", "--bind", "127.0.0.1:0", "--config"]).arg(bench.path("serve.toml"));
        run(command.arg("--data-dir").arg(bench.path("data")))
    };
    assert_fails_with(&serve("nowhere.json"), &["drift baseline", "nowhere.json"]);
    std::fs::write(bench.path("other.json"), "{\"schema_version\": 7}").unwrap();
    assert_fails_with(&serve("other.json"), &["other.json", "schema_version is 7, expected 1"]);
}
