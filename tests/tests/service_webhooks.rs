//! Webhooks: the end of a job is told once it is answered, signed; what nobody answers is listed as dead.

use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use scene3d_tests::client::Client;
use scene3d_tests::receiver::{Call, Receiver};
use scene3d_tests::server::{ADMIN, OTHER_USER, Server, USER};
use scene3d_tests::small_photos;
use serde_json::{Value, json};
use sha2::Sha256;

const MAX_ATTEMPTS: usize = 3;
const CONFIG: &str = "webhooks.first_retry_secs = 1\nwebhooks.max_attempts = 3";

/// `/ok` is taken, `/later` at the second time, `/never` not before everybody gave up, `/elsewhere` sends away.
fn status(path: &str, num_before: usize) -> u16 {
    match path {
        "/ok" => 204,
        "/later" if num_before == 0 => 500,
        "/later" => 200,
        "/never" if num_before < MAX_ATTEMPTS => 503,
        "/never" => 200,
        _ => 302,
    }
}

fn deliveries(client: &Client, query: &str) -> Vec<Value> {
    let listed = client.get(&format!("/api/v1/webhooks/deliveries{query}")).expect_status(200).json();
    listed["deliveries"].as_array().unwrap().clone()
}

/// The delivery of a job once nobody tries it any more.
fn ended_delivery(client: &Client, job: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let all = deliveries(client, "");
        let delivery = all.iter().find(|delivery| delivery["job_id"] == job);
        if let Some(delivery) = delivery.filter(|delivery| delivery["state"] != "pending") {
            return delivery.clone();
        }
        assert!(Instant::now() < deadline, "{all:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// As docs/api.md says: HMAC-SHA256 of `SECONDS.BODY` in `t=SECONDS,v1=HEX`.
fn check_signature(call: &Call, secret: &str) {
    let (at, hex) = call.headers["x-scene3d-signature"].split_once(',').unwrap();
    let at: u64 = at.strip_prefix("t=").unwrap().parse().unwrap();
    let hex = hex.strip_prefix("v1=").unwrap();
    let tag: Vec<u8> =
        (0..hex.len()).step_by(2).map(|index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap()).collect();
    let mac = |signed: String| Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(signed);
    mac(format!("{at}.{}", call.body)).verify_slice(&tag).unwrap();
    assert!(mac(format!("{}.{}", at + 1, call.body)).verify_slice(&tag).is_err(), "the time is signed too");
}

fn started(client: &Client, upload: &str, url: &str, config_toml: Option<&str>) -> String {
    let mut body = json!({ "upload_id": upload, "webhook_url": url });
    match config_toml {
        Some(toml) => body["config_toml"] = json!(toml),
        None => body["config"] = json!("dummy"),
    }
    client.post("/api/v1/jobs", &body).expect_status(202).json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_end_of_a_job_is_told_signed_with_the_secret_of_its_user() {
    let server = Server::start(CONFIG);
    let receiver = Receiver::answering(status);
    let client = server.client(USER);
    let secret = client.get("/api/v1/webhooks/secret").expect_status(200).json()["secret"].as_str().unwrap().to_owned();
    let other_secret = server.client(OTHER_USER).get("/api/v1/webhooks/secret").expect_status(200).json();
    assert!(secret.len() >= 32 && other_secret["secret"] != secret);
    let upload = client.upload(&small_photos());
    let job = started(&client, &upload, &format!("{}/ok", receiver.url), None);
    let delivery = ended_delivery(&client, &job);
    assert_eq!(
        (&delivery["state"], &delivery["attempts"], &delivery["last_error"]),
        (&json!("delivered"), &json!(1), &Value::Null)
    );
    let calls = receiver.calls("/ok");
    assert_eq!(calls.len(), 1, "{calls:#?}");
    check_signature(&calls[0], &secret);
    assert_eq!(calls[0].headers["content-type"], "application/json");
    assert_eq!(calls[0].headers["x-scene3d-delivery"], delivery["id"]);
    let told: Value = serde_json::from_str(&calls[0].body).unwrap();
    let ended = client.ended_job(&job);
    assert_eq!((&told["event"], &told["delivery"]), (&json!("job.ended"), &delivery["id"]));
    for key in ["id", "state", "config", "created_at", "ended_at", "statistics", "failure"] {
        assert_eq!(told["job"][key], ended[key], "{key}");
    }
    assert_eq!(told["job"]["state"], "succeeded");
    let elsewhere = started(&client, &upload, &format!("{}/elsewhere", receiver.url), None);
    let delivery = ended_delivery(&client, &elsewhere);
    assert_eq!(
        (&delivery["state"], &delivery["last_error"]),
        (&json!("dead"), &json!("answered 302 Found, expected 2xx"))
    );
}

#[test]
fn what_is_not_answered_is_tried_again_and_what_never_is_becomes_dead() {
    let server = Server::start(CONFIG);
    let receiver = Receiver::answering(status);
    let client = server.client(USER);
    let secret = client.get("/api/v1/webhooks/secret").expect_status(200).json()["secret"].as_str().unwrap().to_owned();
    let upload = client.upload(&small_photos()[..2]);
    let config = scene3d_tests::DUMMY_CONFIG.replace("\"dummy-matcher\"", "\"dummy-matcher\", max_matches = 0");
    let later = started(&client, &upload, &format!("{}/later", receiver.url), Some(&config));
    let never = started(&client, &upload, &format!("{}/never", receiver.url), None);

    let delivery = ended_delivery(&client, &later);
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("delivered"), &json!(2)));
    let calls = receiver.calls("/later");
    assert_eq!((calls.len(), &calls[0].body), (2, &calls[1].body));
    for call in &calls {
        check_signature(call, &secret);
        assert_eq!(call.headers["x-scene3d-delivery"], delivery["id"]);
    }
    let told: Value = serde_json::from_str(&calls[1].body).unwrap();
    assert_eq!((&told["job"]["state"], &told["job"]["failure"]["code"]), (&json!("failed"), &json!("no_model")));

    let dead = ended_delivery(&client, &never);
    assert_eq!((&dead["state"], &dead["attempts"]), (&json!("dead"), &json!(MAX_ATTEMPTS)));
    assert_eq!(
        (&dead["last_error"], &dead["next_attempt_at"]),
        (&json!("answered 503 Service Unavailable, expected 2xx"), &Value::Null)
    );
    assert_eq!(deliveries(&client, "?state=dead"), std::slice::from_ref(&dead));
    assert_eq!(deliveries(&client, "?state=delivered"), std::slice::from_ref(&delivery));
    assert!(deliveries(&server.client(OTHER_USER), "").is_empty());
    check_metrics(&server);

    let retry = |id: &Value| format!("/api/v1/webhooks/deliveries/{}/retry", id.as_str().unwrap());
    let _ = server.client(OTHER_USER).post(&retry(&dead["id"]), &json!({})).expect_problem(404, "not_found");
    let _ = client.post(&retry(&delivery["id"]), &json!({})).expect_status(409);
    let _ = client.post(&retry(&dead["id"]), &json!({})).expect_status(202);
    assert_eq!(ended_delivery(&client, &never)["state"], "delivered");
    assert_eq!(receiver.calls("/never").len(), MAX_ATTEMPTS + 1);
}

fn check_metrics(server: &Server) {
    let text = server.client(ADMIN).get("/metrics").expect_status(200).text();
    // retried: all attempts of the dead one but its last, and the first of the other
    for (outcome, times) in [("delivered", 1), ("dead", 1), ("retried", MAX_ATTEMPTS)] {
        let line = format!("scene3d_webhook_deliveries_total{{outcome=\"{outcome}\"}} {times}");
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
}

#[test]
fn addresses_of_private_networks_are_not_called_unless_the_operator_allows_it() {
    let server = Server::start("webhooks.allow_private = false\njobs.run_jobs = false");
    let client = server.client(USER);
    let upload = client.upload(&small_photos()[..2]);
    for url in
        ["http://127.0.0.1:9/x", "http://[::1]/x", "http://169.254.169.254/latest", "http://10.0.0.1/", "file:///x"]
    {
        let body = json!({ "upload_id": upload, "config": "dummy", "webhook_url": url });
        let problem = client.post("/api/v1/jobs", &body);
        assert_eq!(problem.status, 422, "{url}: {}", problem.text());
    }
}
