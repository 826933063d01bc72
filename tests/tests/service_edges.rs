//! What holds for every answer of the service, and how it starts and stops.

use std::io::Read;
use std::process::Command;

use reqwest::Method;
use scene3d_tests::server::{OTHER_USER, Server, USER};
use scene3d_tests::{assert_fails_with, binary, run, small_scene};
use serde_json::{Value, json};

#[test]
fn every_refusal_is_a_problem() {
    let server = Server::start("jobs.run_jobs = false\nserver.max_body_bytes = 1000");
    let client = server.client(USER);
    let _ = client.get("/nowhere").expect_problem(404, "no_such_route");
    let _ = client.get("/api/v1/nowhere").expect_problem(404, "no_such_route");
    let _ = client.get("/api/docs/nowhere.js").expect_problem(404, "not_found");
    let wrong = client.delete("/api/v1/plugins").expect_problem(405, "method_not_allowed");
    assert!(wrong.header("allow").contains("GET"), "{:?}", wrong.headers);
    let post = |media_type: &str, body: &str| {
        let request = client.request(Method::POST, "/api/v1/configs/check").header("content-type", media_type);
        client.send(request.body(body.to_owned()))
    };
    let _ = post("application/json", "{").expect_problem(400, "malformed_json");
    let _ = post("text/plain", "{}").expect_problem(415, "unsupported_media_type");
    let _ = post("application/json", "{}").expect_problem(422, "invalid_body");
    let _ = post("application/json", &"[".repeat(500)).expect_problem(400, "malformed_json");
    let too_large = json!({ "toml": "#".repeat(2000) }).to_string();
    let _ = post("application/json", &too_large).expect_problem(413, "body_too_large");
    let _ = client.get("/api/v1/jobs?limit=many").expect_problem(422, "invalid_query");
    let problem = client.get("/api/v1/jobs/%ff").expect_problem(404, "not_found").json();
    for key in ["type", "title", "status", "code", "detail", "help"] {
        assert!(problem.get(key).is_some(), "no {key} in {problem}");
    }
}

#[test]
fn answers_carry_security_headers_and_an_id() {
    let server = Server::start("jobs.run_jobs = false\nserver.cors_origins = [\"https://scenes.example.org\"]");
    let client = server.client(USER);
    let answer = client.get("/api/v1/jobs");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let with_id = |id: &str| {
        let answer = client.send(client.request(Method::GET, "/healthz").header("x-request-id", id));
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(with_id("my-request.1"), "my-request.1");
    assert_ne!(with_id("a b"), "a b");
    assert_ne!(with_id(&"a".repeat(65)), "a".repeat(65));
    assert_eq!(answer.header("x-request-id").len(), 32);
    check_cors(&server);
}

fn check_cors(server: &Server) {
    let anyone = server.anonymous();
    let preflight = |origin: &str| {
        let request = anyone.request(Method::OPTIONS, "/api/v1/jobs").header("origin", origin);
        anyone.send(request.header("access-control-request-method", "POST"))
    };
    let listed = preflight("https://scenes.example.org").expect_status(204);
    assert_eq!(listed.header("access-control-allow-origin"), "https://scenes.example.org");
    assert!(listed.header("access-control-allow-headers").contains("authorization"));
    let other = preflight("https://scenes.example.org.evil.example");
    assert_eq!(other.header("access-control-allow-origin"), "");
}

/// Pages and scripts come from the server, and no page has a script in itself, so that the policy need not allow any.
#[test]
fn the_pages_of_the_docs_hold_their_own_policy() {
    let server = Server::start("jobs.run_jobs = false");
    let anyone = server.anonymous();
    let page = anyone.get("/api/docs/").expect_status(200);
    assert!(page.header("content-security-policy").contains("script-src 'self';"), "{:?}", page.headers);
    let text = page.text();
    let named: Vec<&str> =
        text.split(['"', '\'']).filter(|word| [".js", ".css", ".png"].iter().any(|end| word.ends_with(end))).collect();
    assert!(named.len() >= 4, "{text}");
    for name in named {
        assert!(!name.contains("//"), "{name} comes from elsewhere");
        assert_eq!(anyone.get(&format!("/api/docs/{}", name.trim_start_matches("./"))).status, 200, "{name}");
    }
    assert!(
        text.split("<script").skip(1).all(|script| script
            .split('>')
            .nth(1)
            .unwrap()
            .trim_start()
            .starts_with("</script")),
        "{text}"
    );
    let initializer = anyone.get("/api/docs/swagger-initializer.js").expect_status(200).text();
    assert!(initializer.contains("/api/v1/openapi.json"), "{initializer}");
}

#[test]
fn users_have_a_rate_each() {
    let server = Server::start("jobs.run_jobs = false\nquotas.requests_per_sec = 1\nquotas.request_burst = 3");
    let (client, other) = (server.client(USER), server.client(OTHER_USER));
    let statuses: Vec<u16> = (0..8).map(|_| client.get("/api/v1/plugins").status).collect();
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = (0..8).map(|_| client.get("/api/v1/plugins")).find(|answer| answer.status == 429).unwrap();
    assert!(refused.expect_problem(429, "rate_limited").header("retry-after").parse::<u64>().unwrap() >= 1);
    let _ = other.get("/api/v1/plugins").expect_status(200);
}

#[test]
fn configs_of_users_name_no_file_of_the_server() {
    let server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let check = |toml: &str| client.post("/api/v1/configs/check", &json!({ "toml": toml }));
    let stages =
        "[[features]]\nextractor = { plugin = \"dummy-extractor\" }\nmatcher = { plugin = \"dummy-matcher\" }\n";
    let good = check(&format!("{stages}[mapper]\nplugin = \"dummy-mapper\"\n")).expect_status(200).json();
    assert_eq!((&good["ok"], &good["stages"][2]["plugin"]), (&json!(true), &json!("dummy-mapper")));
    let bad = "[pipeline]\nplugin_dirs = [\"/tmp\"]\nweights_dirs = [\"/tmp\"]\n";
    let mapper = "[mapper]\nplugin = \"colmap\"\npython = \"/bin/sh\"\ncolmap = \"/bin/sh\"\n";
    let refused = check(&format!("{bad}{stages}{mapper}")).expect_problem(422, "invalid_config").json();
    let errors: Vec<&str> = refused["errors"].as_array().unwrap().iter().map(|error| error.as_str().unwrap()).collect();
    for place in [
        "config:2:1: `pipeline.plugin_dirs`",
        "config:3:1: `pipeline.weights_dirs`",
        "config:9:1: `mapper.python`",
        "config:10:1: `mapper.colmap`",
    ] {
        assert!(errors.iter().any(|error| error.starts_with(place)), "no {place} in {errors:#?}");
    }
    let unknown = check("[mapper]\nplugin = \"no-such\"\n").expect_problem(422, "invalid_config").text();
    let folder = scene3d_tests::target_folder().display().to_string();
    assert!(!unknown.contains(&folder), "{unknown}");
    let _ =
        client.post("/api/v1/configs/check", &json!({ "config": "../dummy" })).expect_problem(422, "no_such_config");
    let listed = client.get("/api/v1/configs").expect_status(200).json();
    assert_eq!(listed["configs"][0]["name"], "dummy");
    let plugins = client.get("/api/v1/plugins/colmap").expect_status(200);
    assert!(!plugins.text().contains(&folder), "{}", plugins.text());
}

#[test]
fn what_is_not_ready_is_said() {
    let server = Server::start("jobs.run_jobs = false\nstorage.min_free_bytes = 9000000000000000000");
    let answer = server.anonymous().get("/readyz").expect_status(503).json();
    let reason = |name: &str| -> Value {
        let parts = answer["parts"].as_array().unwrap();
        parts.iter().find(|part| part["name"] == name).unwrap()["reason"].clone()
    };
    assert_eq!(reason("worker"), "no process runs jobs; they wait");
    assert!(reason("disk").as_str().unwrap().contains("MiB are free"));
    assert_eq!((reason("database"), reason("objects")), (Value::Null, Value::Null));
    let _ = server.anonymous().get("/healthz").expect_status(200);
}

#[test]
fn it_stops_when_asked_and_ends_streams() {
    let mut server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let photos: Vec<(&str, &[u8])> =
        small_scene().images.iter().take(2).map(|image| (image.name.as_str(), image.jpeg.as_slice())).collect();
    let job = client.start_job(&client.upload(&photos), &json!({}));
    let mut events = client.stream(&format!("/api/v1/jobs/{job}/events"));
    let mut first = [0; 8];
    events.read_exact(&mut first).unwrap();
    server.ask_to_stop();
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    assert!(server.wait_until_ended().success(), "{}", server.log());
}

#[test]
fn it_does_not_listen_where_others_can_reach_it_without_a_secret_and_tls() {
    let folder = tempfile::tempdir().unwrap();
    let serve =
        |args: &[&str]| run(Command::new(binary()).arg("serve").arg("--data-dir").arg(folder.path()).args(args));
    let refused = serve(&["--bind", "0.0.0.0:0"]);
    assert_fails_with(&refused, &["auth.secrets_file", "server.tls_cert", "allow_plain_http"]);
    assert_fails_with(&serve(&["--bind", "nowhere"]), &["nowhere", "127.0.0.1:8000"]);
    let config = folder.path().join("serve.toml");
    std::fs::write(&config, "server.port = 1\n").unwrap();
    assert_fails_with(&serve(&["--config", &config.display().to_string()]), &["serve.toml", "port"]);
}
