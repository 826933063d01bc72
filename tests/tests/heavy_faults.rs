//! What is wrong with a photo is said in its verdict, and harms no other photo.

use std::process::Command;

use scene3d_scene::synthetic::{Fault, FaultKind, SceneSpec, SyntheticScene};
use scene3d_tests::aliked_run::AlikedRuns;
use scene3d_tests::{assert_success, binary, rendered, run, stdout, write_truth};
use serde_json::Value;

fn scene(num_images: usize, faults: &[(usize, FaultKind)]) -> SyntheticScene {
    let faults = faults.iter().map(|(image, kind)| Fault { image: *image, kind: *kind }).collect();
    rendered(&SceneSpec { num_images, image_size: [640, 480], faults, ..SceneSpec::default() })
}

/// `scene3d eval` of a run against the exact cameras.
fn evaluation(runs: &AlikedRuns, scene: &SyntheticScene) -> Value {
    let truth = runs.path("truth");
    write_truth(scene, &truth);
    let mut eval = Command::new(binary());
    eval.arg("eval").arg(runs.path("out")).arg("--ground-truth").arg(truth).arg("--json");
    let output = run(&mut eval);
    assert_success(&output);
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn check_centers(evaluation: &Value) {
    // m, of an orbit with a radius of 5 m
    let rms = evaluation["center_error"]["rms"].as_f64().unwrap();
    println!("centre error {:.2} mm", 1000.0 * rms);
    assert!(rms < 0.01, "{evaluation:#}");
}

const BLURRED: usize = 2;
const DUPLICATE: usize = 4;
const FOREIGN: usize = 6;
const TURNED_AWAY: usize = 8;

#[test]
fn blurred_foreign_and_turned_away_photos_are_told_and_left_out() {
    let faults = [
        (BLURRED, FaultKind::Blur { sigma_px: 12.0 }),
        (DUPLICATE, FaultKind::Duplicate { of: DUPLICATE - 1 }),
        (FOREIGN, FaultKind::Foreign),
        (TURNED_AWAY, FaultKind::LowOverlap),
    ];
    let scene = scene(10, &faults);
    let Some(runs) = AlikedRuns::of(&scene) else { return };
    let _ = runs.reconstruct("out", &["--set", "features.0.extractor.max_keypoints=1024"]);
    let report = runs.json("out/report.json");
    let expected = |index: usize| match index {
        BLURRED => ("too_blurred", "sharpness", "shorter exposure or in focus"),
        FOREIGN | TURNED_AWAY => ("no_geometry", "fit one geometry", "shows the same scene"),
        _ => ("registered", "", ""),
    };
    for (index, image) in report["images"].as_array().unwrap().iter().enumerate() {
        let (verdict, reason, next_step) = expected(index);
        assert_eq!(image["verdict"], verdict, "{image:#}");
        assert!(image["reason"].as_str().unwrap().contains(reason), "{image:#}");
        assert!(image["next_step"].as_str().unwrap().contains(next_step), "{image:#}");
        assert_eq!(image["registered"], verdict == "registered");
    }
    check_centers(&evaluation(&runs, &scene));
    let center = |index: usize| {
        let center = &report["images"][index]["projection_center"];
        [0, 1, 2].map(|axis| center[axis].as_f64().unwrap())
    };
    let [own, original, next] = [DUPLICATE, DUPLICATE - 1, DUPLICATE + 1].map(center);
    let distance = |a: [f64; 3], b: [f64; 3]| (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt();
    assert!(distance(own, original) < 1e-3 * distance(own, next), "a duplicate stands where its original does");
}

#[test]
fn a_wrong_focal_length_in_the_exif_leaves_the_poses_right() {
    let wrong = FaultKind::WrongExifFocal { factor: 1.5 };
    let of_all: Vec<(usize, FaultKind)> = (0..6).map(|index| (index, wrong)).collect();
    for faults in [&[(2, wrong)], of_all.as_slice()] {
        let scene = scene(6, faults);
        let Some(runs) = AlikedRuns::of(&scene) else { return };
        let _ = runs.reconstruct("out", &[]);
        assert_eq!(runs.json("out/report.json")["statistics"]["num_registered"], 6);
        let evaluation = evaluation(&runs, &scene);
        check_centers(&evaluation);
        let focal_error_percent = evaluation["focal_error_percent"].as_f64().unwrap();
        assert!(focal_error_percent < 1.0, "stated 50 % too long, estimated {focal_error_percent} % off");
    }
}
