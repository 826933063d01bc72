//! `scene3d bench`: every figure is there and sane, and what can't be measured is a row that says why.

use std::process::{Command, Output};

use scene3d_tests::{
    Workbench, assert_fails_with, assert_success, binary, has_weights, run, scene3d, small_scene, stdout, write_photos,
};
use serde_json::Value;

/// Six photos, and a config whose extractor is set.
fn workbench() -> Workbench {
    let bench = Workbench::new();
    let config = "[[features]]\nextractor = { plugin = \"dummy-extractor\", max_keypoints = 64 }\nmatcher = { plugin = \
                  \"dummy-matcher\" }\n[mapper]\nplugin = \"dummy-mapper\"\n";
    std::fs::write(bench.path("base.toml"), config).unwrap();
    write_photos(small_scene(), &bench.path("photos"));
    bench
}

/// `scene3d bench photos --config base.toml --out bench` and more arguments.
fn measure(bench: &Workbench, photos: &str, more: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("bench").arg(bench.path(photos)).arg("--config").arg(bench.path("base.toml"));
    run(command.arg("--out").arg(bench.path("bench")).args(more))
}

fn report(bench: &Workbench) -> Value {
    serde_json::from_str(&std::fs::read_to_string(bench.path("bench/bench.json")).unwrap()).unwrap()
}

fn assert_is_distribution(summary: &Value) {
    let [min, p50, p95, max] = ["min", "p50", "p95", "max"].map(|key| summary[key].as_f64().unwrap());
    assert!(0.0 < min && min <= p50 && p50 <= p95 && p95 <= max, "{summary}");
    assert!(summary["num_samples"].as_u64().unwrap() >= 10, "{summary}");
}

#[test]
fn every_figure_is_there_with_ground_truth() {
    let bench = workbench();
    assert_success(&scene3d(&["sample", &bench.path("sample").display().to_string(), "--num-images", "6"]));
    let truth = bench.path("sample/ground-truth.json").display().to_string();
    let both = ["--extractors", "dummy-extractor", "--matchers", "dummy-matcher,nearest", "--max-pairs", "7"];
    assert_success(&measure(&bench, "sample/images", &[both.as_slice(), &["--ground-truth", &truth]].concat()));
    let report = report(&bench);
    assert_eq!((&report["schema_version"], &report["photos"]["num_images"]), (&1.into(), &6.into()));
    assert!(report["machine"]["num_threads"].as_u64().unwrap() >= 1);

    let extractor = &report["extractors"][0];
    assert_eq!((&extractor["status"], &extractor["config"]["max_keypoints"]), (&"measured".into(), &64.into()));
    let figures = &extractor["figures"];
    assert_is_distribution(&figures["image_ms"]);
    assert_eq!((figures["num_images"].as_u64(), figures["keypoints_per_image"].as_f64()), (Some(6), Some(64.0)));
    assert!(figures["images_per_sec"].as_f64().unwrap() > 0.0);
    assert!(figures["peak_device_bytes"].is_null() && figures["joules"].is_null(), "{figures}");
    assert_eq!(figures["why_no_device_figures"], "it ran on the cpu, not on a GPU");
    if cfg!(target_os = "linux") {
        let [before, peak] = ["resident_before_bytes", "peak_resident_bytes"].map(|key| figures[key].as_u64().unwrap());
        assert!(0 < before && before <= peak, "{figures}");
    }

    for (row, matcher) in report["combinations"].as_array().unwrap().iter().zip(["dummy-matcher", "nearest"]) {
        assert_eq!((&row["status"], &row["matcher"]), (&"measured".into(), &matcher.into()));
        let figures = &row["figures"];
        assert_is_distribution(&figures["prepare_ms"]);
        assert_is_distribution(&figures["pair_ms"]);
        assert_eq!(figures["num_pairs"], 7);
        assert!(
            figures["matches_per_pair"].as_f64().unwrap() > 0.0 && figures["pairs_per_sec"].as_f64().unwrap() > 0.0
        );
        let run = &row["reconstruction"]["figures"];
        assert_eq!((run["num_images"].as_u64(), run["auc_percent"].as_array().map(Vec::len)), (Some(6), Some(3)));
        assert!(run["total_secs"].as_f64().unwrap() > 0.0);
        assert!(bench.path("bench/runs").join(format!("dummy-extractor+{matcher}/report.html")).is_file());
    }
}

#[test]
fn a_crash_and_a_matcher_that_does_not_fit_are_rows_with_their_reasons() {
    let bench = workbench();
    let plugins = ["--extractors", "hostile,dummy-extractor", "--matchers", "dummy-matcher,nearest"];
    let output = measure(&bench, "photos", &[plugins.as_slice(), &["--set", "extractors.hostile.mode=abort"]].concat());
    assert_success(&output);
    let report = report(&bench);
    let row = |row: &Value| (row["status"].as_str().unwrap().to_owned(), row["reason"].as_str().map(str::to_owned));
    let (status, reason) = row(&report["extractors"][0]);
    assert!(status == "failed" && reason.as_ref().unwrap().starts_with("crashed"), "{reason:?}");
    assert_eq!(row(&report["extractors"][1]).0, "measured");
    let combinations: Vec<_> = report["combinations"].as_array().unwrap().iter().map(row).collect();
    let statuses: Vec<&str> = combinations.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["does_not_fit", "failed", "measured", "measured"]);
    for words in ["dummy-mean", "hostile gives hostile"] {
        assert!(combinations[0].1.as_ref().unwrap().contains(words), "{combinations:?}");
    }
    for words in [
        "failed: crashed",
        "does not fit: dummy-matcher takes",
        "ms/pair p50",
        "dummy-extractor+nearest",
        "n/a: it ran on the cpu",
    ] {
        assert!(stdout(&output).contains(words), "expected `{words}` in\n{}", stdout(&output));
    }
}

#[test]
fn a_plugin_that_answers_with_an_error_or_never_is_a_row_too() {
    let cases = [("wrong_shape", "120", "expected [N, 2], got [1, 3]"), ("hang", "2", "no answer within 2 s")];
    for (mode, timeout_secs, reason) in cases {
        let bench = workbench();
        let set = format!("extractors.hostile.mode={mode}");
        let plugins =
            ["--extractors", "hostile", "--matchers", "nearest", "--timeout-secs", timeout_secs, "--set", &set];
        let output = measure(&bench, "photos", &plugins);
        assert_eq!(output.status.code(), Some(1), "nothing was measured");
        let report = report(&bench);
        assert!(report["extractors"][0]["reason"].as_str().unwrap().contains(reason), "{report:#}");
    }
}

#[test]
fn settings_reach_their_plugin_and_json_is_what_the_file_holds() {
    let bench = workbench();
    let plugins = ["--extractors", "dummy-extractor", "--matchers", "dummy-matcher", "--max-images", "3", "--json"];
    let set = ["--set", "extractors.dummy-extractor.max_keypoints=9", "--set", "pipeline.threads=1"];
    let output = measure(&bench, "photos", &[plugins.as_slice(), &set].concat());
    assert_success(&output);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&output)).unwrap(), report(&bench));
    let figures = &report(&bench)["extractors"][0]["figures"];
    assert_eq!((&figures["keypoints_per_image"], &figures["num_images"]), (&9.0.into(), &3.into()));
    assert_eq!(figures["num_instances"], 1);
    assert_eq!(report(&bench)["combinations"][0]["figures"]["num_pairs"], 3);
}

#[test]
fn the_page_holds_the_figures_and_loads_nothing() {
    let bench = workbench();
    assert_success(&measure(&bench, "photos", &["--extractors", "dummy-extractor", "--matchers", "nearest"]));
    let page = std::fs::read_to_string(bench.path("bench/bench.html")).unwrap();
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme: dark"));
    let urls: Vec<&str> = page.match_indices("http").map(|(at, _)| &page[at..(at + 30).min(page.len())]).collect();
    // the name of a namespace, which nobody loads, and the policy's own header
    assert!(urls.iter().all(|url| url.starts_with("http://www.w3.org/2000/svg") || url.starts_with("http-equiv")));
    let (_, data) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    let data: Value = serde_json::from_str(data.split_once("</script").unwrap().0).unwrap();
    assert_eq!(data, report(&bench));
}

#[test]
fn mistakes_are_told_before_anything_is_measured() {
    let bench = workbench();
    let fails = |plugins: [&str; 2], set: &str, words: &[&str]| {
        let arguments = ["--extractors", plugins[0], "--matchers", plugins[1], "--set", set];
        assert_fails_with(&measure(&bench, "photos", &arguments), words);
        assert!(!bench.path("bench").exists());
    };
    let fine = "pipeline.seed=1";
    fails(["dumy-extractor", "nearest"], fine, &["no plugin of that id", "did you mean `dummy-extractor`?"]);
    fails(["nearest", "nearest"], fine, &["`nearest` is of kind matcher, expected extractor"]);
    fails(["dummy-extractor", "nearest"], "extractors.aliked.x=1", &["expected extractors.ID.KEY=VALUE"]);
    fails(["dummy-extractor", "nearest"], "features.0.extractor.x=1", &["features are those of --extractors"]);
    fails(["dummy-extractor", "nearest"], "matchers.nearest.mutal=true", &["mutal", "did you mean `mutual`?"]);
    std::fs::create_dir(bench.path("empty")).unwrap();
    let plugins = ["--extractors", "dummy-extractor", "--matchers", "nearest"];
    assert_fails_with(&measure(&bench, "empty", &plugins), &["found 0 usable photos, expected at least 2"]);
    std::fs::create_dir(bench.path("bench")).unwrap();
    std::fs::write(bench.path("bench/mine.txt"), "keep me").unwrap();
    assert_fails_with(&measure(&bench, "photos", &plugins), &["output folder is not empty"]);
}

#[test]
fn heavy_stages_are_measured_on_a_device() {
    if !has_weights() {
        return;
    }
    let bench = workbench();
    let small = ["extractors.aliked.max_keypoints=128", "extractors.aliked.max_image_size=256"];
    let mut command = Command::new(binary());
    command.arg("bench").arg(bench.path("photos")).args(["--extractors", "aliked", "--matchers", "lightglue"]);
    command.args(["--max-images", "2", "--out"]).arg(bench.path("bench"));
    for setting in small.iter().chain(&["pipeline.device=simulated"]) {
        command.args(["--set", setting]);
    }
    assert_success(&run(&mut command));
    let report = report(&bench);
    assert_eq!(report["machine"]["device"], "simulated");
    assert_eq!(report["extractors"][0]["figures"]["num_instances"], 1, "{report}");
    let matching = &report["combinations"][0]["figures"];
    assert!(matching["matches_per_pair"].as_f64().unwrap() > 0.0, "{report}");
}
