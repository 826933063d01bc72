//! What crossing the plugin boundary costs: a call, and a DLPack tensor made, read by name and freed.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros; a bench that cannot be set up may panic

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use scene3d_benches::{config, load};
use scene3d_tensor::Tensor;
use scene3d_wire::{ImageTensor, NamedView};

/// A dlopened extractor on its own thread that has next to nothing to do.
fn abi_call(criterion: &mut Criterion) {
    let loaded = load(&config("dummy-extractor", "dummy-matcher")).unwrap();
    let extractor = loaded.extractor().unwrap();
    let pixels = Tensor::from_vec(vec![0_u8; 8 * 8 * 3], &[8, 8, 3]).unwrap();
    let image = ImageTensor { pixels: pixels.view(), image_size: [8, 8] };
    criterion.bench_function("abi_call", |bencher| bencher.iter(|| extractor.extract(black_box(&[image])).unwrap()));
}

fn dlpack_round_trip(criterion: &mut Criterion) {
    criterion.bench_function("dlpack_round_trip", |bencher| {
        bencher.iter(|| {
            let named = vec![("values".to_owned(), Tensor::from_vec(vec![1.0_f32; 16], &[4, 4]).unwrap())];
            black_box(NamedView::of(&named)).slice::<f32>("values").unwrap()[15]
        });
    });
}

criterion_group!(benches, abi_call, dlpack_round_trip);
criterion_main!(benches);
