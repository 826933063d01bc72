//! Evictions are correct, and as few as can be.

use std::sync::atomic::{AtomicUsize, Ordering};

use scene3d_tensor::Tensor;
use scene3d_wire::NamedView;

use super::*;
use crate::pairing::{exhaustive, in_tile_order, tile_side};

/// What a tensor of these tests takes.
const ITEM_BYTES: usize = 40;

fn prepared(image: usize) -> Kept {
    Kept { kind: Kind::Prepared(0), image }
}

fn values(image: usize) -> Named {
    vec![("a".to_owned(), Tensor::from_vec(vec![image as f32; ITEM_BYTES / 4], &[ITEM_BYTES as i64 / 4]).unwrap())]
}

fn is_of(tensors: &Named, image: usize) -> bool {
    NamedView::of(tensors).slice::<f32>("a").unwrap() == [image as f32; ITEM_BYTES / 4]
}

/// A store of so many items, with its folder.
fn with_store<R>(num_items: usize, test: impl FnOnce(&Resident, &std::path::Path) -> R) -> R {
    let folder = tempfile::tempdir().unwrap();
    let spill_store = SpillStore::new(folder.path().to_owned(), Arc::default());
    test(&Resident::new(num_items * ITEM_BYTES, spill_store), folder.path())
}

fn get(store: &Resident, image: usize, computed: &AtomicUsize) {
    let compute = || {
        computed.fetch_add(1, Ordering::Relaxed);
        Ok(values(image))
    };
    assert!(is_of(&store.get_or_compute(prepared(image), compute).unwrap(), image));
}

#[test]
fn what_is_needed_last_makes_room_and_comes_back_unchanged() {
    with_store(2, |store, folder| {
        let computed = AtomicUsize::new(0);
        for (place, image) in [1, 2, 3, 1, 2, 3].into_iter().enumerate() {
            store.expect(prepared(image), [place as u64]);
        }
        let files = || std::fs::read_dir(folder).unwrap().count();
        for (place, image) in [1, 2, 3, 1, 2, 3].into_iter().enumerate() {
            get(store, image, &computed);
            store.done(prepared(image), place as u64);
        }
        // 3 makes 2 wait, which is needed after 1; at 2, nothing is held that is needed again but 3
        let account = store.account();
        assert_eq!((computed.load(Ordering::Relaxed), account.num_evictions, account.num_restores), (3, 1, 1));
        assert_eq!((account.peak_bytes, files()), (2 * ITEM_BYTES, 0), "what has no use left is given up");
    });
}

#[test]
fn what_is_held_stays_even_above_the_budget() {
    with_store(1, |store, _| {
        let one = store.get_or_compute(prepared(1), || Ok(values(1))).unwrap();
        let two = store.get_or_compute(prepared(2), || Ok(values(2))).unwrap();
        assert_eq!(store.account().num_evictions, 0);
        drop((one, two));
        get(store, 3, &AtomicUsize::new(0));
        assert_eq!(store.account().num_evictions, 2);
        assert!(store.has(prepared(1)) && store.has(prepared(2)));
    });
}

#[test]
fn many_threads_get_right_values_under_a_budget_far_too_small() {
    with_store(3, |store, _| {
        let computed = AtomicUsize::new(0);
        (0..20).for_each(|image| store.expect(prepared(image), 0..8 * 60));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let computed = &computed;
                scope.spawn(move || (0..60).for_each(|step| get(store, (7 * step + 3 * thread) % 20, computed)));
            }
        });
        assert_eq!(computed.load(Ordering::Relaxed), 20, "nothing is computed twice");
        assert!(store.account().num_restores > 0);
    });
}

#[test]
fn a_failed_computation_is_tried_by_the_next() {
    with_store(1, |store, _| {
        assert!(store.get_or_compute(prepared(1), || Err(PipelineError::Cancelled)).is_err());
        get(store, 1, &AtomicUsize::new(0));
    });
}

/// Returns of all pairs of `num_images` where so many fit, in tile order.
fn num_restores(num_images: usize, capacity: usize, side: usize) -> usize {
    with_store(capacity, |store, _| {
        let pairs = in_tile_order(&exhaustive(num_images), side);
        let images = |place: usize| [pairs[place].image1, pairs[place].image2].map(|id| prepared(id.0 as usize - 1));
        for place in 0..pairs.len() {
            images(place).into_iter().for_each(|kept| store.expect(kept, [place as u64]));
        }
        for place in 0..pairs.len() {
            let held = images(place).map(|kept| store.get_or_compute(kept, || Ok(values(kept.image))).unwrap());
            drop(held);
            images(place).into_iter().for_each(|kept| store.done(kept, place as u64));
        }
        store.account().num_restores
    })
}

#[test]
fn returns_are_few_when_tiles_fit_the_budget() {
    let (num_images, capacity) = (120, 24);
    let side = tile_side(capacity * ITEM_BYTES, ITEM_BYTES);
    let (tiled, by_rows) = (num_restores(num_images, capacity, side), num_restores(num_images, capacity, num_images));
    // each of the ceil(n / s)^2 / 2 tiles brings in at most one side of it
    let num_tiles = num_images.div_ceil(side).pow(2) / 2 + num_images.div_ceil(side);
    println!("{num_images} images, room for {capacity}: {tiled} returns in tiles of {side}, {by_rows} row by row");
    assert!(tiled <= num_tiles * side, "{tiled} returns, {num_tiles} tiles of {side}");
    assert!(3 * tiled < by_rows, "{tiled} in tiles, {by_rows} row by row");
    assert_eq!(num_restores(num_images, num_images, side), 0);
}
