//! Each plugin on one thread: an image at 1024 x 768, a pair of such images at 2048 keypoints.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros; a bench that cannot be set up may panic

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use scene3d_benches::{Loaded, config, load, photos};
use scene3d_engine::Instance;
use scene3d_pipeline::{Cancel, DecodedPhoto, PhotoLimits, PhotoSet, decode};
use scene3d_wire::{ImageFeatures, ImageTensor, Named, NamedView, PreparedPair};

const LONG_SIDE_PX: u32 = 1024;

fn decoded(num_images: usize) -> Vec<std::sync::Arc<DecodedPhoto>> {
    let (_folder, photos) = photos(num_images).unwrap();
    let set = PhotoSet::read(&photos.as_path().into(), PhotoLimits::default(), &Cancel::default()).unwrap();
    set.photos.iter().map(|photo| decode(photo, LONG_SIDE_PX).unwrap()).collect()
}

fn features(extractor: &Instance, photo: &DecodedPhoto) -> Named {
    let image = ImageTensor { pixels: photo.pixels.view(), image_size: photo.size };
    extractor.extract(&[image]).unwrap().remove(0).into_named(Some(photo.size)).unwrap()
}

fn bench_extractor(criterion: &mut Criterion, plugin: &str, photo: &DecodedPhoto) {
    match load(&config(plugin, "nearest")) {
        Ok(loaded) => {
            let extractor = loaded.extractor().unwrap();
            criterion.bench_function(plugin, |bencher| bencher.iter(|| features(&extractor, black_box(photo))));
        }
        Err(reason) => eprintln!("skipped {plugin}: {reason:#}"),
    }
}

fn bench_matcher(criterion: &mut Criterion, loaded: &Loaded, name: &str, photos: &[std::sync::Arc<DecodedPhoto>]) {
    let (extractor, matcher) = (loaded.extractor().unwrap(), loaded.matcher().unwrap());
    let features: Vec<Named> = photos.iter().map(|photo| features(&extractor, photo)).collect();
    let prepare = |named: &Named| matcher.prepare(&ImageFeatures::from_named(&NamedView::of(named)).unwrap()).unwrap();
    let prepared: Vec<Named> = features.iter().map(prepare).collect();
    let count = |named: &Named| NamedView::of(named).get("keypoints").unwrap().shape()[0] as usize;
    let counts = [count(&features[0]), count(&features[1])];
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            let pair = PreparedPair { image1: NamedView::of(&prepared[0]), image2: NamedView::of(&prepared[1]) };
            matcher.match_pairs(black_box(&[pair]), &[counts]).unwrap()
        });
    });
}

fn plugins(criterion: &mut Criterion) {
    let photos = decoded(2);
    bench_extractor(criterion, "aliked", &photos[0]);
    bench_extractor(criterion, "superpoint", &photos[0]);
    for matcher in ["nearest", "lightglue"] {
        match load(&config("aliked", matcher)) {
            Ok(loaded) => bench_matcher(criterion, &loaded, matcher, &photos),
            Err(reason) => eprintln!("skipped {matcher}: {reason:#}"),
        }
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = plugins }
criterion_main!(benches);
