//! A large scene on a Ray cluster: shards of its photos and blocks of its pairs are done all over the cluster, with little
//! memory each, and the model is that of the command line. A worker that is lost loses nothing but time.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::worker_bench::hex_sha256;
use scene3d_scene::synthetic::SceneSpec;
use scene3d_tests::processes::{peak_mib, processes_named, send_signal};
use scene3d_tests::ray::{RayCluster, alone_on_loopback};
use scene3d_tests::service_bench::ServiceBench;
use scene3d_tests::{assert_success, has_weights, rendered, scene3d, write_photos};
use serde_json::Value;

const NUM_IMAGES: usize = 300;
/// What Ray names the processes of actors that do parts.
const PART_WORKER: &str = "ray::PartWorker";
/// Interpreter with Ray, libtorch, plugins and weights: 200; pixels and keypoints of a part: 100; `resident_mib`.
const MAX_WORKER_MIB: u64 = 200 + 100 + 64;

const MODEL: [&str; 3] = ["model/cameras.bin", "model/images.bin", "model/points3D.bin"];

const CONFIG: &str = r#"
[pipeline]
resident_mib = 64
[[features]]
extractor = { plugin = "aliked", max_keypoints = 512, max_image_size = 256 }
matcher = { plugin = "nearest" }
[pairing]
method = "retrieval"
num_neighbors = 5
[mapper]
plugin = "colmap"
"#;

/// What the mapper was given, by its name, and what it made of it.
#[derive(Debug, PartialEq)]
struct Made {
    mapping: BTreeSet<String>,
    pairs: Value,
    /// sha256 of `MODEL`
    model: [String; 3],
}

fn names_in(folder: &std::path::Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn of_command_line(cluster: &RayCluster) -> Made {
    let [photos, config, out] = ["photos", "config.toml", "out"].map(|name| cluster.path(name));
    fs::write(&config, CONFIG).unwrap();
    let [photos, config] = [photos, config].map(|path| path.display().to_string());
    assert_success(&scene3d(&["reconstruct", &photos, "--config", &config, "--out", &out.display().to_string()]));
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    Made {
        mapping: names_in(&out.join("artifacts/mapping")),
        pairs: report["pairs"].clone(),
        model: MODEL.map(|name| hex_sha256(&fs::read(out.join(name)).unwrap())),
    }
}

fn of_job(bench: &ServiceBench, job: &str) -> Made {
    let artifacts = format!("/api/v1/jobs/{job}/artifacts");
    let listed = bench.client.get(&artifacts).expect_status(200).json();
    let artifacts_made = listed["artifacts"].as_array().unwrap();
    let sha256_of = |name: &str| {
        let found = artifacts_made.iter().find(|artifact| artifact["name"] == name);
        found.unwrap()["sha256"].as_str().unwrap().to_owned()
    };
    Made {
        mapping: names_in(&bench.server.path(&format!("data/objects/work/{job}/mapping"))),
        pairs: bench.client.get(&format!("{artifacts}/report.json")).expect_status(200).json()["pairs"].clone(),
        model: MODEL.map(sha256_of),
    }
}

/// Peak of the memory of each process that does parts, in MiB, while a job goes on.
fn peaks(bench: &ServiceBench, job: &str) -> BTreeMap<u32, u64> {
    let mut peaks = BTreeMap::new();
    while !["succeeded", "failed", "cancelled"].contains(&bench.job(job)["state"].as_str().unwrap_or_default()) {
        for pid in processes_named(PART_WORKER) {
            peaks.extend(peak_mib(pid).map(|mib| (pid, mib)));
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    peaks
}

#[test]
fn a_large_scene_is_done_by_the_whole_cluster_and_is_the_same() {
    if !has_weights() || !alone_on_loopback() {
        return;
    }
    let Some(cluster) = RayCluster::start(3) else { return };
    let spec = SceneSpec { num_images: NUM_IMAGES, image_size: [256, 192], step_deg: 1.2, ..SceneSpec::default() };
    let scene = rendered(&spec);
    write_photos(&scene, &cluster.path("photos"));
    let photos: Vec<(&str, &[u8])> =
        scene.images.iter().map(|image| (image.name.as_str(), image.jpeg.as_slice())).collect();
    let bench = ServiceBench::start_with_photos(&cluster.section_for_large(100), &photos);

    let job = bench.start_job(CONFIG);
    let peaks = peaks(&bench, &job);
    bench.check_ends_well(&job);
    let expected = of_command_line(&cluster);
    assert_eq!(of_job(&bench, &job), expected);
    assert!(expected.pairs.as_array().unwrap().len() > NUM_IMAGES, "{} pairs", expected.pairs);
    println!("peak memory of {} workers for parts: {:?} MiB", peaks.len(), peaks.values());
    assert!(peaks.len() >= 2, "parts were done by {} workers", peaks.len());
    assert!(peaks.values().all(|mib| *mib < MAX_WORKER_MIB), "{peaks:?} MiB");

    let job = bench.start_job(CONFIG);
    bench.wait_for(&job, |kind, body| {
        kind == "progress" && body["stage"] == "extract" && body["done"].as_u64() > Some(0)
    });
    let lost = processes_named(PART_WORKER);
    assert!(!lost.is_empty(), "nobody does parts");
    send_signal("-KILL", lost[0]);
    bench.check_ends_well(&job);
    assert_eq!(bench.num_events(&job, "interrupted"), 0, "the job itself went on");
    assert_eq!(of_job(&bench, &job), expected);
}
