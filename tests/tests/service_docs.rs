//! `docs/api.md` is what a new user types: its blocks are run in order, in an empty folder, with curl alone.

use std::fs;
use std::process::Command;

use scene3d_tests::{binary, checkout, has_weights, run};

#[test]
fn a_new_user_comes_from_nothing_to_a_finished_job_with_curl_alone() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(checkout().join("docs/api.md")).unwrap();
    let blocks: Vec<&str> = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 5, "the document has {} blocks", blocks.len());
    // what the operator configured; port 0 is any free one
    let configs = checkout().join("configs");
    let config = format!("server.bind = \"127.0.0.1:0\"\njobs.config_dirs = [{configs:?}]\n");
    fs::write(folder.path().join("serve.toml"), config).unwrap();
    let script = format!("set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{}", blocks.join("\n"));
    fs::write(folder.path().join("script"), script).unwrap();
    let program_folder = binary().parent().unwrap().to_owned();
    let mut path = vec![program_folder];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut bash = Command::new("bash");
    bash.arg("script").current_dir(folder.path()).env("PATH", std::env::join_paths(path).unwrap());
    let output = run(&mut bash);
    let said = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    assert!(output.status.success(), "{output:?}\n{}\n{}", said("job.json"), said("serve.err"));
    assert!(fs::metadata(folder.path().join("points.ply")).unwrap().len() > 1000);
    assert!(said("events.txt").contains("event: stage_finished"));
}
