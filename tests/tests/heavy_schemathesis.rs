//! Schemathesis tries the API by its OpenAPI document: no answer may be a failure of the server, or one that the document does
//! not tell of.

use std::path::PathBuf;
use std::process::Command;

use scene3d_tests::server::{Server, USER};
use scene3d_tests::{checkout, run, small_scene, stderr, stdout};
use serde_json::json;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    response_headers_conformance,unsupported_method,allow_header_conformance,ignored_auth";

/// Streams of events of jobs that wait do not end.
const REQUEST_TIMEOUT_SECS: &str = "20";

#[test]
fn no_answer_is_a_failure_or_undocumented() {
    let Some(schemathesis) = schemathesis() else { return };
    let server = Server::start("");
    let client = server.client(USER);
    let photos: Vec<(&str, &[u8])> =
        small_scene().images.iter().take(2).map(|image| (image.name.as_str(), image.jpeg.as_slice())).collect();
    let job = client.ended_job(&client.start_job(&client.upload(&photos), &json!({})));
    assert_eq!(job["state"], "succeeded", "{job}");
    let tried = run(Command::new(schemathesis)
        .current_dir(server.folder.path())
        .arg("run")
        .arg(format!("{}/api/v1/openapi.json", server.url))
        .args(["--seed", "1", "--max-examples", "30", "--workers", "1", "--checks", CHECKS])
        .args(["--request-timeout", REQUEST_TIMEOUT_SECS, "--no-color", "--continue-on-failure"])
        // it can't write bodies of tus' media type; `service_tus.rs` tries that protocol
        .args(["--exclude-tag", "tus"])
        .args(["--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"])
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", client.token())));
    assert!(tried.status.success(), "{}\n{}\n{}", stdout(&tried), stderr(&tried), server.log());
}

/// What `cargo xtask setup` installed, or `None` with a printed reason.
fn schemathesis() -> Option<PathBuf> {
    let program = checkout().join(".deps/schemathesis/bin/schemathesis");
    if program.is_file() {
        return Some(program);
    }
    eprintln!("skipped: there is no {}; run `cargo xtask setup`", program.display());
    None
}
