//! Models that were made by hand, evaluated as a whole.

use scene3d_export::write_colmap_binary;
use scene3d_scene::{Camera, CameraId, CameraModel, ImageId, RegisteredImage, Rigid3};

use super::*;
use crate::prepare::prepare;
use crate::preprocess::{Preprocessed, PreprocessedCollection};
use scene3d_eval::ground_truth::{from_reconstruction, to_json};

const PARAMS: &str = "datasets: {made: {layout: imc}}\nconfigs: {good: {file: g.toml}, bad: {file: b.toml}}\n\
    run: {seeds: [0, 1]}\n\
    select: {champion: good, metric: auc_5, alpha: 0.05, max_scene_loss: 2, out: best.toml}\n";

/// Cameras on an arc, named by their scene.
fn model(scene: &str, num_images: u32) -> Reconstruction {
    let mut model = Reconstruction::default();
    let camera = Camera::new(CameraId(1), CameraModel::SimplePinhole, [64, 48], vec![50.0, 32.0, 24.0]).unwrap();
    model.cameras.insert(CameraId(1), camera);
    for index in 0..num_images {
        let x = f64::from(index);
        let center = nalgebra::Vector3::new(x, 0.1 * x * x, 0.3 * (x % 3.0));
        let image = RegisteredImage {
            name: format!("{scene}{index}.jpg"),
            camera_id: CameraId(1),
            cam_from_world: Rigid3 { translation: -center, ..Rigid3::identity() },
            keypoints: Vec::new(),
            point3d_ids: Vec::new(),
        };
        model.images.insert(ImageId(index + 1), image);
    }
    model
}

fn write_run(project: &Project, config: &str, seed: u64, models: &[Reconstruction]) {
    let folder = project.run(config, "made", "mixed", seed);
    for (index, model) in models.iter().enumerate() {
        write_colmap_binary(model, &folder.join(MODELS).join(index.to_string())).unwrap();
    }
    let facts = RunFacts {
        config: config.to_owned(),
        collection: "made/mixed".to_owned(),
        seed,
        models: models.iter().map(|model| model.images.len()).collect(),
        no_model: None,
        stages: Vec::new(),
        secs: 0.0,
    };
    write_json(&folder.join(run::FILE), &facts).unwrap();
}

fn project(folder: &Path) -> Project {
    std::fs::write(folder.join("params.yaml"), PARAMS).unwrap();
    let project = Project::open(folder).unwrap();
    let scenes = ["ape", "bee"].map(|scene| (scene, model(scene, if scene == "ape" { 8 } else { 5 })));
    for (name, model) in &scenes {
        let truth = GroundTruth { outliers: ["cat.jpg".to_owned()].into(), ..from_reconstruction(model) };
        write_text(&truth_file(&project.preprocessed("made", "mixed"), name), &to_json(&truth)).unwrap();
    }
    let collection = PreprocessedCollection {
        dataset: "made".to_owned(),
        name: "mixed".to_owned(),
        photos: Vec::new(),
        scenes: scenes.iter().map(|(name, _)| (*name).to_owned()).collect(),
        num_changed: 0,
    };
    write_json(&project.out(crate::preprocess::FILE), &Preprocessed { collections: vec![collection] }).unwrap();
    prepare(&project).unwrap();
    project
}

#[test]
fn models_are_clusters_and_each_scene_has_the_one_that_shares_most_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    let (ape, bee) = (model("ape", 8), model("bee", 5));
    let mut with_outlier = ape.clone();
    with_outlier
        .images
        .insert(ImageId(99), RegisteredImage { name: "cat.jpg".to_owned(), ..ape.images[&ImageId(1)].clone() });
    for seed in [0, 1] {
        write_run(&project, "good", seed, &[ape.clone(), bee.clone()]);
    }
    // seed 0: bee was not found, and an outlier was taken for ape; seed 1: nothing at all
    write_run(&project, "bad", 0, &[with_outlier]);
    write_run(&project, "bad", 1, &[]);
    let evaluation = evaluate(&project, &Record::default()).unwrap();
    let [good, bad] = ["good", "bad"].map(|config| &evaluation.configs[config]);
    for name in ["registered", "imc_maa", "imc_clusterness", "imc_score"] {
        assert_eq!((good.pooled[name].mean, good.pooled[name].std), (100.0, Some(0.0)), "{name}");
    }
    assert!(good.pooled["auc_1"].mean > 99.9 && good.pooled["center_error_rms"].mean < 1e-9);
    assert_eq!(
        bad.scenes.iter().map(|scene| scene.id.as_str()).collect::<Vec<_>>(),
        ["made/mixed/ape", "made/mixed/bee"]
    );
    let at = |unit: &UnitEvaluation, seed: u64, name: &str| unit.seeds[&seed].get(name).copied();
    assert_eq!((at(&bad.scenes[0], 0, "registered"), at(&bad.scenes[1], 0, "registered")), (Some(100.0), Some(0.0)));
    assert_eq!((at(&bad.scenes[0], 1, "registered"), at(&bad.scenes[0], 1, "center_error_rms")), (Some(0.0), None));
    // 8 of the 9 images of the model are ape's, and bee, which has no model, is given it too: 8 of 18
    let clusterness = at(&bad.collections[0], 0, "imc_clusterness").unwrap();
    assert!((clusterness - 800.0 / 18.0).abs() < 1e-9, "{clusterness}");
    // 5 cameras beyond the free ones of (8 - 3) + (5 - 3)
    assert!((at(&bad.collections[0], 0, "imc_maa").unwrap() - 500.0 / 7.0).abs() < 1e-9);
    // registered: (100 + 0) / 2 with seed 0, 0 with seed 1
    assert_eq!((bad.pooled["registered"].mean, bad.pooled["registered"].num), (25.0, 2));
}

#[test]
fn an_image_of_two_models_is_in_the_cluster_of_the_larger() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    // two of the images of ape's model are in bee's too
    let mut overlapping = model("bee", 5);
    for id in [1, 2] {
        overlapping.images.insert(ImageId(90 + id), model("ape", 8).images[&ImageId(id)].clone());
    }
    for (config, seed) in [("good", 0), ("good", 1), ("bad", 0), ("bad", 1)] {
        write_run(&project, config, seed, &[model("ape", 8), overlapping.clone()]);
    }
    let evaluation = evaluate(&project, &Record::default()).unwrap();
    assert_eq!(evaluation.configs["good"].pooled["imc_clusterness"].mean, 100.0);
}

#[test]
fn tables_hold_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    for (config, seed) in [("good", 0), ("good", 1), ("bad", 0), ("bad", 1)] {
        write_run(&project, config, seed, &[model("ape", 8)]);
    }
    evaluate(&project, &Record::default()).unwrap();
    let read = |file: &str| std::fs::read_to_string(project.out(file)).unwrap();
    let markdown = read("evaluation/table.md");
    assert!(markdown.contains("| good | 50.0 ± 0.0 |") && markdown.contains("made/mixed/bee"), "{markdown}");
    let csv = read("evaluation/table.csv");
    assert!(csv.contains("bad,made/mixed,select,1,imc_score,"), "{csv}");
    let metrics: serde_json::Value = serde_json::from_str(&read("metrics.json")).unwrap();
    assert_eq!((&metrics["bad"]["registered"], &metrics["bad"]["registered_std"]), (&json!(50.0), &json!(0.0)));
}

#[test]
fn a_run_that_was_not_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    let error = evaluate(&project, &Record::default()).unwrap_err().to_string();
    assert!(error.contains("run stage `run` first") && error.contains("seed-0"), "{error}");
}
