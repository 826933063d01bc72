//! A job tried again over the API: what its config does not change is taken from the job before, also where that failed.

use scene3d_tests::client::Client;
use scene3d_tests::events::{Event, follow, items_and_reused};
use scene3d_tests::server::{ADMIN, OTHER_USER, Server, USER};
use scene3d_tests::{DUMMY_CONFIG, small_photos};
use serde_json::{Value, json};

const NUM_IMAGES: u64 = 6;
const NUM_PAIRS: u64 = 15;

fn with_max_matches(max_matches: usize) -> String {
    DUMMY_CONFIG.replace("\"dummy-matcher\"", &format!("\"dummy-matcher\", max_matches = {max_matches}"))
}

/// A job that was asked for, followed to its end.
struct Ended {
    job: Value,
    events: Vec<Event>,
}

impl Ended {
    fn of(client: &Client, accepted: &Value) -> Self {
        let id = accepted["id"].as_str().unwrap();
        let events = follow(client, id);
        Self { job: client.ended_job(id), events }
    }

    fn id(&self) -> &str {
        self.job["id"].as_str().unwrap()
    }

    /// Asserts how many items of a stage were done and reused, by what the events and the job itself tell.
    fn check(&self, stage: &str, expected: [u64; 2]) {
        assert_eq!(items_and_reused(&self.events, stage), Some(expected), "{stage}: {:#?}", self.events);
        let of_job = self.job["stages"].as_array().unwrap().iter().find(|progress| progress["stage"] == stage).unwrap();
        assert_eq!([&of_job["done"], &of_job["reused"]], [expected[0], expected[1]], "{of_job:#}");
    }

    fn check_state(&self, state: &str) {
        assert_eq!(self.job["state"], state, "{:#}", self.job);
    }

    fn sha256s(&self, client: &Client) -> Vec<(Value, Value)> {
        let listed = client.get(&format!("/api/v1/jobs/{}/artifacts", self.id())).expect_status(200).json();
        let of_model = |artifact: &&Value| artifact["name"].as_str().unwrap().starts_with("model/");
        let artifacts = listed["artifacts"].as_array().unwrap().iter().filter(of_model);
        artifacts.map(|artifact| (artifact["name"].clone(), artifact["sha256"].clone())).collect()
    }
}

fn retry(client: &Client, of: &Ended, change: &Value) -> Ended {
    let accepted = client.post(&format!("/api/v1/jobs/{}/retry", of.id()), change).expect_status(202);
    let job = accepted.json();
    assert_eq!(accepted.header("location"), format!("/api/v1/jobs/{}", job["id"].as_str().unwrap()));
    assert_eq!((&job["retry_of"], &job["num_images"]), (&of.job["id"], &json!(NUM_IMAGES)));
    assert_ne!(job["id"], of.job["id"]);
    Ended::of(client, &job)
}

#[test]
fn only_what_another_config_changes_is_run_again() {
    let server = Server::start("");
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let request = json!({ "upload_id": upload, "config": "dummy" });
    let first = Ended::of(&client, &client.post("/api/v1/jobs", &request).expect_status(202).json());
    first.check_state("succeeded");
    first.check("extract", [NUM_IMAGES, 0]);
    first.check("match", [NUM_PAIRS, 0]);

    let other_matcher = retry(&client, &first, &json!({ "config_toml": with_max_matches(9) }));
    other_matcher.check_state("succeeded");
    other_matcher.check("extract", [NUM_IMAGES, NUM_IMAGES]);
    other_matcher.check("match", [NUM_PAIRS, 0]);

    // of the first one, which was left as it was
    let same = retry(&client, &first, &json!({}));
    same.check_state("succeeded");
    same.check("extract", [NUM_IMAGES, NUM_IMAGES]);
    same.check("match", [NUM_PAIRS, NUM_PAIRS]);
    assert_eq!((&same.job["config"], &same.job["config_toml"]), (&first.job["config"], &first.job["config_toml"]));
    assert_eq!(same.sha256s(&client).len(), 6);
    assert_eq!(same.sha256s(&client), first.sha256s(&client));

    let extracted = "scene3d_images_processed_total";
    let metrics = server.client(ADMIN).get("/metrics").expect_status(200).text();
    assert!(metrics.lines().any(|line| line == format!("{extracted} {NUM_IMAGES}")), "{metrics}");
    check_refusals(&server, &first);

    // what a retry was given is its own
    let _ = client.delete(&format!("/api/v1/jobs/{}", first.id())).expect_status(204);
    let again = retry(&client, &same, &json!({ "config": "dummy" }));
    again.check("match", [NUM_PAIRS, NUM_PAIRS]);
}

fn check_refusals(server: &Server, first: &Ended) {
    let client = server.client(USER);
    let path = format!("/api/v1/jobs/{}/retry", first.id());
    let _ = server.client(OTHER_USER).post(&path, &json!({})).expect_problem(404, "not_found");
    let both = json!({ "config": "dummy", "config_toml": DUMMY_CONFIG });
    let _ = client.post(&path, &both).expect_problem(422, "invalid_body");
    let unknown = DUMMY_CONFIG.replace("dummy-matcher", "no-matcher");
    let _ = client.post(&path, &json!({ "config_toml": unknown })).expect_problem(422, "invalid_config");
}

#[test]
fn a_failed_job_goes_on_where_it_failed() {
    let server = Server::start("");
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    let request = json!({ "upload_id": upload, "config_toml": with_max_matches(0) });
    let first = Ended::of(&client, &client.post("/api/v1/jobs", &request).expect_status(202).json());
    let again = retry(&client, &first, &json!({}));
    for failed in [&first, &again] {
        failed.check_state("failed");
        assert_eq!(
            (&failed.job["failure"]["code"], &failed.job["failure"]["stage"]),
            (&json!("no_model"), &json!("map"))
        );
    }
    again.check("extract", [NUM_IMAGES, NUM_IMAGES]);
    again.check("match", [NUM_PAIRS, NUM_PAIRS]);

    // work that was handed on twice
    let repaired = retry(&client, &again, &json!({ "config": "dummy" }));
    repaired.check_state("succeeded");
    repaired.check("extract", [NUM_IMAGES, NUM_IMAGES]);
    repaired.check("match", [NUM_PAIRS, 0]);
}
