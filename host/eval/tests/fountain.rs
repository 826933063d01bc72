//! The Strecha reader on the published fountain-p11 cameras, where the data lies beside the checkout.

use std::path::PathBuf;

use scene3d_eval::ground_truth::{self, ImageSizes};

/// The folder of shared data, if it is there.
fn shared() -> Option<PathBuf> {
    let beside_checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("SCENE3D_SHARED").map_or(beside_checkout, PathBuf::from);
    shared.join("data/fountain-p11/cameras").is_dir().then_some(shared)
}

#[test]
fn fountain_s_cameras_are_read_and_scaled_to_the_halved_images() {
    let Some(shared) = shared() else {
        eprintln!("skipped: no data/fountain-p11 in SCENE3D_SHARED or beside the checkout");
        return;
    };
    let sizes: ImageSizes = (0..11).map(|index| (format!("{index:04}.jpg"), [1536, 1024])).collect();
    let truth = ground_truth::read(&shared.join("data/fountain-p11/cameras"), &sizes).unwrap();
    assert_eq!(truth.images.len(), 11);
    let image = &truth.images["0000.jpg"];
    assert_eq!(image.camera.as_ref().unwrap().params, [1379.74, 1382.08, 760.345, 503.405]);
    let center = image.cam_from_world.origin_in_b();
    assert!((center - nalgebra::Vector3::new(-7.28137, -7.57667, 0.204446)).norm() < 1e-9, "{center}");
}
