//! The real worker, given jobs as a server gives them: what it leaves in the object store, how it stops, how its end is
//! told, and that the next job runs whatever became of the last one.
#![cfg(target_os = "linux")] // looks for processes in /proc

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::worker_bench::{Watched, WorkerBench, children_of, hex_sha256, photos_folder, send_signal, wait_until_gone};
use scene3d_service::jobs::executor::{Ending, Executor, ExecutorEvent};
use scene3d_service::jobs::failure::JobFailure;
use scene3d_tests::{DUMMY_CONFIG, assert_success, binary, hostile_config, run, small_scene};

fn stages(watched: &Watched) -> Vec<&str> {
    watched.events.iter().filter_map(started).collect()
}

fn started(event: &ExecutorEvent) -> Option<&str> {
    match event {
        ExecutorEvent::StageStarted { stage, .. } => Some(stage),
        _ => None,
    }
}

fn failure(watched: Watched) -> JobFailure {
    match watched.ending {
        Ending::Failed(failure) => failure,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_leaves_the_files_of_a_run_of_the_command_line_in_the_object_store() {
    let bench = WorkerBench::new().await;
    let watched = bench.run(bench.request("job_1", DUMMY_CONFIG)).await;
    let Ending::Finished { statistics, images } = &watched.ending else { unreachable!("{watched:?}") };
    assert_eq!((statistics["num_registered"].as_u64(), images.as_array().unwrap().len()), (Some(6), 6));
    assert_eq!(stages(&watched), ["read", "extract", "pair", "match", "map", "export"]);

    let (out, config) = (bench.path("out"), bench.path("dummy.toml"));
    std::fs::write(&config, DUMMY_CONFIG).unwrap();
    let mut command = Command::new(binary());
    command.arg("reconstruct").arg(photos_folder(&bench.path(""))).arg("--config").arg(config).arg("--out").arg(&out);
    assert_success(&run(&mut command));

    let blobs = bench.blobs();
    let mut stored: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for artifact in watched.artifacts() {
        assert_eq!(artifact.object_key, format!("artifacts/job_1/{}", artifact.sha256));
        let bytes = std::fs::read(blobs.local_path(&artifact.object_key).unwrap()).unwrap();
        assert_eq!((hex_sha256(&bytes), bytes.len() as i64), (artifact.sha256.clone(), artifact.bytes));
        stored.insert(&artifact.name, bytes);
    }
    let of_model = ["cameras.bin", "images.bin", "points3D.bin", "cameras.txt", "images.txt", "points3D.txt"];
    let names = of_model.map(|name| format!("model/{name}")).into_iter();
    for name in names.chain(["points.ply", "points-decimated.ply", "scene.glb", "scene.tiles"].map(str::to_owned)) {
        assert!(stored[name.as_str()] == std::fs::read(out.join(&name)).unwrap(), "{name} differs");
    }
    for name in ["transforms.json", "report.json", "report.html", "run.toml", "logs/events.jsonl"] {
        let text = String::from_utf8_lossy(&stored[name]);
        assert!(!text.is_empty() && !text.contains(&bench.path("").display().to_string()), "{name} tells a path");
    }
}

#[tokio::test]
async fn a_worker_is_kept_from_job_to_job_and_finished_stages_are_not_run_again() {
    let bench = WorkerBench::new().await;
    bench.run(bench.request("job_1", DUMMY_CONFIG)).await;
    let worker = children_of(std::process::id());
    assert_eq!(worker.len(), 1);
    let again = bench.run(bench.request("job_1", DUMMY_CONFIG)).await;
    assert_eq!(again.items_and_reused("extract"), Some([6, 6]));
    assert_eq!(again.items_and_reused("match"), Some([15, 15]));

    let other_config = DUMMY_CONFIG.replace("\"dummy-matcher\"", "\"dummy-matcher\", max_matches = 9");
    let mut retry = bench.request("job_2", &other_config);
    retry.inherit_from = Some(bench.path("work/job_1"));
    let retried = bench.run(retry).await;
    assert!(matches!(retried.ending, Ending::Finished { .. }), "{retried:?}");
    assert_eq!((retried.items_and_reused("extract"), retried.items_and_reused("match")), (Some([6, 6]), Some([15, 0])));
    assert_eq!(children_of(std::process::id()), worker);
    bench.executor.stop().await;
    assert_eq!(children_of(std::process::id()), [0_u32; 0]);
    assert_eq!(bench.run(bench.request("job_3", DUMMY_CONFIG)).await.ending, Ending::Cancelled, "it was stopped");
}

#[tokio::test]
async fn extraction_is_told_image_by_image() {
    let bench = WorkerBench::new().await;
    let watched = bench.run(bench.request("job_1", DUMMY_CONFIG)).await;
    let found = |event: &ExecutorEvent| match event {
        ExecutorEvent::Extracted { image, num_keypoints, mean_score, .. } => {
            Some((image.clone(), *num_keypoints, *mean_score))
        }
        _ => None,
    };
    let mut found: Vec<_> = watched.events.iter().filter_map(found).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = small_scene().images.iter().map(|image| (image.name.clone(), 1024, Some(1.0)));
    assert_eq!(found, expected.collect::<Vec<_>>());
    let resident = watched.events.iter().rev().find_map(|event| match event {
        ExecutorEvent::Resident { device, bytes } => Some((device.as_str(), *bytes)),
        _ => None,
    });
    assert_eq!(resident, Some(("cpu", 0)), "nothing stays when the stages are over");
}

#[tokio::test]
async fn a_plugin_that_aborts_ends_its_worker_and_not_the_next_job() {
    let bench = WorkerBench::new().await;
    for mode in ["abort", "abort_in_create"] {
        let lost = bench.run(bench.request(mode, &hostile_config(mode))).await;
        let Ending::WorkerLost { reason, .. } = &lost.ending else { unreachable!("{lost:?}") };
        assert!(reason.starts_with("the worker was ended by signal 6 (SIGABRT)"), "{reason}");
        assert_eq!(stages(&lost).last(), Some(&"extract"), "what it told before is heard");
        bench.check_next_job_succeeds().await;
    }
}

#[tokio::test]
async fn a_plugin_that_panics_fails_its_job_by_name_and_does_not_stay_disabled() {
    let bench = WorkerBench::new().await;
    // each job sees two panics of the plugin or more, and the third in one process disables it
    for job_id in ["job_1", "job_2", "job_3"] {
        let failure = failure(bench.run(bench.request(job_id, &hostile_config("panic_in_run"))).await);
        assert_eq!((failure.code.as_str(), failure.plugin.as_deref()), ("panicked", Some("hostile")), "{failure:?}");
        assert_eq!((failure.stage.as_deref(), failure.transient), (Some("extract"), false));
    }
    let works = bench.run(bench.request("job_4", &hostile_config("none"))).await;
    assert!(works.items_and_reused("extract").is_some(), "{works:?}");
    bench.check_next_job_succeeds().await;
}

fn is_hanging(event: &ExecutorEvent) -> bool {
    matches!(event, ExecutorEvent::Log { message, .. } if message == "hangs")
}

#[tokio::test]
async fn a_cancelled_job_stops_and_its_worker_is_kept() {
    let bench = WorkerBench::new().await;
    let cancelled = bench.run_until(bench.request("job_1", &hostile_config("hang_until_cancelled")), is_hanging).await;
    assert_eq!(cancelled.ending, Ending::Cancelled);
    let worker = children_of(std::process::id());
    bench.check_next_job_succeeds().await;
    assert_eq!(children_of(std::process::id()), worker);
}

#[tokio::test]
async fn a_cancelled_job_whose_plugin_does_not_listen_is_killed_with_its_worker() {
    let bench = WorkerBench::new().await;
    let cancelled = bench.run_until(bench.request("job_1", &hostile_config("hang")), is_hanging).await;
    assert_eq!(cancelled.ending, Ending::Cancelled, "that is no fault of the job");
    assert_eq!(children_of(std::process::id()), [0_u32; 0]);
    bench.check_next_job_succeeds().await;
}

#[tokio::test]
async fn a_worker_that_died_between_jobs_is_replaced() {
    let bench = WorkerBench::new().await;
    bench.check_next_job_succeeds().await;
    let worker = children_of(std::process::id())[0];
    send_signal("-KILL", worker);
    wait_until_gone(worker);
    bench.check_next_job_succeeds().await;
}

#[tokio::test]
async fn signals_that_are_meant_for_the_server_do_not_end_its_worker() {
    let bench = WorkerBench::new().await;
    bench.check_next_job_succeeds().await;
    let worker = children_of(std::process::id());
    ["-INT", "-TERM"].into_iter().for_each(|signal| send_signal(signal, worker[0]));
    bench.check_next_job_succeeds().await;
    assert_eq!(children_of(std::process::id()), worker);
}

#[tokio::test]
async fn what_a_job_lacks_is_told_with_a_code_and_help() {
    let bench = WorkerBench::new().await;
    let mut one_image = bench.request("one", DUMMY_CONFIG);
    one_image.images.truncate(1);
    let mut gone = bench.request("gone", DUMMY_CONFIG);
    gone.images[2].sha256 = hex_sha256(b"nothing");
    let mut no_store = bench.request("store", DUMMY_CONFIG);
    no_store.objects_url = "file:///proc/nowhere".to_owned();
    let wrong_config = bench.request("config", &DUMMY_CONFIG.replace("dummy-mapper", "no-mapper"));
    let no_model =
        bench.request("none", &DUMMY_CONFIG.replace("\"dummy-matcher\"", "\"dummy-matcher\", max_matches = 0"));
    let expected = [
        (one_image, "too_few_images", "found 1 usable photos"),
        (gone, "storage", "image `image_002.jpg` is not in the object store"),
        (no_store, "storage", "the folder of all objects is gone"),
        (wrong_config, "not_found", "there is no plugin of that id"),
        (no_model, "no_model", "none of the 6 images could be registered"),
    ];
    for (request, code, message) in expected {
        let failure = failure(bench.run(request).await);
        assert_eq!(failure.code, code, "{failure:?}");
        assert!(failure.message.contains(message), "{failure:?}");
        let path = bench.path("work").display().to_string();
        assert!(!failure.message.contains(&path), "{failure:?}");
    }
    bench.check_next_job_succeeds().await;
}

#[tokio::test]
async fn a_worker_whose_server_is_gone_ends_even_if_its_plugin_hangs() {
    let bench = WorkerBench::new().await;
    let mut worker = Command::new(binary())
        .args(["worker", "--cache-dir"])
        .arg(bench.path("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let request = serde_json::json!({ "run": bench.request("job_1", &hostile_config("hang")) });
    writeln!(worker.stdin.as_mut().unwrap(), "{request}").unwrap();
    let mut answers = BufReader::new(worker.stdout.take().unwrap()).lines().map(Result::unwrap);
    let hanging = answers.find(|line| line.contains("\"message\":\"hangs\""));
    assert!(hanging.unwrap().starts_with(r#"{"job":"job_1","told":{"event":{"#));
    drop(worker.stdin.take());
    wait_until_gone(worker.id());
    assert!(worker.wait().unwrap().success());
}
