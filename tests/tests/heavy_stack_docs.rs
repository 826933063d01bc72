//! What operators of the stack type: the blocks of `docs/operations.md` that begin with `bash` are run in order, in a checkout
//! that is this one, by name.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use scene3d_tests::server::{PASSWORD, USER};
use scene3d_tests::stack::Stack;
use scene3d_tests::{binary, checkout, run, stderr, stdout};
use serde_json::Value;

#[test]
fn an_operator_comes_from_nothing_to_the_stack_and_keeps_it() {
    let Some(stack) = Stack::prepare() else { return };
    for name in ["deploy", ".deps", "configs", "frontend"] {
        symlink(checkout().join(name), stack.path(name)).unwrap();
    }
    let text = fs::read_to_string(checkout().join("docs/operations.md")).unwrap();
    let blocks: Vec<&str> = text.split("```bash\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 7, "docs/operations.md has {} blocks of the stack", blocks.len());
    fs::write(stack.path("script"), format!("set -euo pipefail\n{}", blocks.join("\n"))).unwrap();
    let mut path = vec![binary().parent().unwrap().to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut bash = stack.command(Path::new("bash"));
    // to a file: what the stack starts would keep pipes open
    bash.args(["-c", "bash script > said 2>&1"]).current_dir(stack.path(""));
    let output = run(bash.env("PATH", std::env::join_paths(path).unwrap()));
    let said = fs::read_to_string(stack.path("said")).unwrap_or_default();
    assert!(output.status.success(), "{said}\n{}{}\n{}", stdout(&output), stderr(&output), stack.logs());

    let up: Value = serde_json::from_str(&fs::read_to_string(stack.path("up.json")).unwrap()).unwrap();
    assert_eq!(up["status"], "success");
    assert_eq!(PASSWORD, "correct horse battery staple", "the page's password");
    // after a backup, an upgrade and new secrets she is still who she was
    let baseline = stack.client(USER).get("/api/v1/drift/baseline").expect_status(200).json();
    assert!(baseline["features"].is_object() || baseline["features"].is_array(), "{baseline:#}");
    stack.wait_for("every target answers after the rotation", 90, || {
        let answering = stack.query("count(up == 1) and count(up) == 7 unless count(probe_success == 0)");
        answering.first().map(drop)
    });
}
