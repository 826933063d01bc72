//! Every config in `configs/` reconstructs: the synthetic scene always, the shared photo sets where they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use scene3d_tests::{
    assert_success, binary, checkout, has_weights, run, shared, small_scene, stand_in, stdout, write_photos,
};
use serde_json::Value;

struct Run {
    out: PathBuf,
}

impl Run {
    fn of(photos: &Path, out: &Path, config: &str, more: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg("reconstruct").arg(photos).arg("--out").arg(out).args(more);
        command.arg("--config").arg(checkout().join("configs").join(config));
        if let Some(weights) = stand_in::superpoint() {
            command.env("SCENE3D_WEIGHTS", weights);
        }
        assert_success(&run(&mut command));
        Self { out: out.to_owned() }
    }

    fn report(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.out.join("report.json")).unwrap()).unwrap()
    }

    fn num_registered(&self) -> u64 {
        self.report()["statistics"]["num_registered"].as_u64().unwrap()
    }

    fn evaluation(&self, truth: &Path) -> Value {
        let output =
            run(Command::new(binary()).arg("eval").arg(&self.out).arg("--ground-truth").arg(truth).arg("--json"));
        assert_success(&output);
        serde_json::from_str(&stdout(&output)).unwrap()
    }
}

/// The plugin itself is run by `heavy_mast3r.rs`, with a small network.
fn has_official_mast3r() -> bool {
    let file = "MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric.pth";
    let is_here = checkout().join(".deps/weights").join(file).is_file();
    if !is_here {
        eprintln!("skipped: no {file} in .deps/weights");
    }
    is_here
}

fn configs() -> Vec<String> {
    let entries = std::fs::read_dir(checkout().join("configs")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    names
}

fn auc(evaluation: &Value, threshold_deg: f64) -> f64 {
    let entries = evaluation["pose_auc"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["threshold_deg"].as_f64() == Some(threshold_deg)).unwrap();
    entry["percent"].as_f64().unwrap()
}

#[test]
fn every_config_reconstructs_the_synthetic_scene() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    write_photos(small_scene(), &photos);
    for config in configs() {
        if config.contains("superpoint") && stand_in::superpoint().is_none() {
            continue;
        }
        if config.contains("mast3r") && !has_official_mast3r() {
            continue;
        }
        let run = Run::of(&photos, &folder.path().join(&config), &config, &[]);
        assert_eq!(run.num_registered(), 6, "{config}");
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    write_photos(small_scene(), &photos);
    let model = |threads: &str| {
        let out = folder.path().join(threads);
        let set = format!("pipeline.threads={threads}");
        let run = Run::of(&photos, &out, "aliked+lightglue.toml", &["--set", &set]);
        ["cameras", "images", "points3D"].map(|file| std::fs::read(run.out.join(format!("model/{file}.bin"))).unwrap())
    };
    assert!(model("1") == model("2"), "1 and 2 threads gave different models");
}

/// Rows of the shared data's README: registered, AUC@1/3/5, ATE in mm; of these, 1 AUC point and 10 % of the error are
/// allowed for.
struct Reference {
    auc: [f64; 3],
    ate_mm: f64,
}

fn check_fountain(config: &str, reference: &Reference) {
    let Some(fountain) = shared("data/fountain-p11") else { return };
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for seed in ["0", "1", "2"] {
        let set = format!("pipeline.seed={seed}");
        let run = Run::of(&fountain.join("images"), &folder.path().join(seed), config, &["--set", &set]);
        assert_eq!(run.num_registered(), 11, "{config}, seed {seed}");
        let evaluation = run.evaluation(&fountain.join("cameras"));
        for (threshold_deg, expected) in [1.0, 3.0, 5.0].into_iter().zip(reference.auc) {
            let got = auc(&evaluation, threshold_deg);
            println!("{config} seed {seed} AUC@{threshold_deg} {got:.1} (reference {expected})");
            assert!(got >= expected - 1.0, "{config}, seed {seed}: AUC@{threshold_deg} {got}, reference {expected}");
        }
        let ate_mm = 1000.0 * evaluation["center_error"]["rms"].as_f64().unwrap();
        println!("{config} seed {seed} ATE {ate_mm:.2} mm (reference {})", reference.ate_mm);
        assert!(ate_mm <= 1.1 * reference.ate_mm, "{config}, seed {seed}: {ate_mm} mm, reference {}", reference.ate_mm);
    }
}

#[test]
fn fountain_with_aliked_and_lightglue() {
    check_fountain("aliked+lightglue.toml", &Reference { auc: [69.0, 89.7, 93.8], ate_mm: 6.1 });
}

#[test]
fn fountain_with_aliked_and_nearest() {
    check_fountain("aliked+nearest.toml", &Reference { auc: [69.1, 89.7, 93.8], ate_mm: 6.0 });
}

#[test]
fn fountain_with_superpoint_and_nearest() {
    if stand_in::superpoint().is_some() {
        check_fountain("superpoint+nearest.toml", &Reference { auc: [68.1, 89.4, 93.6], ate_mm: 7.4 });
    }
}

#[test]
fn sceaux_castle_registers_every_photo() {
    let Some(castle) = shared("data/sceaux-castle/images") else { return };
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = Run::of(&castle, folder.path(), "aliked+lightglue.toml", &[]);
    assert_eq!(run.num_registered(), 11);
}
