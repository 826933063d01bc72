//! What GPUs do, without one: on the simulated device every copy is counted, and the host can read nothing it did not copy.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use scene3d_scene::synthetic::{SceneSpec, SyntheticScene};
use scene3d_tests::{assert_success, binary, has_weights, rendered, run, write_photos};
use serde_json::Value;

const NUM_PHOTOS: usize = 5;
const LIGHTGLUE: &str = r#"
[[features]]
extractor = { plugin = "aliked", max_keypoints = 512, max_image_size = 512 }
matcher = { plugin = "lightglue", precision = "fp32" }

[mapper]
plugin = "colmap"
"#;

fn photos(folder: &Path) {
    let spec = SceneSpec { num_images: NUM_PHOTOS, image_size: [512, 384], ..SceneSpec::default() };
    write_photos(&rendered(&spec), &folder.join("photos"));
}

/// The report of a run of [`LIGHTGLUE`] with settings.
fn report(folder: &Path, name: &str, settings: &[&str]) -> Value {
    let (config, out) = (folder.join("pipeline.toml"), folder.join(name));
    std::fs::write(&config, LIGHTGLUE).unwrap();
    let mut command = Command::new(binary());
    command.arg("reconstruct").arg(folder.join("photos")).arg("--config").arg(config).arg("--out").arg(&out);
    for setting in settings {
        command.args(["--set", setting]);
    }
    assert_success(&run(&mut command));
    serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap()
}

/// Copies and bytes of what crossed in a stage and direction, by name.
fn crossed(report: &Value, stage: &str, direction: &str) -> Vec<(String, u64, u64)> {
    let of_stage = |transfer: &&Value| transfer["stage"] == stage && transfer["direction"] == direction;
    let figures = |transfer: &Value| {
        let number = |key: &str| transfer[key].as_u64().unwrap();
        (transfer["what"].as_str().unwrap().to_owned(), number("num_copies"), number("num_bytes"))
    };
    report["transfers"].as_array().unwrap().iter().filter(of_stage).map(figures).collect()
}

#[test]
fn no_descriptor_leaves_the_device_between_extraction_and_matching() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let on_cpu = report(folder.path(), "cpu", &["pipeline.device=cpu"]);
    assert!(on_cpu["transfers"].is_null(), "nothing crosses on the CPU");

    let report = report(folder.path(), "simulated", &["pipeline.device=simulated"]);
    assert_eq!(report["run"]["device"], "simulated");
    assert_eq!(report["statistics"]["num_registered"], NUM_PHOTOS as u64);
    let names = |crossed: &[(String, u64, u64)]| crossed.iter().map(|(what, ..)| what.clone()).collect::<Vec<_>>();
    assert_eq!(
        crossed(&report, "extract", "to device"),
        [("pixels".to_owned(), NUM_PHOTOS as u64, (NUM_PHOTOS * 512 * 384 * 3) as u64)],
        "each photo is uploaded once"
    );
    let read_back = crossed(&report, "extract", "to host");
    assert_eq!(names(&read_back), ["keypoints", "scores"]);
    let (keypoints, scores) = (&read_back[0], &read_back[1]);
    // [N, 2] f32 and [N] f32, at most 512 of each photo
    assert!(keypoints.2 == 2 * scores.2 && scores.2 <= (NUM_PHOTOS * 512 * 4) as u64, "{read_back:?}");
    assert_eq!(names(&crossed(&report, "match", "to device")), ["keypoints"]);
    assert_eq!(names(&crossed(&report, "match", "to host")), ["confidences and matches"]);
    assert!(crossed(&report, "pair", "to host").is_empty(), "every pair is matched, nothing is looked up");
}

#[test]
fn evictions_change_nothing_but_the_account() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let model = |name: &str| {
        ["cameras.bin", "images.bin", "points3D.bin"]
            .map(|file| std::fs::read(folder.path().join(name).join("model").join(file)).unwrap())
    };
    for device in ["cpu", "simulated"] {
        let setting = format!("pipeline.device={device}");
        let [all, few] = ["all", "few"].map(|name| format!("{device}-{name}"));
        report(folder.path(), &all, &[&setting]);
        // one photo's descriptors, tokens, projections and rotations take 1.9 MB
        let evicted = report(folder.path(), &few, &[&setting, "pipeline.resident_mib=4"]);
        assert_eq!(model(&all), model(&few), "{device}");
        let log = std::fs::read_to_string(folder.path().join(&few).join("logs/events.jsonl")).unwrap();
        assert!(log.contains("they did not all fit into 4 MiB"), "{device}: nothing was evicted");
        if device == "simulated" {
            let returned = crossed(&evicted, "match", "to device");
            assert!(returned.iter().any(|(what, ..)| what == "tokens"), "{returned:?}");
        } else {
            let scratch = folder.path().join(&few).join("artifacts/scratch");
            assert_eq!(std::fs::read_dir(scratch).unwrap().count(), 0, "what has waited is removed");
        }
    }
}

#[test]
fn a_run_on_a_device_goes_on_where_it_was_stopped() {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let first = report(folder.path(), "run", &["pipeline.device=simulated"]);
    let journals = || std::fs::read_dir(folder.path().join("run/artifacts/matches")).unwrap();
    let journal = journals().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::remove_dir_all(folder.path().join("run/artifacts/mapping")).unwrap();
    let mut command = Command::new(binary());
    command.arg("reconstruct").arg(folder.path().join("photos")).arg("--resume");
    command.arg("--config").arg(folder.path().join("pipeline.toml")).args(["--set", "pipeline.device=simulated"]);
    assert_success(&run(command.arg("--out").arg(folder.path().join("run"))));
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("run/report.json")).unwrap()).unwrap();
    assert_eq!(report["statistics"], first["statistics"]);
    // descriptors never left the device, so the photos of unfinished pairs were uploaded and extracted again
    let uploaded = crossed(&report, "extract", "to device");
    assert!((1..=NUM_PHOTOS as u64).contains(&uploaded[0].1), "{uploaded:?}");
    assert!(std::fs::read(&journal).unwrap().len() >= bytes.len());
}

/// As many photos as people take on a walk: what is kept of them is bounded, however many they are.
#[test]
fn three_hundred_photos_of_12_megapixels_fit_into_2_gib() {
    const NUM_PHOTOS: usize = 300;
    const WINDOW: usize = 6;
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { num_images: NUM_PHOTOS, image_size: [400, 300], step_deg: 1.2, ..SceneSpec::default() };
    write_enlarged(&rendered(&spec), 10, &folder.path().join("photos"));
    let (config, out) = (folder.path().join("pipeline.toml"), folder.path().join("out"));
    std::fs::write(
        &config,
        format!(
            "[pipeline]\nresident_mib = 32\nthreads = 2\n[[features]]\n\
             extractor = {{ plugin = \"aliked\", max_keypoints = 1024, max_image_size = 512 }}\n\
             matcher = {{ plugin = \"nearest\" }}\n\
             [pairing]\nmethod = \"sequential\"\nwindow = {WINDOW}\n[mapper]\nplugin = \"dummy-mapper\"\n"
        ),
    )
    .unwrap();
    let mut command = Command::new(binary());
    command.arg("reconstruct").arg(folder.path().join("photos")).arg("--config").arg(config);
    assert_success(&run(command.arg("--out").arg(&out)));
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["images"].as_array().unwrap().len(), NUM_PHOTOS);
    assert_eq!(report["pairs"].as_array().unwrap().len(), WINDOW * NUM_PHOTOS - WINDOW * (WINDOW + 1) / 2);
    let peak_mib = report["run"]["peak_memory_bytes"].as_u64().unwrap() >> 20;
    println!("{NUM_PHOTOS} photos of 4000 x 3000 px: peak {peak_mib} MiB");
    assert!(peak_mib <= 2048, "peak {peak_mib} MiB");
}

/// Writes a scene's photos with every pixel repeated: cheap large photos whose contents differ.
fn write_enlarged(scene: &SyntheticScene, factor: u32, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let next = AtomicUsize::new(0);
    let write = || {
        while let Some(photo) = scene.images.get(next.fetch_add(1, Ordering::Relaxed)) {
            let small = image::load_from_memory(&photo.jpeg).unwrap().into_rgb8();
            let [width, height] = [small.width() * factor, small.height() * factor];
            let large = image::imageops::resize(&small, width, height, image::imageops::FilterType::Nearest);
            large.save(folder.join(&photo.name)).unwrap();
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(write))));
}
