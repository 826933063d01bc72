//! Stage `run` of the experiments on a Ray cluster: each collection is a job, and what is made is what this machine makes.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;

use scene3d_tests::experiment::{Experiment, strecha_cameras};
use scene3d_tests::ray::{RayCluster, alone_on_loopback};
use scene3d_tests::{
    DUMMY_CONFIG, assert_fails_with, assert_success, binary, has_weights, hostile_config, small_scene, stderr,
};

const SCENES: [&str; 2] = ["first", "second"];
const PARAMS: &str = "
datasets: {strecha: {layout: scenes}}
validate: {max_megapixels: 256}
eda: {seed: 0, keypoints: {file: ../configs/dummy.toml, set: []}}
preprocess: {long_side_px: 480, undistort: false}
prepare: {seed: 0, held_out_share: 0.0, pairing: {method: exhaustive}}
configs:
  dummy: {file: ../configs/dummy.toml, set: []}
  hostile: {file: ../configs/hostile.toml, set: []}
run: {seeds: [0, 1], set: []}
select: {champion: dummy, metric: auc_5, alpha: 0.05, max_scene_loss: 2.0, seed: 0, out: configs/best.toml}
";

fn experiment() -> Experiment {
    let experiment = Experiment::new(PARAMS);
    experiment.write("../configs/dummy.toml", DUMMY_CONFIG.as_bytes());
    experiment.write("../configs/hostile.toml", hostile_config("wrong_shape").as_bytes());
    for name in SCENES {
        let scene = small_scene();
        for image in &scene.images {
            experiment.write(&format!("data/strecha/{name}/images/{}", image.name), &image.jpeg);
        }
        for (image, text) in strecha_cameras(scene) {
            experiment.write(&format!("data/strecha/{name}/cameras/{image}.camera"), text.as_bytes());
        }
    }
    for stage in ["preprocess", "prepare"] {
        assert_success(&experiment.stage(stage, &[]));
    }
    experiment
}

/// Points of each run's model; each must be there.
fn made(experiment: &Experiment) -> BTreeMap<String, Vec<u8>> {
    let runs = SCENES.into_iter().flat_map(|scene| [0, 1].map(|seed| format!("{scene}/seed-{seed}")));
    let points = |run: &str| experiment.path(&format!("out/runs/dummy/strecha/{run}/models/0/points3D.bin"));
    runs.map(|run| (run.clone(), fs::read(points(&run)).unwrap())).collect()
}

#[test]
fn collections_run_as_jobs_of_the_cluster() {
    if !has_weights() || !alone_on_loopback() {
        return;
    }
    let Some(cluster) = RayCluster::start(2) else { return };
    let experiment = experiment();
    let (dashboard, program) = (cluster.dashboard_url(), binary().display().to_string());
    let on_cluster = |config| {
        vec!["--config", config, "--executor", "ray", "--ray-dashboard", &dashboard, "--ray-program", &program]
    };
    let output = experiment.stage("run", &on_cluster("dummy"));
    assert_success(&output);
    for told in ["2 jobs are on the cluster", "strecha/first: done", "strecha/second: done"] {
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    let elsewhere = made(&experiment);
    assert_success(&experiment.stage("run", &["--config", "dummy"]));
    assert_eq!(elsewhere, made(&experiment));

    // one again, the other stays
    let kept = experiment.path("out/runs/dummy/strecha/second/seed-0/run.json");
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    assert_success(&experiment.stage("run", &["--config", "dummy", "--collection", "strecha/first"]));
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), before);
    let unknown = experiment.stage("run", &["--config", "dummy", "--collection", "strecha/third"]);
    assert_fails_with(&unknown, &["no collection is named `strecha/third`", "strecha/first, strecha/second"]);

    let failed = experiment.stage("run", &on_cluster("hostile"));
    assert_fails_with(&failed, &["strecha/first, config hostile", "strecha/second", "seed 1", "plugin `hostile`"]);
    drop(cluster);
    assert_fails_with(
        &experiment.stage("run", &on_cluster("dummy")),
        &["the cluster does not take the jobs", &dashboard],
    );
}
