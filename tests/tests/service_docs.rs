//! What users and operators type: the blocks of `docs/api.md` and `docs/operations.md` are run in order, each in an empty
//! folder, with curl alone.

use std::fs;
use std::path::Path;
use std::process::Command;

use scene3d_tests::{binary, checkout, has_weights, run};

#[test]
fn a_new_user_comes_from_nothing_to_a_finished_job_with_curl_alone() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // what the operator configured; port 0 is any free one
    let configs = checkout().join("configs");
    let config = format!("server.bind = \"127.0.0.1:0\"\njobs.config_dirs = [{configs:?}]\n");
    fs::write(folder.path().join("serve.toml"), config).unwrap();
    run_blocks_of("docs/api.md", folder.path(), |block| block.to_owned());
    assert!(fs::metadata(folder.path().join("points.ply")).unwrap().len() > 1000);
    assert!(said(folder.path(), "events.txt").contains("event: stage_finished"));
}

#[test]
fn an_operator_comes_from_nothing_to_a_service_with_tls_metrics_drift_and_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(checkout().join("configs"), folder.path().join("configs")).unwrap();
    run_blocks_of("docs/operations.md", folder.path(), |block| block.replace(":8443", ":0"));
    assert!(said(folder.path(), "metrics.txt").contains("scene3d_build_info"));
    assert!(said(folder.path(), "baseline-served.json").contains("brightness"));
}

fn run_blocks_of(document: &str, folder: &Path, adapted: impl Fn(&str) -> String) {
    let text = fs::read_to_string(checkout().join(document)).unwrap();
    let blocks: Vec<String> =
        text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).map(adapted).collect();
    assert!(blocks.len() >= 5, "{document} has {} blocks", blocks.len());
    let script = format!("set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{}", blocks.join("\n"));
    fs::write(folder.join("script"), script).unwrap();
    let program_folder = binary().parent().unwrap().to_owned();
    let mut path = vec![program_folder];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut bash = Command::new("bash");
    bash.arg("script").current_dir(folder).env("PATH", std::env::join_paths(path).unwrap());
    let output = run(&mut bash);
    let log = ["job.json", "serve.err", "serve.log"].map(|name| said(folder, name)).join("\n");
    assert!(output.status.success(), "{document}: {output:?}\n{log}");
}

fn said(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}
