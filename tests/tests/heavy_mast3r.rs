//! MASt3R in a whole run: the photos reach it, its matches reach the report, and its licence is asked for.
//!
//! With the small network in the official file's layout: what it matches means nothing, how it is run does.

use std::process::Output;

use scene3d_tests::{
    Workbench, assert_fails_with, assert_success, has_weights, run, small_scene, stand_in, write_photos,
};

const CONFIG: &str = r#"
[pipeline]
allow_licenses = ["CC-BY-NC-SA-4.0"]
[[features]]
extractor = { plugin = "aliked", max_keypoints = 256 }
matcher = { plugin = "mast3r" }
[[features]]
extractor = { plugin = "aliked", model = "t16", max_keypoints = 256 }
matcher = { plugin = "mast3r" }
[mapper]
plugin = "dummy-mapper"
"#;

/// A run with the small network; `None`, with a printed reason, where it is not there.
fn bench(config: &str) -> Option<Workbench> {
    stand_in::mast3r().filter(|_| has_weights())?;
    let bench = Workbench::new();
    write_photos(small_scene(), &bench.path("photos"));
    std::fs::write(bench.path("dummy.toml"), config).unwrap();
    Some(bench)
}

fn reconstruct(bench: &Workbench, more: &[&str]) -> Output {
    run(bench.command(more).env("SCENE3D_WEIGHTS", stand_in::mast3r().unwrap()))
}

#[test]
fn photos_reach_the_matcher_and_its_matches_the_report() {
    let Some(bench) = bench(CONFIG) else { return };
    assert_success(&reconstruct(&bench, &[]));
    let report = bench.report();
    let sources = report["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 2);
    for source in sources {
        assert_eq!(source["name"], "aliked+mast3r");
        assert!(source["num_matches"].as_u64().unwrap() > 15, "{source}");
    }
    let weights = report["weights"].as_array().unwrap();
    let license = |weight: &serde_json::Value| weight["license"] == "CC-BY-NC-SA-4.0" && weight["plugin"] == "mast3r";
    assert_eq!(weights.iter().filter(|weight| license(weight)).count(), 1, "{weights:?}");
    let stage = |name: &str| {
        let stages = bench.report()["stages"].as_array().unwrap().clone();
        stages.into_iter().find(|stage| stage["name"] == name).unwrap()
    };
    assert_eq!((stage("extract")["items"].as_u64(), stage("match")["items"].as_u64()), (Some(12), Some(30)));

    assert_success(&reconstruct(&bench, &["--resume"]));
    assert!(["extract", "match", "map"].iter().all(|name| stage(name)["reused"] == true));
}

/// Any position of any photo: no extractor is named.
#[test]
fn dense_matches_become_keypoints_that_pairs_share() {
    const DENSE: &str = r#"
[pipeline]
allow_licenses = ["CC-BY-NC-SA-4.0"]
[[features]]
matcher = { plugin = "mast3r", mode = "dense", min_confidence = 0.0 }
[mapper]
plugin = "dummy-mapper"
"#;
    let Some(bench) = bench(DENSE) else { return };
    assert_success(&reconstruct(&bench, &[]));
    let report = bench.report();
    assert_eq!(report["sources"][0]["name"], "mast3r");
    for pair in report["pairs"].as_array().unwrap() {
        assert!(pair["num_matches"].as_u64().unwrap() > 0, "{pair}");
    }
    for image in report["images"].as_array().unwrap() {
        assert!(image["num_keypoints"].as_u64().unwrap() > 0, "{image}");
    }
    let keypoints = |report: &serde_json::Value| report["images"][0]["num_keypoints"].clone();
    // what was matched holds; only gathering is done again
    assert_success(&reconstruct(&bench, &["--resume", "--set", "gather.max_keypoints=7"]));
    assert_eq!(keypoints(&bench.report()), 7);
    let is_match = |stage: &&serde_json::Value| stage["name"] == "match";
    assert_eq!(bench.report()["stages"].as_array().unwrap().iter().find(is_match).unwrap()["reused"], true);
}

#[test]
fn tokens_stay_on_the_device() {
    let Some(bench) = bench(CONFIG) else { return };
    assert_success(&reconstruct(&bench, &["--set", "pipeline.device=simulated"]));
    let report = bench.report();
    let transfers = report["transfers"].as_array().unwrap();
    let to_host =
        transfers.iter().filter(|transfer| transfer["stage"] == "match" && transfer["direction"] == "to host");
    let names: Vec<_> = to_host.map(|transfer| transfer["what"].as_str().unwrap()).collect();
    assert_eq!(names, ["matches and confidences"]);
}

#[test]
fn weights_for_non_commercial_use_are_asked_for() {
    let Some(bench) = bench(&CONFIG.replace("allow_licenses", "# allow_licenses")) else { return };
    let output = reconstruct(&bench, &[]);
    assert_fails_with(&output, &["mast3r-vitlarge-512", "CC-BY-NC-SA-4.0", "allow_licenses"]);
    assert!(!bench.path("out").exists(), "nothing was run");
}
