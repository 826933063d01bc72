//! Several entries of `[[features]]`: together they reconstruct what the best of them does alone, and the report says what
//! each contributed.

use std::path::{Path, PathBuf};
use std::process::Command;

use scene3d_scene::synthetic::{SceneSpec, SyntheticScene};
use scene3d_tests::{
    assert_success, binary, has_weights, rendered, run, shared, small_scene, stand_in, stdout, write_photos,
    write_truth,
};
use serde_json::Value;

const ALIKED: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 2048 }
matcher = { plugin = "nearest" }
"#;
const ALIKED_BY_LIGHTGLUE: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 2048 }
matcher = { plugin = "lightglue" }
"#;
const SUPERPOINT: &str = r#"
[[features]]
extractor = { plugin = "superpoint", max_keypoints = 2048 }
matcher = { plugin = "nearest" }
"#;

struct Bench {
    folder: tempfile::TempDir,
    photos: PathBuf,
    truth: PathBuf,
}

impl Bench {
    fn of(scene: &SyntheticScene) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (photos, truth) = (folder.path().join("photos"), folder.path().join("truth"));
        write_photos(scene, &photos);
        write_truth(scene, &truth);
        Self { folder, photos, truth }
    }

    fn of_photos(photos: &Path, truth: &Path) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), photos: photos.to_owned(), truth: truth.to_owned() }
    }

    /// Runs a config of these entries; its report.
    fn report(&self, name: &str, entries: &[&str]) -> Value {
        let config = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&config, format!("{}[mapper]\nplugin = \"colmap\"\n", entries.concat())).unwrap();
        let out = self.folder.path().join(name);
        let mut command = Command::new(binary());
        command.arg("reconstruct").arg(&self.photos).arg("--config").arg(config).arg("--out").arg(&out);
        if let Some(weights) = stand_in::superpoint() {
            command.env("SCENE3D_WEIGHTS", weights);
        }
        assert_success(&run(&mut command));
        serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap()
    }

    /// Number of registered images and AUC@1 in percent.
    fn outcome(&self, name: &str, entries: &[&str]) -> (u64, f64) {
        let report = self.report(name, entries);
        let mut eval = Command::new(binary());
        eval.arg("eval").arg(self.folder.path().join(name)).arg("--ground-truth").arg(&self.truth).arg("--json");
        let output = run(&mut eval);
        assert_success(&output);
        let evaluation: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let auc = evaluation["pose_auc"][0]["percent"].as_f64().unwrap();
        let registered = report["statistics"]["num_registered"].as_u64().unwrap();
        println!("{name}: {registered} registered, AUC@1 {auc:.2}");
        (registered, auc)
    }

    /// Joined entries against each of them; one point of AUC is noise, as for the reference.
    fn check_joined(&self, entries: &[(&str, &str)]) {
        let alone: Vec<(u64, f64)> = entries.iter().map(|(name, entry)| self.outcome(name, &[entry])).collect();
        let all: Vec<&str> = entries.iter().map(|(_, entry)| *entry).collect();
        let (registered, auc) = self.outcome("joined", &all);
        assert!(alone.iter().all(|(best, _)| registered >= *best), "{registered} joined, alone {alone:?}");
        assert!(alone.iter().all(|(_, best)| auc >= best - 1.0), "AUC@1 {auc} joined, alone {alone:?}");
    }
}

fn has_all_weights() -> bool {
    has_weights() && stand_in::superpoint().is_some()
}

#[test]
fn two_matchers_on_one_extractor_extract_once_and_their_matches_are_merged() {
    if !has_weights() {
        return;
    }
    let bench = Bench::of(small_scene());
    let report = bench.report("joined", &[ALIKED, ALIKED_BY_LIGHTGLUE]);
    let stage = |name: &str| {
        let stages = report["stages"].as_array().unwrap();
        stages.iter().find(|stage| stage["name"] == name).unwrap()["items"].as_u64().unwrap()
    };
    assert_eq!((stage("extract"), stage("match")), (6, 2 * 15));
    let sources = report["sources"].as_array().unwrap();
    assert_eq!(
        sources.iter().map(|source| source["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["aliked+nearest", "aliked+lightglue"]
    );
    // the keypoints are the same ones, and joined they are still as many
    let keypoints: u64 =
        report["images"].as_array().unwrap().iter().map(|image| image["num_keypoints"].as_u64().unwrap()).sum();
    assert!(sources.iter().all(|source| source["num_keypoints"] == keypoints), "{keypoints}: {sources:?}");
    let matches: u64 =
        report["pairs"].as_array().unwrap().iter().map(|pair| pair["num_matches"].as_u64().unwrap()).sum();
    let of_sources: u64 = sources.iter().map(|source| source["num_matches"].as_u64().unwrap()).sum();
    assert!(sources.iter().all(|source| source["num_matches"].as_u64().unwrap() < matches), "{matches}: {sources:?}");
    assert!(of_sources > matches, "some matches are of both: {matches}, {sources:?}");
    assert!(sources.iter().all(|source| source["num_observations"].as_u64().unwrap() > 1000), "{sources:?}");
}

#[test]
fn joined_features_register_a_scene_of_low_overlap_as_well_as_the_best_of_them() {
    if !has_all_weights() {
        return;
    }
    let spec = SceneSpec { num_images: 8, image_size: [640, 480], step_deg: 20.0, ..SceneSpec::default() };
    Bench::of(&rendered(&spec)).check_joined(&[("aliked", ALIKED), ("superpoint", SUPERPOINT)]);
}

#[test]
fn joined_features_keep_the_accuracy_on_fountain() {
    let Some(fountain) = shared("data/fountain-p11") else { return };
    if !has_all_weights() {
        return;
    }
    let bench = Bench::of_photos(&fountain.join("images"), &fountain.join("cameras"));
    bench.check_joined(&[("aliked", ALIKED), ("superpoint", SUPERPOINT)]);
}
