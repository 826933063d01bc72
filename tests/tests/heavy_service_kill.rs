//! A server that is killed again and again loses no job, makes none twice, and computes nothing again that was finished.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scene3d_tests::client::Client;
use scene3d_tests::events::follow;
use scene3d_tests::postgres::Postgres;
use scene3d_tests::server::{Server, USER};
use scene3d_tests::{DUMMY_CONFIG, has_weights, small_photos};
use serde_json::{Value, json};

const NUM_KILLS: usize = 20;
const NUM_JOBS: usize = 4;

/// Where there are no weights the plugins of tests do, but most kills then hit a server that has nothing to do.
const WITHOUT_WEIGHTS: &str = DUMMY_CONFIG;

const WITH_WEIGHTS: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 512 }
matcher = { plugin = "nearest" }
[mapper]
plugin = "colmap"
"#;

fn check_kills(more: &str) {
    let mut server = Server::start(more);
    let mut random = StdRng::seed_from_u64(0);
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let config = if has_weights() { WITH_WEIGHTS } else { WITHOUT_WEIGHTS };
    // artifacts of another seed are other artifacts
    let request =
        |seed: usize| json!({ "upload_id": upload, "config_toml": format!("[pipeline]\nseed = {seed}\n{config}") });
    let jobs: Vec<String> = (0..NUM_JOBS).map(|seed| started(&client, &request(seed))).collect();
    for _ in 0..NUM_KILLS {
        std::thread::sleep(Duration::from_millis(random.random_range(20..2500)));
        server.kill();
        server.restart();
    }
    let client = server.client(USER);
    for id in &jobs {
        let job = client.ended_job(id);
        assert_eq!((job["state"].as_str(), job["failure"].as_str()), (Some("succeeded"), None), "{job:#}");
        check_events(&client, id);
    }
    let listed = client.get("/api/v1/jobs").expect_status(200).json();
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(NUM_JOBS), "{listed:#}");
}

fn started(client: &Client, request: &Value) -> String {
    let answer = client.post("/api/v1/jobs", request).expect_status(202).json();
    answer["id"].as_str().unwrap_or_default().to_owned()
}

/// Numbers without gaps; one end; and of the items that a stage had finished in an earlier attempt, all are reused.
fn check_events(client: &Client, id: &str) {
    let events = follow(client, id);
    let mut finished: BTreeMap<&str, u64> = BTreeMap::new();
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as u64), "{events:#?}");
    for event in events.iter().filter(|event| event.kind == "stage_finished") {
        let stage = event.body["stage"].as_str().unwrap_or_default();
        let (items, reused) = (event.body["items"].as_u64().unwrap_or(0), event.body["reused"].as_u64().unwrap_or(0));
        let kept = ["extract", "match", "map"].contains(&stage);
        if let Some(before) = finished.get(stage).filter(|_| kept) {
            assert_eq!(reused, *before, "{stage} of {id} was run again");
        }
        finished.insert(stage, items);
    }
    let num_ends = events.iter().filter(|event| event.body["state"] == "succeeded").count();
    assert_eq!(num_ends, 1, "{events:#?}");
}

#[test]
fn a_killed_server_loses_nothing_with_sqlite() {
    check_kills("");
}

#[test]
fn a_killed_server_loses_nothing_with_postgresql() {
    let Some(postgres) = Postgres::start() else { return };
    check_kills(&format!("storage.database_url = \"{}\"", postgres.url()));
}
