//! The whole pipeline on the synthetic scene, and the host alone: the same run with stages that do next to nothing.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros; a bench that cannot be set up may panic

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use scene3d_benches::{config, load, photos};
use scene3d_pipeline::{Cancel, Event, Observer, Outcome, PhotoLimits, Plugins, Request, WarmInstances, reconstruct};

const NUM_IMAGES: usize = 8;

struct Quiet;

impl Observer for Quiet {
    fn event(&self, _: Event) {}
}

fn run(toml: &str, photos: &std::path::Path) -> Outcome {
    let loaded = load(toml).unwrap();
    let out = tempfile::tempdir().unwrap();
    let request = Request {
        photos: photos.into(),
        out: out.path().join("out"),
        config_name: "bench".to_owned(),
        negotiated: loaded.negotiated,
        resume: false,
        limits: PhotoLimits::default(),
        command: String::new(),
    };
    let plugins = Plugins { registry: loaded.registry, warm: WarmInstances::default() };
    reconstruct(&request, &plugins, Arc::new(Quiet), &Cancel::default()).unwrap()
}

fn pipeline(criterion: &mut Criterion) {
    let (_folder, photos) = photos(NUM_IMAGES).unwrap();
    let host_alone = config("dummy-extractor", "dummy-matcher");
    criterion.bench_function("pipeline_dummy", |bencher| bencher.iter(|| run(&host_alone, &photos)));
    let real = config("aliked", "nearest").replace("dummy-mapper", "colmap");
    criterion.bench_function("pipeline_synthetic", |bencher| bencher.iter(|| run(&real, &photos)));
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = pipeline }
criterion_main!(benches);
