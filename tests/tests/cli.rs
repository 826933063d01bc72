//! The command line as users meet it.

use std::process::Command;

use scene3d_tests::{
    Workbench, assert_fails_with, assert_success, binary, checkout, run, scene3d, small_scene, stderr, stdout,
    write_photos,
};

#[test]
fn help_shows_examples_for_every_command_that_takes_files() {
    for command in ["reconstruct", "export", "eval", "bench"] {
        let output = scene3d(&[command, "--help"]);
        assert_success(&output);
        assert!(stdout(&output).contains("Examples:"), "{command}");
    }
}

#[test]
fn completions_and_man_pages() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = scene3d(&["completions", shell]);
        assert_success(&output);
        assert!(stdout(&output).contains("reconstruct"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_success(&run(Command::new(binary()).arg("man").arg(folder.path())));
    let page = std::fs::read_to_string(folder.path().join("scene3d-reconstruct.1")).unwrap();
    assert!(page.contains("Folder of the photos"), "{page}");
}

#[test]
fn check_explains_every_value_and_reports_every_mistake() {
    let bench = Workbench::new();
    let config = bench.path("dummy.toml").display().to_string();
    let output = scene3d(&["check", &config, "--set", "pairing.method=sequential"]);
    assert_success(&output);
    for words in ["sequential", "--set", "default", "dummy-extractor"] {
        assert!(stdout(&output).contains(words), "expected `{words}` in\n{}", stdout(&output));
    }
    std::fs::write(
        bench.path("dummy.toml"),
        "[pipline]\n[[features]]\nextractor = { plugin = \"dumy-extractor\" }\nmatcher = { plugin = \"dummy-matcher\", \
         nonsense = 1 }\n[mapper]\nplugin = \"dummy-mapper\"\n[pairing]\nwindow = 0\n",
    )
    .unwrap();
    let words = ["4 problems", "pipline", "pipeline", "dumy-extractor", "dummy-extractor", "nonsense", "window", ":8:"];
    assert_fails_with(&scene3d(&["check", &config]), &words);
}

#[test]
fn json_events_are_one_object_a_line() {
    let bench = Workbench::new().with_two_photos();
    let output = bench.reconstruct(&["--json"]);
    assert_success(&output);
    let events: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let finished: Vec<_> = events.iter().filter(|event| event["event"] == "stage_finished").collect();
    let stages: Vec<_> = finished.iter().map(|event| event["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["read", "extract", "pair", "match", "map", "export"]);
}

/// `logs/events.jsonl` without its times, which must be in order.
fn logged_events(bench: &Workbench) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(bench.path("out/logs/events.jsonl")).unwrap();
    let mut events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let take_time = |event: &mut serde_json::Value| event.as_object_mut().unwrap().remove("time").unwrap();
    let times: Vec<String> = events.iter_mut().map(|event| take_time(event).as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted() && times.iter().all(|time| time.ends_with('Z')), "{times:?}");
    events
}

#[test]
fn events_are_logged_as_they_are_told_and_a_resumed_run_appends() {
    let bench = Workbench::new().with_two_photos();
    bench.photo("zero.jpg", b"");
    let mut told = Vec::new();
    for more in [["--json"].as_slice(), &["--json", "--resume"]] {
        let output = bench.reconstruct(more);
        assert_success(&output);
        told.extend(stdout(&output).lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()));
        told.retain(|event| event["event"] != "progress");
        told.iter_mut().for_each(|event| drop(event.as_object_mut().unwrap().remove("time")));
        assert_eq!(logged_events(&bench), told);
    }
    let num_of = |name: &str| told.iter().filter(|event| event["event"] == name).count();
    assert_eq!([num_of("stage_started"), num_of("stage_finished"), num_of("warning")], [12, 12, 2]);
}

#[test]
fn a_failed_run_logs_why() {
    let bench = Workbench::new();
    assert_fails_with(&bench.reconstruct(&[]), &["found 0 usable photos"]);
    let events = logged_events(&bench);
    let last = events.last().unwrap();
    assert_eq!(last["event"], "run_failed");
    assert!(last["message"].as_str().unwrap().starts_with("found 0 usable photos"), "{last}");
}

#[test]
fn a_run_records_what_is_needed_to_run_it_again() {
    let bench = Workbench::new().with_two_photos();
    assert_success(&bench.reconstruct(&["--set", "pipeline.seed=7"]));
    let record = std::fs::read_to_string(bench.path("out/run.toml")).unwrap();
    for words in
        ["seed = 7", "sha256", "dummy-extractor", "image_000.jpg", "scene3d reconstruct", "--set pipeline.seed=7"]
    {
        assert!(record.contains(words), "expected `{words}` in\n{record}");
    }
}

#[test]
fn every_export_of_a_run_can_be_made_again() {
    let bench = Workbench::new();
    write_photos(small_scene(), &bench.path("photos"));
    assert_success(&bench.reconstruct(&[]));
    let out = bench.path("out").display().to_string();
    for (format, name) in [("ply", "points.ply"), ("glb", "scene.glb"), ("tiles", "scene.tiles")] {
        let target = bench.path(name).display().to_string();
        assert_success(&scene3d(&["export", &out, "--to", format, "--out", &target]));
        assert_eq!(std::fs::read(&target).unwrap(), std::fs::read(bench.path("out").join(name)).unwrap(), "{name}");
    }
    for (format, name) in [("transforms", "t.json"), ("report", "r.html"), ("colmap", "model")] {
        let target = bench.path(name).display().to_string();
        assert_success(&scene3d(&["export", &out, "--to", format, "--out", &target]));
        assert!(bench.path(name).exists());
    }
    let nowhere = bench.path("nowhere").display().to_string();
    assert_fails_with(&scene3d(&["export", &nowhere, "--to", "ply", "--out", "x"]), &["no model could be read"]);
}

#[test]
fn sample_photos_come_with_their_ground_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    assert_success(&scene3d(&["sample", &path, "--num-images", "2"]));
    assert_eq!(std::fs::read_dir(folder.path().join("images")).unwrap().count(), 2);
    assert!(folder.path().join("ground-truth.json").is_file());
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_cleanly_and_says_how_to_go_on() {
    let bench = Workbench::new();
    for (index, image) in small_scene().images.iter().cycle().take(60).enumerate() {
        bench.photo(&format!("{index:03}.jpg"), &image.jpeg);
    }
    let mut command = bench.command(&["--json", "--set", "pipeline.threads=1"]);
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let extracting = lines.by_ref().map(Result::unwrap).find(|line| line.contains("\"extract\""));
    assert!(extracting.is_some());
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    lines.for_each(drop);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_fails_with(&output, &["cancelled; what was finished is kept", "--resume"]);
    assert_success(&bench.reconstruct(&["--resume"]));
}

#[test]
fn a_new_plugin_builds_and_validates() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["extractor", "matcher", "mapper"] {
        let name = format!("my-{kind}");
        let target = folder.path().join(&name);
        let mut new = Command::new(binary());
        new.args(["plugin", "new", &name, "--kind", kind, "--folder"]).arg(&target).current_dir(checkout());
        assert_success(&run(&mut new));
        let mut build = Command::new(env!("CARGO"));
        // the checkout's lock file, so that nothing is fetched that the checkout does not use
        std::fs::copy(checkout().join("Cargo.lock"), target.join("Cargo.lock")).unwrap();
        build.args(["build", "--release", "--features", "export"]).current_dir(&target);
        build.env("CARGO_TARGET_DIR", folder.path().join("target"));
        assert_success(&run(&mut build));
        let library = format!("libscene3d_my_{kind}.so");
        std::fs::copy(folder.path().join("target/release").join(&library), target.join(&library)).unwrap();
        let output = run(Command::new(binary()).args(["plugin", "validate"]).arg(&target));
        assert_success(&output);
        assert!(stdout(&output).contains("8 checks, 0 failed"), "{}", stdout(&output));
    }
}

#[test]
fn a_matcher_of_positions_reconstructs_without_an_extractor() {
    let bench = Workbench::new().with_two_photos();
    std::fs::write(
        bench.path("dense.toml"),
        "[[features]]\nmatcher = { plugin = \"dummy-matcher\", mode = \"dense\" }\n[mapper]\nplugin = \"dummy-mapper\"\n",
    )
    .unwrap();
    let (photos, config, out) = (bench.path("photos"), bench.path("dense.toml"), bench.path("out"));
    let report_of = |resume: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("reconstruct").arg(&photos).arg("--config").arg(&config).arg("--out").arg(&out).args(resume);
        assert_success(&run(&mut command));
        let report = std::fs::read(out.join("report.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&report).unwrap()
    };
    let report = report_of(&[]);
    // the centres of 8 x 8 cells in every photo
    for image in report["images"].as_array().unwrap() {
        assert_eq!(image["num_keypoints"], 64, "{image}");
    }
    for pair in report["pairs"].as_array().unwrap() {
        assert_eq!(pair["num_matches"], 64, "{pair}");
    }
    assert_eq!(report_of(&["--resume"])["statistics"], report["statistics"]);
}
