//! `scene3d eda`: the baseline is written whole and says what it was made of; what can't be done is said at once.

use std::process::{Command, Output};

use scene3d_scene::synthetic::SceneSpec;
use scene3d_tests::{
    Workbench, assert_fails_with, assert_success, binary, rendered, run, scene3d, stdout, write_photos,
};
use serde_json::Value;

/// Least number of photos of a baseline.
const NUM_PHOTOS: usize = 20;

fn workbench(num_photos: usize) -> Workbench {
    let bench = Workbench::new();
    let spec = SceneSpec { num_images: num_photos, image_size: [160, 120], ..SceneSpec::default() };
    write_photos(&rendered(&spec), &bench.path("photos"));
    bench
}

/// `scene3d eda photos --out baseline.json` and more arguments.
fn eda(bench: &Workbench, more: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("eda").arg(bench.path("photos")).arg("--out").arg(bench.path("baseline.json"));
    run(command.args(more))
}

fn baseline(bench: &Workbench) -> Value {
    serde_json::from_slice(&std::fs::read(bench.path("baseline.json")).unwrap()).unwrap()
}

fn features(report: &Value) -> Vec<&str> {
    report["features"].as_array().unwrap().iter().map(|of| of["feature"].as_str().unwrap()).collect()
}

#[test]
fn a_baseline_is_written_and_its_tables_are_printed() {
    let bench = workbench(NUM_PHOTOS);
    bench.photo("broken.jpg", b"\xff\xd8\xff\xe0 no photo");
    let output = eda(&bench, &[]);
    assert_success(&output);
    let text = stdout(&output);
    for words in ["20 photos", "brightness", "sharpness", "focal", "adjusted p below", "   300  ", "baseline.json"] {
        assert!(text.contains(words), "expected `{words}` in\n{text}");
    }
    let written = baseline(&bench);
    assert_eq!((written["schema_version"].as_u64(), written["num_images"].as_u64()), (Some(1), Some(20)));
    assert_eq!(features(&written).len(), 11, "all but those of keypoints");
    for row in written["calibration"]["rows"].as_array().unwrap() {
        assert!(row["false_alarm_rate"].as_f64().unwrap() <= 0.05, "{row}");
    }
    // no half-written file, and no name of a photo in it
    assert!(!bench.path("baseline.json.partial").exists());
    assert!(!written.to_string().contains("image_0"));
}

#[test]
fn an_extractor_adds_its_keypoints() {
    let bench = workbench(NUM_PHOTOS);
    let config = bench.path("dummy.toml").display().to_string();
    let output = eda(&bench, &["--json", "--config", &config, "--set", "features.0.extractor.max_keypoints=50"]);
    assert_success(&output);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((report["num_photos"].as_u64(), report["num_kept"].as_u64()), (Some(20), Some(20)));
    assert_eq!(features(&report), features(&baseline(&bench)));
    let mean = |name| {
        let feature = report["features"].as_array().unwrap().iter().find(|of| of["feature"] == name).unwrap();
        feature["summary"]["mean"].as_f64().unwrap()
    };
    assert_eq!((mean("keypoint_count"), mean("keypoint_score"), mean("width")), (50.0, 1.0, 160.0));
    assert!((mean("focal") - 0.85).abs() < 0.02, "{}", mean("focal"));
}

#[test]
fn the_same_photos_give_the_same_file() {
    let bench = workbench(NUM_PHOTOS);
    assert_success(&eda(&bench, &[]));
    let first = baseline(&bench);
    assert_success(&eda(&bench, &[]));
    assert_eq!(baseline(&bench), first);
    assert_success(&eda(&bench, &["--seed", "5"]));
    assert_eq!(baseline(&bench)["features"], first["features"]);
    assert_ne!(baseline(&bench)["calibration"], first["calibration"]);
}

#[test]
fn mistakes_are_told_and_write_nothing() {
    let bench = workbench(3);
    bench.photo("broken.jpg", b"\xff\xd8\xff\xe0 no photo");
    assert_fails_with(&eda(&bench, &[]), &["3 photos can be used", "at least 20", "broken.jpg: "]);
    let config = bench.path("dummy.toml").display().to_string();
    let unknown = eda(&bench, &["--config", &config, "--set", "features.0.extractor.max_keypoint=5"]);
    assert_fails_with(&unknown, &["max_keypoint", "max_keypoints"]);
    assert_fails_with(&eda(&bench, &["--set", "a=1"]), &["--config"]);
    let [photos, nowhere] = ["photos", "nowhere/baseline.json"].map(|path| bench.path(path).display().to_string());
    assert_fails_with(&scene3d(&["eda", &photos, "--out", &nowhere]), &["folder of --out does not exist", "nowhere"]);
    assert_fails_with(&scene3d(&["eda", &photos, "--out", &photos]), &["expected a file"]);
    assert!(!bench.path("baseline.json").exists());
}
