//! Tracking against a real MLflow: whatever happens to the server or to the process, afterwards every record is there, once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use scene3d_monitor::tracking::{Promotion, Run, RunStart, RunStatus, Tracker, TrackingConfig, sync, view};
use scene3d_tests::mlflow::Mlflow;
use scene3d_tests::tracked::{assert_there_once, of_kind, records, run_folder, run_ids};
use scene3d_tests::{assert_fails_with, assert_success, binary, run, stdout};
use serde_json::Value;

const EXPERIMENT: &str = "tracking tests";

fn spool() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn config(spool: &Path, url: &str) -> TrackingConfig {
    TrackingConfig { request_timeout: Duration::from_secs(60), ..TrackingConfig::new(spool).with_server(url) }
}

fn start(tracker: &Tracker, name: &str, parent: Option<&Run>) -> Run {
    tracker.start_run(RunStart {
        experiment: EXPERIMENT.to_owned(),
        name: name.to_owned(),
        parent: parent.map(|run| run.id().clone()),
        params: (0..150).map(|index| (format!("config.{index}"), format!("value {index}"))).collect(),
        tags: vec![("scene".to_owned(), name.to_owned())],
    })
}

/// Some of everything that can be recorded.
fn record(run: &Run, third: i64) {
    for step in 0..700 {
        run.metric("auc", 0.001 * step as f64, 700 * third + step);
    }
    run.metrics([("nan", f64::NAN), ("up", f64::INFINITY), ("down", f64::NEG_INFINITY), ("tiny", 5e-324)], third);
    run.tag("third", &third.to_string());
    run.param(&format!("of third {third}"), "é \"quoted\"\nlines");
    run.artifact_bytes(&format!("tables/{third}/values with spaces.csv"), format!("a,b\n{third},1\n").as_bytes());
    run.artifact_bytes(&format!("model/{third}.bin"), &vec![u8::try_from(third).unwrap(); 300_000]);
}

fn sync_all(spool: &Path, server: &Mlflow) -> Value {
    let mut command = Command::new(binary());
    command.args(["track", "sync", "--json", "--server", &server.url(), "--spool"]).arg(spool);
    let output = run(&mut command);
    assert_success(&output);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&report["waiting"], &report["refused"]), (&0.into(), &0.into()));
    report
}

/// Waits until the server has what was recorded so far.
fn wait_until_sent(spool: &Path, tracker: &Tracker) {
    for _ in 0..1200 {
        if view::runs(spool).unwrap().iter().all(|run| run.num_unsent == 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    unreachable!("not sent: {:?}", tracker.status());
}

#[test]
fn a_server_that_is_killed_for_the_middle_third_has_everything_once() {
    let Some(mut server) = Mlflow::start() else { return };
    let spool = spool();
    let tracker = Tracker::open(&config(spool.path(), &server.url())).unwrap();
    let parent = start(&tracker, "parent", None);
    let runs: Vec<Run> = (0..2).map(|index| start(&tracker, &format!("scene {index}"), Some(&parent))).collect();
    runs.iter().for_each(|run| record(run, 0));
    wait_until_sent(spool.path(), &tracker);
    // in the middle of what it is being sent
    runs.iter().for_each(|run| record(run, 1));
    std::thread::sleep(Duration::from_millis(1100));
    server.kill();
    let born_meanwhile = start(&tracker, "scene 2", Some(&parent));
    runs.iter().chain([&born_meanwhile]).for_each(|run| record(run, 2));
    server.start_again();
    runs.iter().chain([&born_meanwhile]).for_each(|run| record(run, 3));
    born_meanwhile.end(RunStatus::Failed);
    runs.iter().for_each(|run| run.end(RunStatus::Finished));
    parent.end(RunStatus::Finished);
    drop(tracker);
    sync_all(spool.path(), &server);
    let parent_there = assert_there_once(spool.path(), parent.id().as_str(), &server);
    for run in runs.iter().chain([&born_meanwhile]) {
        let there = assert_there_once(spool.path(), run.id().as_str(), &server);
        let tags = there["data"]["tags"].as_array().unwrap();
        let parent_id = tags.iter().find(|tag| tag["key"] == "mlflow.parentRunId").map(|tag| &tag["value"]);
        assert_eq!(parent_id, Some(&parent_there["info"]["run_id"]));
    }
    assert_eq!(server.num_runs(EXPERIMENT), 4);
    assert_eq!(sync_all(spool.path(), &server)["sent"], 0);
}

#[test]
fn a_process_that_is_killed_while_it_sends_is_made_up_for() {
    let Some(server) = Mlflow::start() else { return };
    let spool = spool();
    let runs = recorded_without_a_server(spool.path(), 6);
    // each is killed a little later than the one before
    for pause_ms in [300, 600, 900, 1200, 1500] {
        let mut command = Command::new(binary());
        command.args(["track", "sync", "--server", &server.url(), "--spool"]).arg(spool.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause_ms));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    sync_all(spool.path(), &server);
    for run in &runs {
        let _there = assert_there_once(spool.path(), run, &server);
    }
    assert_eq!(server.num_runs(EXPERIMENT), runs.len());
}

/// Ids of finished runs.
fn recorded_without_a_server(spool: &Path, num_runs: usize) -> Vec<String> {
    let tracker = Tracker::open(&TrackingConfig::new(spool)).unwrap();
    let recorded = |index: usize| {
        let run = start(&tracker, &format!("scene {index}"), None);
        (0..3).for_each(|third| record(&run, third));
        run.end(RunStatus::Finished);
        run.id().to_string()
    };
    (0..num_runs).map(recorded).collect()
}

#[test]
fn a_cursor_that_is_lost_sends_everything_again_and_nothing_is_there_twice() {
    let Some(server) = Mlflow::start() else { return };
    let spool = spool();
    let [run]: [String; 1] = recorded_without_a_server(spool.path(), 1).try_into().unwrap();
    sync_all(spool.path(), &server);
    let sent = run_folder(spool.path(), &run);
    std::fs::remove_file(sent.join("cursor.json")).unwrap();
    std::fs::rename(&sent, spool.path().join("runs").join(&run)).unwrap();
    let report = sync_all(spool.path(), &server);
    let folder = run_folder(spool.path(), &run);
    assert_eq!(report["sent"], records(&folder).len());
    let _there = assert_there_once(spool.path(), &run, &server);
}

#[test]
fn a_server_that_lost_everything_gets_a_run_anew() {
    let Some(mut server) = Mlflow::start() else { return };
    let spool = spool();
    let tracker = Tracker::open(&config(spool.path(), &server.url())).unwrap();
    let run = start(&tracker, "scene", None);
    record(&run, 0);
    wait_until_sent(spool.path(), &tracker);
    server.kill();
    let mut emptied = Mlflow::prepare().unwrap();
    emptied.start_again();
    record(&run, 1);
    run.end(RunStatus::Finished);
    drop(tracker);
    // the first attempt finds out
    assert!(sync(&config(spool.path(), &emptied.url())).is_err());
    sync_all(spool.path(), &emptied);
    let _there = assert_there_once(spool.path(), run.id().as_str(), &emptied);
}

#[test]
fn a_promotion_moves_the_alias_in_order_and_registers_each_version_once() {
    let Some(server) = Mlflow::start() else { return };
    let spool = spool();
    let promote = |tracker: &Tracker, run: &Run, aliases: &[&str]| {
        tracker.promote(&Promotion {
            model: "scene3d-pipeline".to_owned(),
            run: run.id().clone(),
            path_in_run: "model".to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            tags: vec![("mAA".to_owned(), "0.9".to_owned())],
        })
    };
    let versions = {
        let tracker = Tracker::open(&TrackingConfig::new(spool.path())).unwrap();
        let run = start(&tracker, "best", None);
        record(&run, 0);
        let versions = [promote(&tracker, &run, &["champion"]), promote(&tracker, &run, &["champion", "challenger"])];
        run.end(RunStatus::Finished);
        versions
    };
    sync_all(spool.path(), &server);
    // all of it a second time
    std::fs::remove_file(spool.path().join("models/cursor.json")).unwrap();
    sync_all(spool.path(), &server);
    for alias in ["champion", "challenger"] {
        let query = [("name", "scene3d-pipeline"), ("alias", alias)];
        let version = &server.get("registered-models/alias", &query)["model_version"];
        assert_eq!(version["version"], "2");
        assert!(version["source"].as_str().unwrap().ends_with("/artifacts/model"), "{version}");
        let tags = version["tags"].as_array().unwrap();
        assert!(tags.iter().any(|tag| tag["key"] == "scene3d.version_id" && tag["value"] == versions[1].as_str()));
        assert!(tags.iter().any(|tag| tag["key"] == "mAA" && tag["value"] == "0.9"));
    }
    let found = server.get("model-versions/search", &[("filter", "name = 'scene3d-pipeline'")]);
    assert_eq!(found["model_versions"].as_array().unwrap().len(), 2);
}

#[test]
fn what_the_server_refuses_holds_up_nothing_else() {
    let Some(server) = Mlflow::start() else { return };
    let spool = spool();
    let tracker = Tracker::open(&config(spool.path(), &server.url())).unwrap();
    let run = start(&tracker, "scene", None);
    run.metric("before", 1.0, 0);
    run.param("config.0", "another value");
    run.metric("after", 2.0, 0);
    run.end(RunStatus::Finished);
    wait_until_sent(spool.path(), &tracker);
    assert_eq!(tracker.status().num_refused, 1);
    let refused = std::fs::read_to_string(run_folder(spool.path(), run.id().as_str()).join("refused.jsonl")).unwrap();
    let refused: Value = serde_json::from_str(&refused).unwrap();
    assert_eq!((&refused["record"]["key"], &refused["code"]), (&"config.0".into(), &"INVALID_PARAMETER_VALUE".into()));
    let [there] = server.runs(EXPERIMENT, run.id().as_str()).try_into().unwrap();
    let metrics = there["data"]["metrics"].as_array().unwrap();
    assert_eq!((metrics.len(), &there["info"]["status"]), (2, &"FINISHED".into()));
}

#[test]
fn a_run_whose_process_was_killed_is_shown_as_killed_until_another_goes_on_with_it() {
    let Some(server) = Mlflow::start() else { return };
    let spool = spool();
    let id = killed_run(spool.path());
    sync_all(spool.path(), &server);
    let [there] = server.runs("kills", &id).try_into().unwrap();
    assert_eq!(there["info"]["status"], "KILLED");
    let tracker = Tracker::open(&config(spool.path(), &server.url())).unwrap();
    let run = tracker.resume_run(&id.parse().unwrap()).unwrap();
    run.metric("resumed", 1.0, 0);
    wait_until_sent(spool.path(), &tracker);
    let [there] = server.runs("kills", &id).try_into().unwrap();
    assert_eq!(there["info"]["status"], "RUNNING");
    run.end(RunStatus::Finished);
    drop(tracker);
    sync_all(spool.path(), &server);
    assert_eq!(assert_there_once(spool.path(), &id, &server)["info"]["status"], "FINISHED");
}

/// Id of a run of `reconstruct` that was killed in its middle.
fn killed_run(spool: &Path) -> String {
    let bench = scene3d_tests::Workbench::new();
    for (name, jpeg) in scene3d_tests::small_photos() {
        bench.photo(name, jpeg);
    }
    std::fs::write(bench.path("config.toml"), scene3d_tests::hostile_config("hang")).unwrap();
    let mut command = Command::new(binary());
    command.arg("reconstruct").arg(bench.path("photos")).arg("--config").arg(bench.path("config.toml"));
    command
        .arg("--out")
        .arg(bench.path("out"))
        .args(["--track", "--track-experiment", "kills", "--track-spool"])
        .arg(spool);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let has_read = |id: &String| {
        let records = records(&run_folder(spool, id));
        of_kind(&records, "metric").iter().any(|metric| metric["key"] == "read.secs")
    };
    let id = loop {
        if let Some(id) = run_ids(spool).into_iter().find(has_read) {
            break id;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(20));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    id
}

#[test]
fn a_reconstruction_is_a_run_with_its_stages_figures_and_files() {
    let Some(server) = Mlflow::start() else { return };
    let spool = spool();
    let bench = scene3d_tests::Workbench::new();
    for (name, jpeg) in scene3d_tests::small_photos() {
        bench.photo(name, jpeg);
    }
    std::fs::write(bench.path("dummy.toml"), scene3d_tests::DUMMY_CONFIG).unwrap();
    let mut command = Command::new(binary());
    command.arg("reconstruct").arg(bench.path("photos")).arg("--config").arg(bench.path("dummy.toml"));
    command.arg("--out").arg(bench.path("out")).arg(format!("--track={}", server.url()));
    command.env("SCENE3D_TRACKING_EXPERIMENT", "command line").arg("--track-spool").arg(spool.path());
    assert_success(&run(&mut command));
    sync_all(spool.path(), &server);
    let [id]: [String; 1] = run_ids(spool.path()).into_iter().collect::<Vec<_>>().try_into().unwrap();
    let there = assert_there_once(spool.path(), &id, &server);
    assert_eq!((&there["info"]["run_name"], &there["info"]["status"]), (&"dummy".into(), &"FINISHED".into()));
    let metrics = there["data"]["metrics"].as_array().unwrap();
    for key in [
        "read.secs",
        "extract.secs",
        "match.done",
        "map.secs",
        "registered_ratio",
        "mean_reprojection_error_px",
        "total_secs",
    ] {
        assert!(metrics.iter().any(|metric| metric["key"] == key), "{key}");
    }
    let params = there["data"]["params"].as_array().unwrap();
    assert!(
        params.iter().any(|param| param["key"] == "mapper.plugin" && param["value"] == "dummy-mapper"),
        "{params:?}"
    );
    let artifacts = server.artifacts(&there);
    assert_eq!(artifacts["report/report.json"], std::fs::read(bench.path("out/report.json")).unwrap());
    for (command, words) in [
        (vec!["list"], vec![id.as_str(), "FINISHED"]),
        (vec!["show", &id], vec!["registered_ratio", "report/report.json"]),
    ] {
        let output = run(Command::new(binary()).arg("track").args(command).arg("--spool").arg(spool.path()));
        assert_success(&output);
        assert!(words.iter().all(|word| stdout(&output).contains(word)), "{}", stdout(&output));
    }
}

#[test]
fn a_server_that_denies_gets_everything_once_it_lets_us_in() {
    let Some(mut server) = Mlflow::prepare() else { return };
    server.start_closed();
    let spool = spool();
    let tracker = Tracker::open(&config(spool.path(), &server.url())).unwrap();
    let run = start(&tracker, "scene", None);
    record(&run, 0);
    run.end(RunStatus::Finished);
    drop(tracker);
    let mut command = Command::new(binary());
    command.args(["track", "sync", "--server", &server.url(), "--spool"]).arg(spool.path());
    assert_fails_with(&scene3d_tests::run(&mut command), &["403", "--allowed-hosts", "records wait in the spool"]);
    server.kill();
    server.start_again();
    sync_all(spool.path(), &server);
    let _there = assert_there_once(spool.path(), run.id().as_str(), &server);
}
