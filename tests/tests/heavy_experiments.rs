//! The evaluation pipeline as a whole: DVC runs what a change reaches and nothing else, a change of the matcher extracts nothing
//! again, wrong data are named; and a folder of the Image Matching Challenge from labels to score.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use scene3d_scene::synthetic::{SceneSpec, SyntheticScene};
use scene3d_tests::experiment::{Experiment, imc_pose, strecha_cameras};
use scene3d_tests::{
    DUMMY_CONFIG, assert_fails_with, assert_success, binary, checkout, has_weights, hostile_config, rendered, run,
    scene3d, small_scene, stderr, stdout,
};
use serde_json::Value;

/// One scene in the layout of Strecha's data, two settings of one matcher.
const PARAMS: &str = "
datasets: {strecha: {layout: scenes}}
validate: {max_megapixels: 256}
eda: {seed: 0, keypoints: {file: ../configs/aliked+nearest.toml, set: []}}
preprocess: {long_side_px: 480, undistort: false}
prepare: {seed: 0, held_out_share: 0.0, pairing: {method: exhaustive}}
configs:
  loose: {file: ../configs/aliked+nearest.toml, set: [features.0.extractor.max_keypoints=1024]}
  strict:
    file: ../configs/aliked+nearest.toml
    set: [features.0.extractor.max_keypoints=1024, features.0.matcher.ratio_threshold=0.95]
run: {seeds: [0], set: []}
select: {champion: loose, metric: auc_5, alpha: 0.05, max_scene_loss: 2.0, seed: 0, out: configs/best.toml}
";

fn strecha_experiment() -> Experiment {
    let experiment = Experiment::new(PARAMS);
    let scene = small_scene();
    for image in &scene.images {
        experiment.write(&format!("data/strecha/made/images/{}", image.name), &image.jpeg);
    }
    for (name, text) in strecha_cameras(scene) {
        experiment.write(&format!("data/strecha/made/cameras/{name}.camera"), text.as_bytes());
    }
    experiment
}

/// What `cargo xtask setup` installed, or `None` with a printed reason.
fn dvc() -> Option<PathBuf> {
    let program = checkout().join(".deps/dvc/bin/dvc");
    if program.is_file() {
        return Some(program);
    }
    eprintln!("skipped: there is no {}; run `cargo xtask setup`", program.display());
    None
}

fn repro(experiment: &Experiment, dvc: &Path) -> Output {
    experiment.stage("repro", &["--dvc", dvc.to_str().unwrap()])
}

/// Names of the stages that DVC ran.
fn stages_run(output: &Output) -> Vec<String> {
    let name = |line: &str| Some(line.strip_prefix("Running stage '")?.strip_suffix("':")?.to_owned());
    stdout(output).lines().filter_map(name).collect()
}

/// Items of a stage of a run, and how many of them were taken from an earlier one.
fn items_and_reused(experiment: &Experiment, config: &str, stage: &str) -> [u64; 2] {
    let facts = experiment.json(&format!("out/runs/{config}/strecha/made/seed-0/run.json"));
    let of_stage = facts["stages"].as_array().unwrap().iter().find(|of| of["stage"] == stage).unwrap().clone();
    ["items", "reused"].map(|key| of_stage[key].as_u64().unwrap())
}

#[test]
fn dvc_runs_what_a_change_reaches_and_extracts_nothing_again() {
    let (Some(dvc), true) = (dvc(), has_weights()) else { return };
    let experiment = strecha_experiment();
    let first = repro(&experiment, &dvc);
    assert_success(&first);
    let all = ["validate", "eda", "preprocess", "prepare", "run@loose", "run@strict", "evaluate", "select-best"];
    let mut ran = stages_run(&first);
    ran.sort_by_key(|name| all.iter().position(|known| known == name));
    assert_eq!(ran, all);

    // both configs have the same extractor: the one that came second found its features, and no matches
    let of = |config: &str| ["extract", "match"].map(|stage| items_and_reused(&experiment, config, stage));
    let configs = [of("loose"), of("strict")];
    assert!(configs.contains(&[[6, 0], [15, 0]]) && configs.contains(&[[6, 6], [15, 0]]), "{configs:?}");
    let metrics = experiment.json("out/metrics.json");
    assert_eq!(metrics["loose"]["registered"], 100.0, "{metrics}");
    assert!(metrics["loose"]["auc_5"].as_f64().unwrap() > 80.0, "{metrics}");

    let selection = experiment.json("out/selection.json");
    assert_eq!((&selection["winner"], &selection["champion"]), (&"loose".into(), &"loose".into()));
    assert!(selection["reason"].as_str().unwrap().contains("add scenes or seeds"), "{selection:#}");
    let checked = scene3d(&["check", experiment.path("configs/best.toml").to_str().unwrap()]);
    assert_success(&checked);
    assert!(stdout(&checked).contains("max_keypoints = 1024"), "{}", stdout(&checked));
    check_records(&experiment);

    let second = repro(&experiment, &dvc);
    assert_success(&second);
    assert_eq!(stages_run(&second), [""; 0]);
    assert!(stdout(&second).contains("Data and pipelines are up to date."), "{}", stdout(&second));

    experiment.replace("params.yaml", "ratio_threshold=0.95", "ratio_threshold=0.9");
    let third = repro(&experiment, &dvc);
    assert_success(&third);
    assert_eq!(stages_run(&third), ["run@strict", "evaluate", "select-best"]);
    assert_eq!(of("strict"), [[6, 6], [15, 0]]);

    let label = "data/strecha/made/cameras/image_002.jpg.camera";
    experiment.write(label, b"1 2 3");
    let failed = repro(&experiment, &dvc);
    assert_fails_with(&failed, &["strecha/made/image_002.jpg: its label can't be used", "expected 26 finite numbers"]);
    assert!(stages_run(&failed).iter().all(|stage| stage == "validate"), "{}", stdout(&failed));
}

/// One run a `repro`, one below it a stage, one below those a scene; the alias means what was promoted.
fn check_records(experiment: &Experiment) {
    let spool = experiment.path("tracking");
    let list = run(Command::new(binary()).args(["track", "list", "--json", "--spool"]).arg(&spool));
    assert_success(&list);
    let runs: Vec<Value> = serde_json::from_str(&stdout(&list)).unwrap();
    let named = |name: &str| {
        let found = runs.iter().find(|run| run["name"] == name);
        assert!(found.is_some(), "no run `{name}`: {runs:#?}");
        found.unwrap()
    };
    let repro = named("repro");
    assert_eq!(repro["parent"], Value::Null);
    for stage in ["validate", "eda", "preprocess", "prepare", "run@loose", "run@strict", "evaluate", "select-best"] {
        assert_eq!((&named(stage)["parent"], &named(stage)["status"]), (&repro["run"], &"FINISHED".into()), "{stage}");
    }
    let scene = named("strict_strecha_made_seed-0");
    assert_eq!(scene["parent"], named("run@strict")["run"]);
    assert_eq!(scene["params"]["features.0.matcher.ratio_threshold"], "0.95", "{scene:#}");
    assert!(scene["artifacts"]["points.ply"].as_u64().unwrap() > 0, "{scene:#}");
    for artifact in ["git.txt", "params.yaml", "dvc.lock", "configs/best.toml", "out/evaluation/table.md"] {
        assert!(repro["artifacts"][artifact].as_u64().is_some(), "{artifact}: {repro:#}");
    }
    let models = std::fs::read_dir(spool.join("models")).unwrap().flatten();
    let records: String = models.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default()).collect();
    assert!(records.contains("\"alias\":\"champion\""), "{records}");
}

#[test]
fn everything_that_is_wrong_with_the_data_is_named_at_once() {
    let experiment = strecha_experiment();
    let photo = &small_scene().images[0].jpeg;
    experiment.write("data/strecha/made/images/broken.jpg", b"\xff\xd8\xff\xe0 no photo");
    experiment.write("data/strecha/made/images/cut.jpg", &small_scene().images[3].jpeg[..4000]);
    experiment.write("data/strecha/made/images/unlabelled.jpg", &small_scene().images[2].jpeg);
    std::fs::remove_file(experiment.path("data/strecha/made/images/image_004.jpg")).unwrap();
    experiment.write("data/strecha/made/cameras/image_003.jpg.camera", b"not numbers");
    // another scene with a photo of the first
    experiment.write("data/strecha/other/images/copied.jpg", photo);
    experiment.write("data/strecha/other/images/turned.jpg", &small_scene().images[5].jpeg);
    let cameras = strecha_cameras(small_scene());
    experiment.write("data/strecha/other/cameras/copied.jpg.camera", cameras[0].1.as_bytes());
    let portrait = cameras[5].1.replace("640 480", "480 640");
    experiment.write("data/strecha/other/cameras/turned.jpg.camera", portrait.as_bytes());
    std::os::unix::fs::symlink(experiment.path("data/strecha/made"), experiment.path("data/strecha/zoo")).unwrap();
    let output = experiment.stage("validate", &[]);
    assert_fails_with(
        &output,
        &[
            "strecha/zoo: is a link to a folder, which DVC does not look into",
            "strecha/made/broken.jpg: its header is damaged",
            "strecha/made/cut.jpg: the file ends in the middle of the photo",
            "strecha/other/turned.jpg: its camera has focal lengths",
            "strecha/made/unlabelled.jpg: has no label",
            "strecha/made/image_002.jpg: is the same photo as strecha/made/unlabelled.jpg",
            "strecha/made/image_004.jpg: is labelled, but there is no such photo",
            "strecha/made/image_003.jpg: its label can't be used",
            "is the same photo as strecha/other/copied.jpg",
        ],
    );
    let problems = experiment.json("out/validation.json")["problems"].clone();
    assert!(problems.as_array().unwrap().len() >= 6, "{problems:#}");
    let missing = Experiment::new(PARAMS).stage("validate", &[]);
    assert_fails_with(&missing, &["strecha: there is no folder", "params.yaml"]);
    assert_fails_with(&missing, &["put the data there"]);
    let early = Experiment::new(PARAMS).stage("evaluate", &[]);
    assert_fails_with(&early, &["run stage `prepare` first"]);
    let typo = Experiment::new(&PARAMS.replace("long_side_px", "longside")).stage("preprocess", &[]);
    assert_fails_with(&typo, &["longside", "params.yaml"]);
}

#[test]
fn a_config_that_fails_is_named_with_every_run_and_what_was_made_is_kept() {
    let params = PARAMS.replace("seeds: [0]", "seeds: [0, 1]").replace(
        "configs:\n",
        "configs:\n  dummy: {file: ../configs/dummy.toml}\n  hostile: {file: ../configs/hostile.toml}\n",
    );
    let experiment = strecha_experiment();
    experiment.write("params.yaml", params.as_bytes());
    experiment.write("../configs/dummy.toml", DUMMY_CONFIG.as_bytes());
    experiment.write("../configs/hostile.toml", hostile_config("wrong_shape").as_bytes());
    for stage in ["preprocess", "prepare"] {
        assert_success(&experiment.stage(stage, &[]));
    }
    assert_success(&experiment.stage("run", &["--config", "dummy"]));
    let failed = experiment.stage("run", &["--config", "hostile"]);
    assert_fails_with(
        &failed,
        &["2 runs failed", "strecha/made, seed 0, config hostile", "seed 1", "plugin `hostile`"],
    );
    assert!(experiment.path("out/runs/dummy/strecha/made/seed-1/run.json").is_file());
    assert_fails_with(
        &experiment.stage("run", &["--config", "nobody"]),
        &["no config is named `nobody`", "dummy, hostile"],
    );
    assert_fails_with(&experiment.stage("evaluate", &[]), &["run stage `run` first", "hostile"]);
}

/// A scene with its images renamed, so that two can lie in one folder.
fn imc_scene(prefix: &str, seed: u64) -> SyntheticScene {
    let mut scene = rendered(&SceneSpec { num_images: 8, image_size: [640, 480], seed, ..SceneSpec::default() });
    let rename = |name: &str| name.replace("image", prefix);
    scene.images.iter_mut().for_each(|image| image.name = rename(&image.name));
    scene.truth.images.values_mut().for_each(|image| image.name = rename(&image.name));
    scene
}

fn imc_experiment() -> Experiment {
    let params = PARAMS
        .replace("{strecha: {layout: scenes}}", "{imc2025: {layout: imc, only: [mixed]}}")
        .replace("long_side_px: 480", "long_side_px: null")
        .replace("metric: auc_5", "metric: imc_score")
        .replace("ratio_threshold=0.95", "ratio_threshold=0.9");
    let experiment = Experiment::new(&params);
    let nan = |count: usize| vec!["nan"; count].join(";");
    let mut labels = String::from("dataset,scene,image,rotation_matrix,translation_vector\n");
    for (name, seed) in [("church", 0), ("market", 7)] {
        let scene = imc_scene(name, seed);
        for image in &scene.images {
            experiment.write(&format!("data/imc2025/train/mixed/{}", image.name), &image.jpeg);
        }
        for image in scene.truth.images.values() {
            let [rotation, translation] = imc_pose(&image.cam_from_world);
            writeln!(labels, "mixed,{name},{},{rotation},{translation}", image.name).unwrap();
        }
    }
    let stray = &imc_scene("stray", 99).images[0];
    experiment.write(&format!("data/imc2025/train/mixed/{}", stray.name), &stray.jpeg);
    writeln!(labels, "mixed,outliers,{},{},{}", stray.name, nan(9), nan(3)).unwrap();
    // a dataset that is not used may be missing
    labels += "elsewhere,only,a.png,1;0;0;0;1;0;0;0;1,0;0;0\n";
    experiment.write("data/imc2025/train_labels.csv", labels.as_bytes());
    let thresholds = "dataset,scene,thresholds\nmixed,church,0.01;0.02;0.05;0.1;0.15;0.2\nmixed,market,0.01;0.02;0.05;0.1;0.15;0.2\n\
        elsewhere,only,0.01;0.02;0.05;0.1;0.15;0.2\n";
    experiment.write("data/imc2025/train_thresholds.csv", thresholds.as_bytes());
    experiment
}

#[test]
fn a_folder_of_the_image_matching_challenge_goes_from_labels_to_a_score() {
    if !has_weights() {
        return;
    }
    let experiment = imc_experiment();
    for stage in [
        &["validate"] as &[&str],
        &["eda"],
        &["preprocess"],
        &["prepare"],
        &["run", "--config", "loose"],
        &["run", "--config", "strict"],
    ] {
        let output = experiment.stage(stage[0], &stage[1..]);
        assert!(output.status.success(), "{stage:?}: {}\n{}", stdout(&output), stderr(&output));
    }
    let validation = experiment.json("out/validation.json");
    assert_eq!(validation["collections"][0]["scenes"]["church"], 8, "{validation:#}");
    assert_eq!(validation["collections"][0]["num_outliers"], 1);
    assert!(experiment.json("out/eda/summary.json")["imc2025"]["note"].as_str().unwrap().contains("at least 20"));

    assert_success(&experiment.stage("evaluate", &[]));
    let evaluation = experiment.json("out/evaluation/evaluation.json");
    let strict = &evaluation["configs"]["strict"];
    let of_collection = &strict["collections"][0]["seeds"]["0"];
    // each scene has a model of its own, and the stray photo is in neither
    assert_eq!(of_collection["imc_clusterness"], 100.0, "{strict:#}");
    assert!(of_collection["imc_score"].as_f64().unwrap() > 80.0, "{strict:#}");
    let scenes = strict["scenes"].as_array().unwrap();
    assert_eq!(
        scenes.iter().map(|scene| scene["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["imc2025/mixed/church", "imc2025/mixed/market"]
    );
    for scene in scenes {
        assert!(scene["seeds"]["0"]["registered"].as_f64().unwrap() >= 75.0, "{scene:#}");
    }
    assert_success(&experiment.stage("select-best", &[]));
    assert_success(&scene3d(&["check", experiment.path("configs/best.toml").to_str().unwrap()]));
    let table = std::fs::read_to_string(experiment.path("out/evaluation/table.md")).unwrap();
    assert!(table.contains("| imc2025/mixed/market |"), "{table}");
}

#[test]
fn a_pose_that_is_none_is_allowed_for_outliers_only() {
    let experiment = imc_experiment();
    experiment.replace("data/imc2025/train_labels.csv", "mixed,outliers,", "mixed,church,");
    assert_fails_with(
        &experiment.stage("validate", &[]),
        &["imc2025/mixed/stray_000.jpg: its rotation_matrix has 0 finite numbers of 9"],
    );
}
