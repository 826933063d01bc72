//! Log-in by password, API key and refresh token, over HTTP.

use scene3d_tests::client::{Answer, Client};
use scene3d_tests::server::{ADMIN, PASSWORD, Server, USER};
use scene3d_tests::{assert_success, stdout};
use serde_json::json;

const TOKEN: &str = "/api/v1/auth/token";
const REFRESH: &str = "/api/v1/auth/refresh";
const REVOKE: &str = "/api/v1/auth/revoke";

#[test]
fn scopes_can_be_narrowed_and_not_widened() {
    let server = Server::start("jobs.run_jobs = false");
    let ask = |user: &str, scopes: &[&str]| {
        server.anonymous().post(TOKEN, &json!({ "user": user, "password": PASSWORD, "scopes": scopes }))
    };
    let narrow = ask(USER, &["jobs:read"]).expect_status(200).json();
    assert_eq!((&narrow["scopes"], &narrow["token_type"]), (&json!(["jobs:read"]), &json!("Bearer")));
    assert_eq!(narrow["expires_in"], 900);
    let narrow = server.anonymous().with_token(narrow["access_token"].as_str().unwrap());
    let _ = narrow.get("/api/v1/jobs").expect_status(200);
    let _ = narrow.post("/api/v1/jobs", &json!({})).expect_problem(403, "missing_scope");
    let _ = ask(USER, &["admin"]).expect_problem(403, "scopes_refused");
    let _ = ask(USER, &["everything"]).expect_problem(422, "invalid_body");
    let _ = ask(ADMIN, &["jobs:write"]).expect_status(200);
}

#[test]
fn a_refresh_token_is_good_for_one_use_and_a_second_one_ends_its_family() {
    let server = Server::start("jobs.run_jobs = false");
    let anyone = server.anonymous();
    let refresh = |token: &str| anyone.post(REFRESH, &json!({ "refresh_token": token }));
    let first = refresh_token(&log_in(&anyone, PASSWORD));
    let second = refresh_token(&refresh(&first));
    assert_ne!(first, second);
    let _ = refresh(&first).expect_problem(401, "wrong_credentials");
    let _ = refresh(&second).expect_problem(401, "wrong_credentials");
    let other = refresh_token(&log_in(&anyone, PASSWORD));
    assert_eq!(anyone.post(REVOKE, &json!({ "refresh_token": other })).status, 204);
    let _ = refresh(&other).expect_problem(401, "wrong_credentials");
    assert_eq!(anyone.post(REVOKE, &json!({ "refresh_token": "none" })).status, 204);
}

#[test]
fn who_is_disabled_is_out_at_once() {
    let server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let refresh = refresh_token(&log_in(&server.anonymous(), PASSWORD));
    let _ = client.get("/api/v1/jobs").expect_status(200);
    assert_success(&server.user_command(&["disable", USER]));
    let _ = client.get("/api/v1/jobs").expect_problem(401, "invalid_token");
    let _ = server.anonymous().post(REFRESH, &json!({ "refresh_token": refresh })).expect_status(401);
    let _ = log_in(&server.anonymous(), PASSWORD).expect_problem(401, "wrong_credentials");
    assert_success(&server.user_command(&["enable", USER]));
    let _ = client.get("/api/v1/jobs").expect_status(200);
}

#[test]
fn api_keys_give_tokens_until_they_are_revoked() {
    let server = Server::start("jobs.run_jobs = false");
    let made = server.user_command(&["key", "add", USER, "--label", "ci", "--scopes", "jobs:read"]);
    assert_success(&made);
    let key = stdout(&made).trim().to_owned();
    let by_key = |key: &str| server.anonymous().post(TOKEN, &json!({ "api_key": key }));
    let tokens = by_key(&key).expect_status(200).json();
    assert_eq!(tokens["scopes"], json!(["jobs:read"]));
    assert!(tokens.get("refresh_token").is_none(), "the key itself is what gives the next token");
    let client = server.anonymous().with_token(tokens["access_token"].as_str().unwrap());
    let _ = client.get("/api/v1/jobs").expect_status(200);
    let _ = server.anonymous().with_token(&key).get("/api/v1/jobs").expect_problem(401, "invalid_token");
    let _ = by_key(&format!("{key}0")).expect_problem(401, "wrong_credentials");
    assert_success(&server.user_command(&["key", "revoke", key.split('.').next().unwrap()]));
    let _ = by_key(&key).expect_problem(401, "wrong_credentials");
}

#[test]
fn guessing_is_slowed_counted_and_tells_nothing() {
    let server = Server::start("jobs.run_jobs = false");
    let guess = |user: &str| server.anonymous().post(TOKEN, &json!({ "user": user, "password": "a wrong guess" }));
    let known = guess(USER).expect_problem(401, "wrong_credentials");
    let unknown = guess("nobody").expect_problem(401, "wrong_credentials");
    assert_eq!(known.body, unknown.body);
    let answers: Vec<Answer> = (0..10).map(|_| guess(USER)).collect();
    let slowed: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(slowed.len() >= 4, "{answers:?}");
    let slowed = slowed[0].clone().expect_problem(429, "too_many_attempts");
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() >= 1);
    // the right password has to wait as well, and other users do not
    let _ = log_in(&server.anonymous(), PASSWORD).expect_problem(429, "too_many_attempts");
    let _ = server.client(ADMIN);
    let metrics = server.client(ADMIN).get("/metrics").text();
    let counted = metrics.lines().find(|line| line.starts_with("scene3d_auth_failures_total{reason=\"password\"}"));
    assert!(counted.is_some(), "{metrics}");
    assert!(!server.log().contains("a wrong guess"));
}

#[test]
fn keys_that_sign_tokens_rotate() {
    let secrets = tempfile::NamedTempFile::new().unwrap();
    let write = |keys: &[&str]| {
        let lines: String =
            keys.iter().map(|kid| format!("{kid} {}\n", format!("secret-of-{kid}-").repeat(4))).collect();
        std::fs::write(secrets.path(), lines).unwrap();
    };
    write(&["old"]);
    let mut server = Server::start(&format!("auth.secrets_file = {:?}", secrets.path()));
    let token = server.client(USER).token().to_owned();
    let status = |server: &Server, token: &str| server.anonymous().with_token(token).get("/api/v1/jobs").status;
    write(&["new", "old"]);
    server.restart();
    let newer = server.client(USER).token().to_owned();
    assert_eq!((status(&server, &token), status(&server, &newer)), (200, 200));
    write(&["new"]);
    server.restart();
    assert_eq!((status(&server, &token), status(&server, &newer)), (401, 200));
}

#[test]
fn metrics_are_read_by_the_scrapers_token_and_by_admins_alone() {
    let token = "a-token-that-prometheus-shows-000000000000";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), token).unwrap();
    let server = Server::start(&format!("jobs.run_jobs = false\nauth.scrape_token_file = {:?}", file.path()));
    let by = |token: &str| server.anonymous().with_token(token);
    assert!(by(token).get("/metrics").expect_status(200).text().contains("scene3d_build_info"));
    let _ = server.client(ADMIN).get("/metrics").expect_status(200);
    let _ = server.client(USER).get("/metrics").expect_problem(403, "missing_scope");
    let _ = server.anonymous().get("/metrics").expect_problem(401, "missing_token");
    let _ = by(&token[1..]).get("/metrics").expect_problem(401, "invalid_token");
    let _ = by(token).get("/api/v1/jobs").expect_problem(401, "invalid_token");
    assert!(!server.log().contains(token));
}

fn log_in(client: &Client, password: &str) -> Answer {
    client.post(TOKEN, &json!({ "user": USER, "password": password }))
}

fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}
