//! A plugin that ends its workers or panics: its jobs fail by name, whoever watches the service is told which and why, and
//! nobody else's jobs suffer.

use scene3d_tests::client::Client;
use scene3d_tests::postgres::Postgres;
use scene3d_tests::server::{ADMIN, Server, USER};
use scene3d_tests::{DUMMY_CONFIG, hostile_config, small_photos};
use serde_json::{Value, json};

const HOSTILE: &str = "hostile";

/// What `/readyz` says of the plugins; the rest of it is ready.
fn readiness(server: &Server) -> Value {
    let answer = server.anonymous().get("/readyz").expect_status(200).json();
    assert_eq!(answer["ready"], true, "{answer}");
    answer["parts"].as_array().unwrap().iter().find(|part| part["name"] == "plugins").unwrap()["reason"].clone()
}

fn plugin(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/v1/plugins/{id}")).expect_status(200).json()
}

fn ended(client: &Client, upload: &str, config: &str) -> Value {
    client.ended_job(&client.start_job_with(upload, config))
}

fn check_failing(server: &Server, client: &Client, code: &str, words: &[&str]) {
    let reason = readiness(server);
    for word in words {
        assert!(reason.as_str().unwrap().contains(word), "no `{word}` in {reason}");
    }
    let told = plugin(client, HOSTILE);
    assert_eq!((&told["state"], &told["problem"]), (&json!("failing"), &json!(code)), "{told}");
    assert_eq!(plugin(client, "dummy-extractor")["state"], "ready");
    assert_eq!(ended(client, &client.upload(&small_photos()), DUMMY_CONFIG)["state"], "succeeded");
    assert_eq!(readiness(server), reason, "that others work changes nothing");
}

#[test]
fn a_plugin_that_ends_its_workers_is_told_until_it_works_again() {
    let mut server = Server::start("");
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    assert_eq!((readiness(&server), &plugin(&client, HOSTILE)["state"]), (Value::Null, &json!("ready")));

    let job = ended(&client, &upload, &hostile_config("abort"));
    let failure = &job["failure"];
    assert_eq!((&job["state"], &job["attempts"]), (&json!("failed"), &json!(2)), "{job:#}");
    assert_eq!((&failure["code"], &failure["stage"]), (&json!("worker_lost"), &json!("extract")), "{failure:#}");
    assert_eq!(failure["plugin"], HOSTILE);
    let words = ["hostile fails", "signal 6 (SIGABRT)", "in the stage extract", "2 times"];
    check_failing(&server, &client, "worker_lost", &words);
    let metrics = server.client(ADMIN).get("/metrics").expect_status(200).text();
    let counted = "scene3d_plugin_errors_total{code=\"worker_lost\",plugin=\"hostile\"} 1";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");

    // another process on the same store knows as well
    server.restart();
    let client = server.client(USER);
    check_failing(&server, &client, "worker_lost", &words);

    let works = ended(&client, &upload, &hostile_config("none"));
    assert_eq!(works["stages"][1]["state"], "finished", "{works:#}");
    assert_eq!((readiness(&server), &plugin(&client, HOSTILE)["state"]), (Value::Null, &json!("ready")));
}

#[test]
fn a_plugin_that_panics_is_told() {
    check_panics_are_told(&Server::start(""));
}

#[test]
fn a_plugin_that_panics_is_told_by_postgresql_too() {
    let Some(postgres) = Postgres::start() else { return };
    check_panics_are_told(&Server::start(&format!("storage.database_url = {:?}", postgres.url())));
}

fn check_panics_are_told(server: &Server) {
    let client = server.client(USER);
    let upload = client.upload(&small_photos());
    for _ in 0..2 {
        let failure = ended(&client, &upload, &hostile_config("panic_in_run"))["failure"].clone();
        assert_eq!((&failure["code"], &failure["plugin"]), (&json!("panicked"), &json!(HOSTILE)), "{failure:#}");
    }
    check_failing(server, &client, "panicked", &["hostile fails: it panicked in the stage extract", "2 times"]);
}
