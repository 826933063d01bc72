//! Workers with real plugins: COLMAP's process goes with its job, and its death is told as what may pass.
#![cfg(target_os = "linux")] // looks for processes in /proc

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::worker_bench::{WorkerBench, children_of, send_signal, wait_until_gone};
use scene3d_service::jobs::executor::{Ending, ExecutorEvent};
use scene3d_tests::{binary, has_weights};

const NEAREST: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 1024, max_image_size = 512 }
matcher = { plugin = "nearest" }
[mapper]
plugin = "colmap"
bundle_adjustment = "thorough"
"#;

/// COLMAP has registered some images and goes on.
fn is_mapping(event: &ExecutorEvent) -> bool {
    matches!(event, ExecutorEvent::Progress { what, .. } if what.starts_with("registered "))
}

fn colmap_of(worker: u32) -> u32 {
    let children = children_of(worker);
    assert_eq!(children.len(), 1, "children of the worker: {children:?}");
    children[0]
}

#[tokio::test]
async fn jobs_on_kept_instances_are_equal() {
    if !has_weights() {
        return;
    }
    let bench = WorkerBench::new().await;
    let mut models = Vec::new();
    for job_id in ["job_1", "job_2"] {
        let watched = bench.run(bench.request(job_id, NEAREST)).await;
        assert!(matches!(watched.ending, Ending::Finished { .. }), "{watched:?}");
        let of_model = watched.artifacts().filter(|artifact| artifact.name.starts_with("model/"));
        models.push(of_model.map(|artifact| artifact.sha256.clone()).collect::<Vec<_>>());
    }
    assert_eq!((models[0].len(), &models[0]), (6, &models[1]));
}

#[tokio::test]
async fn a_job_cancelled_while_it_maps_leaves_no_colmap() {
    if !has_weights() {
        return;
    }
    let bench = WorkerBench::new().await;
    let cancelled = bench.run_until(bench.request("job_1", NEAREST), is_mapping).await;
    assert_eq!(cancelled.ending, Ending::Cancelled);
    let worker = children_of(std::process::id());
    assert_eq!((worker.len(), children_of(worker[0])), (1, Vec::new()));
    let resumed = bench.run(bench.request("job_1", NEAREST)).await;
    assert_eq!(
        (resumed.items_and_reused("extract"), resumed.items_and_reused("match")),
        (Some([6, 6]), Some([15, 15]))
    );
}

#[tokio::test]
async fn a_colmap_that_was_killed_may_pass_and_does() {
    if !has_weights() {
        return;
    }
    let bench = WorkerBench::new().await;
    let killed = bench
        .run_with(bench.request("job_1", NEAREST), is_mapping, || {
            let colmap = colmap_of(children_of(std::process::id())[0]);
            send_signal("-KILL", colmap);
        })
        .await;
    let Ending::Failed(failure) = killed.ending else { unreachable!("{killed:?}") };
    assert_eq!((failure.code.as_str(), failure.transient), ("unavailable", true), "{failure:?}");
    assert_eq!((failure.stage.as_deref(), failure.plugin.as_deref()), (Some("map"), Some("colmap")));
    let again = bench.run(bench.request("job_1", NEAREST)).await;
    assert!(matches!(again.ending, Ending::Finished { .. }), "{again:?}");
    assert_eq!(again.items_and_reused("match"), Some([15, 15]));
}

#[tokio::test]
async fn colmap_goes_with_a_worker_whose_server_is_gone() {
    if !has_weights() {
        return;
    }
    let bench = WorkerBench::new().await;
    let mut worker = Command::new(binary())
        .args(["worker", "--cache-dir"])
        .arg(bench.path("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(worker.stdin.as_mut().unwrap(), "{}", serde_json::json!({ "run": bench.request("job_1", NEAREST) }))
        .unwrap();
    let mut answers = BufReader::new(worker.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(answers.any(|line| line.contains("\"what\":\"registered ")));
    let colmap = colmap_of(worker.id());
    drop(worker.stdin.take());
    wait_until_gone(worker.id());
    wait_until_gone(colmap);
    assert!(worker.wait().unwrap().success());
}
