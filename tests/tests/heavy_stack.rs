//! The loop from photos that drift to an evaluation, through everything that `deploy/local.sh` starts: a job whose photos are
//! darkened, drift in the answer, an alert, Alertmanager's call, Airflow's run, DVC's stages, records and alias in MLflow, a mail.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::codecs::jpeg::JpegEncoder;
use scene3d_scene::synthetic::{SceneSpec, SyntheticScene};
use scene3d_tests::client::Client;
use scene3d_tests::events::follow;
use scene3d_tests::experiment::{Experiment, strecha_cameras};
use scene3d_tests::mailbox::Mailbox;
use scene3d_tests::server::USER;
use scene3d_tests::stack::Stack;
use scene3d_tests::{assert_success, binary, checkout, has_weights, rendered, run, small_scene, stdout};
use serde_json::{Value, json};

/// Every third photo is sent, the others are the baseline.
const NUM_PHOTOS: usize = 60;

const CONFIG: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 256 }
matcher = { plugin = "nearest" }
[mapper]
plugin = "colmap"
"#;

/// One scene, one config with two settings: small, and with everything that `experiments/dvc.yaml` does.
const PARAMS: &str = "
datasets: {strecha: {layout: scenes}}
validate: {max_megapixels: 256}
eda: {seed: 0, keypoints: {file: ../configs/aliked+nearest.toml, set: []}}
preprocess: {long_side_px: 480, undistort: false}
prepare: {seed: 0, held_out_share: 0.0, pairing: {method: exhaustive}}
configs:
  few: {file: ../configs/aliked+nearest.toml, set: [features.0.extractor.max_keypoints=512]}
  more: {file: ../configs/aliked+nearest.toml, set: [features.0.extractor.max_keypoints=1024]}
run: {seeds: [0], set: []}
select: {champion: few, metric: auc_5, alpha: 0.05, max_scene_loss: 2.0, seed: 0, out: configs/best.toml}
";

#[test]
fn darkened_photos_lead_to_an_evaluation() {
    let Some(stack) = Stack::prepare().filter(|_| has_weights()) else { return };
    let (mailbox, experiment) = (Mailbox::open(), labelled_scene());
    let scene = scene();
    write_baseline(&scene, &stack);
    let serve_toml = text(write_serve_toml(&stack));
    let stack = stack
        .with("STACK_SERVE_TOML", serve_toml)
        .with("STACK_EXPERIMENTS", text(experiment.path("..")))
        .with("EXPERIMENT_MAIL_TO", "operators@example.org")
        .with("SMTP_ADDRESS", mailbox.address())
        .with("SMTP_WITHOUT_TLS", "true");
    stack.up(USER);

    let client = stack.client(USER);
    let accepted = start_job(&client, &darkened(&scene));
    assert_eq!(accepted["drift"]["status"], "drift", "{accepted:#}");
    let drifted = |feature: &str| {
        let features = accepted["drift"]["features"].as_array().unwrap();
        features.iter().any(|found| found["feature"] == feature && found["drifted"] == true)
    };
    assert!(drifted("brightness"), "{accepted:#}");
    check_door(&client);
    let told: Vec<String> =
        follow(&client, accepted["id"].as_str().unwrap()).into_iter().map(|event| event.kind).collect();
    assert!(told.iter().any(|kind| kind == "stage_finished"), "{told:?}");
    let job = client.ended_job(accepted["id"].as_str().unwrap());
    assert_eq!(job["state"], "succeeded", "{job:#}");

    stack.wait_for("the gauge in Prometheus", 60, || {
        let found = stack.query("scene3d_drift_detected{feature=\"brightness\"}");
        found.first().filter(|(_, value)| *value == 1.0).map(drop)
    });
    stack.wait_for("the alert fires", 120, || {
        let firing = stack.query("ALERTS{alertname=\"InputBrightnessDrift\",alertstate=\"firing\"}");
        firing.first().map(|(labels, _)| assert_eq!(labels["action"], "retrain"))
    });
    let run = check_evaluation(&stack);
    check_records(&stack, &experiment);
    let mails = stack.wait_for("the mail", 30, || Some(mailbox.mails()).filter(|mails| !mails.is_empty()));
    assert!(mails[0].contains("To: operators@example.org") && mails[0].contains(&run), "{}", mails[0]);
    assert!(body(&mails[0]).contains("InputBrightnessDrift"), "{}", mails[0]);

    stack.wait_for("Airflow's figures in Prometheus", 60, || {
        let ended = stack.query("airflow_dag_runs{dag_id=\"experiment_pipeline\",state=\"success\"}");
        ended.first().filter(|(_, value)| *value == 1.0).map(drop)
    });
    let down = stack.query("up == 0 or probe_success == 0");
    assert!(down.is_empty(), "{down:?}\n{}", stack.logs());
    check_dashboards(&stack);
    check_memory_and_end(&stack);
}

/// nginx lets large uploads through, shows the headers, and keeps to itself what is for Prometheus.
fn check_door(client: &Client) {
    let noise = image::RgbImage::from_fn(3000, 2000, |x, y| {
        let mixed = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)).wrapping_mul(3_266_489_917);
        image::Rgb([mixed as u8, (mixed >> 8) as u8, (mixed >> 16) as u8])
    });
    let mut large = Vec::new();
    JpegEncoder::new_with_quality(&mut large, 100).encode_image(&noise).unwrap();
    assert!(large.len() > 8 << 20, "{} bytes", large.len());
    let upload = client.ended_upload(&client.upload(&[("large.jpg", &large)]));
    assert_eq!(upload["state"], "ready", "{upload:#}");
    let alive = client.get("/healthz").expect_status(200);
    assert_eq!(alive.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(alive.header("x-content-type-options"), "nosniff");
    let _ = client.get("/metrics").expect_status(404);
}

/// Alertmanager started a run, one for all alerts of the group, and every task of it ended well; its id.
fn check_evaluation(stack: &Stack) -> String {
    let airflow = stack.airflow();
    let path = "/api/v2/dags/experiment_pipeline/dagRuns";
    let runs = || airflow.get(path).expect_status(200).json()["dag_runs"].as_array().cloned().unwrap();
    stack.wait_for("Alertmanager calls Airflow", 60, || runs().first().map(drop));
    let ended = stack.wait_for("the run of the DAG", 600, || {
        runs().into_iter().find(|run| ["success", "failed"].contains(&run["state"].as_str().unwrap_or_default()))
    });
    let id = ended["dag_run_id"].as_str().unwrap().to_owned();
    let tasks = airflow.get(&format!("{path}/{id}/taskInstances")).expect_status(200).json();
    let states: Vec<(&str, &str)> = tasks["task_instances"].as_array().unwrap().iter().map(state_of).collect();
    for task in ["wait_for_data_strecha", "repro", "select_best", "mail"] {
        assert!(states.contains(&(task, "success")), "{states:?}\n{}", log_of(&airflow, &format!("{path}/{id}"), task));
    }
    assert!(
        id.starts_with("alertmanager__") && ended["conf"]["alerts"][0]["labels"]["action"] == "retrain",
        "{ended:#}"
    );
    assert_eq!(runs().len(), 1, "one group of alerts is one run");
    id
}

fn state_of(task: &Value) -> (&str, &str) {
    (task["task_id"].as_str().unwrap_or_default(), task["state"].as_str().unwrap_or_default())
}

fn log_of(airflow: &Client, run: &str, task: &str) -> String {
    let log = airflow.get(&format!("{run}/taskInstances/{task}/logs/1")).json();
    log["content"].as_array().into_iter().flatten().map(|line| format!("{}\n", line["event"])).collect()
}

/// Text of a mail of one part.
fn body(mail: &str) -> String {
    let encoded = mail.split("Content-Transfer-Encoding: base64\n\n").nth(1).unwrap().split("\n\n").next().unwrap();
    String::from_utf8(BASE64_STANDARD.decode(encoded.replace('\n', "")).unwrap()).unwrap()
}

/// What DVC ran is there, MLflow has its runs and the service's, and the alias means what was promoted.
fn check_records(stack: &Stack, experiment: &Experiment) {
    let selection = experiment.json("out/selection.json");
    assert!(["few", "more"].map(Value::from).contains(&selection["winner"]), "{selection:#}");
    let mlflow = Client::new(&format!("http://{}", stack.address("MLFLOW")));
    let alias = "/api/2.0/mlflow/registered-models/alias?name=scene3d-pipeline&alias=champion";
    let champion =
        stack.wait_for("the alias in MLflow", 60, || Some(mlflow.get(alias)).filter(|said| said.status == 200));
    assert_eq!(champion.json()["model_version"]["aliases"], json!(["champion"]));
    let expected =
        ["repro", "validate", "eda", "preprocess", "prepare", "run@few", "run@more", "evaluate", "select-best"];
    stack.wait_for("the runs in MLflow", 60, || {
        let names = finished_runs(&mlflow);
        expected.iter().all(|name| names.iter().any(|known| known == name)).then_some(())
    });
    stack.wait_for("the job's run in MLflow", 60, || experiment_id(&mlflow, "scene3d-service"));
}

fn finished_runs(mlflow: &Client) -> Vec<String> {
    let experiments = mlflow.post("/api/2.0/mlflow/experiments/search", &json!({ "max_results": 100 })).json();
    let ids: Vec<&Value> =
        experiments["experiments"].as_array().into_iter().flatten().map(|of| &of["experiment_id"]).collect();
    let finished = json!({ "experiment_ids": ids, "filter": "attributes.status = 'FINISHED'", "max_results": 1000 });
    let runs = mlflow.post("/api/2.0/mlflow/runs/search", &finished).json();
    let name = |run: &Value| run["info"]["run_name"].as_str().map(str::to_owned);
    runs["runs"].as_array().into_iter().flatten().filter_map(name).collect()
}

fn experiment_id(mlflow: &Client, name: &str) -> Option<String> {
    let found = mlflow.get(&format!("/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}")).json();
    found["experiment"]["experiment_id"].as_str().map(str::to_owned)
}

/// Every query of every dashboard is run by this Prometheus, which has scraped everything.
fn check_dashboards(stack: &Stack) {
    let mut python = Command::new(checkout().join(".deps/airflow/bin/python"));
    python.arg("-B").arg(checkout().join("deploy/check/dashboards.py"));
    let checked = run(python.arg("queries").arg(format!("http://{}/prometheus", stack.address("PROMETHEUS"))));
    assert_success(&checked);
    println!("{}", stdout(&checked));
}

/// `status` finds all of it, a second `up` is refused, and after `down` nobody answers.
fn check_memory_and_end(stack: &Stack) {
    let status = stack.local("status");
    assert_success(&status);
    println!("{}", stdout(&status));
    let again = stack.local("up");
    assert!(!again.status.success() && stdout(&again).contains("runs already"), "{}", stdout(&again));
    assert_success(&stack.local("down"));
    for part in ["PAGE", "SCENE3D", "POSTGRES", "PROMETHEUS", "AIRFLOW", "MLFLOW"] {
        assert!(std::net::TcpStream::connect(stack.address(part)).is_err(), "{part} still answers");
    }
    let ended = stack.local("status");
    assert!(!ended.status.success() && stdout(&ended).contains("does not run"), "{}", stdout(&ended));
}

fn scene() -> SyntheticScene {
    rendered(&SceneSpec { num_images: NUM_PHOTOS, image_size: [320, 240], step_deg: 6.0, ..SceneSpec::default() })
}

/// `scene3d eda` of the photos that are not sent.
fn write_baseline(scene: &SyntheticScene, stack: &Stack) {
    fs::create_dir(stack.path("usual")).unwrap();
    for (index, image) in scene.images.iter().enumerate().filter(|(index, _)| index % 3 != 2) {
        fs::write(stack.path("usual").join(format!("{index:03}.jpg")), &image.jpeg).unwrap();
    }
    let mut eda = Command::new(binary());
    assert_success(&run(eda.arg("eda").arg(stack.path("usual")).arg("--out").arg(stack.path("baseline.json"))));
}

fn write_serve_toml(stack: &Stack) -> std::path::PathBuf {
    let ours = fs::read_to_string(checkout().join("deploy/scene3d/serve.toml")).unwrap();
    let file = stack.path("serve.toml");
    fs::write(&file, format!("{ours}\n[drift]\nbaseline = {:?}\n", stack.path("baseline.json"))).unwrap();
    file
}

/// The photos that are left, with 35 % less light.
fn darkened(scene: &SyntheticScene) -> Vec<(String, Vec<u8>)> {
    let darker = |jpeg: &[u8]| {
        let mut pixels = image::load_from_memory(jpeg).unwrap().into_rgb8();
        pixels.iter_mut().for_each(|level| *level = (f32::from(*level) * 0.65).round() as u8);
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&pixels).unwrap();
        bytes
    };
    let sent = scene.images.iter().enumerate().filter(|(index, _)| index % 3 == 2);
    sent.map(|(_, image)| (image.name.clone(), darker(&image.jpeg))).collect()
}

/// What a job is answered with when it is accepted.
fn start_job(client: &Client, photos: &[(String, Vec<u8>)]) -> Value {
    let files: Vec<(&str, &[u8])> = photos.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let request = json!({ "upload_id": client.upload(&files), "config_toml": CONFIG });
    client.post("/api/v1/jobs", &request).expect_status(202).json()
}

/// A project with a scene whose cameras are known.
fn labelled_scene() -> Experiment {
    let experiment = Experiment::new(PARAMS);
    let scene = small_scene();
    for image in &scene.images {
        experiment.write(&format!("data/strecha/made/images/{}", image.name), &image.jpeg);
    }
    for (name, text) in strecha_cameras(scene) {
        experiment.write(&format!("data/strecha/made/cameras/{name}.camera"), text.as_bytes());
    }
    experiment
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}
