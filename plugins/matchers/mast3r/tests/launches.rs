//! How many launches an image and a pair take a device, about: the numbers of docs/launches.md.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::{formula_weights, golden, images, network, tiny_architecture};
use scene3d_kernels::{Kernels, num_twin_launches};
use scene3d_mast3r::architecture::Stack;
use scene3d_mast3r::reciprocal::{DeviceSearch, TorchSearch, View, WalkRule, reciprocal_pairs};
use scene3d_mast3r::{Architecture, Wanted};
use scene3d_torch::Precision;
use scene3d_torch::testing::num_launches;
use tch::Kind;

/// As deep as the released network, as narrow as the goldens'.
#[test]
fn launches_of_the_network() {
    let tiny = tiny_architecture();
    let architecture = Architecture { encoder: Stack { depth: 24, ..tiny.encoder }, ..tiny };
    let network = network(architecture.clone(), &formula_weights(&architecture), Precision::Fp32);
    let [image1, image2] = images();
    let (tokens1, of_image) = num_launches(|| tch::no_grad(|| network.encode(&image1)).unwrap());
    let tokens2 = tch::no_grad(|| network.encode(&image2)).unwrap();
    let decode =
        |wanted: Wanted| num_launches(|| tch::no_grad(|| network.decode(&tokens1, &tokens2, wanted)).unwrap()).1;
    assert_eq!([of_image, decode(Wanted::Descriptors), decode(Wanted::DescriptorsAndPoints)], [279, 526, 668]);
}

/// One direction, seeds 8 px apart.
#[test]
fn launches_of_a_walk() {
    let golden = golden("mast3r_fast_nn");
    let maps = ["desc1", "desc2"].map(|name| golden.get(name).to_kind(Kind::Float));
    let rule = WalkRule { subsample: 8, pixel_tolerance: 0.0 };
    let kernels = Kernels::twin();
    let mut torch = TorchSearch::new([&maps[0], &maps[1]]).unwrap();
    let mut device = DeviceSearch::new(&kernels, [&maps[0], &maps[1]]).unwrap();
    let (_, of_torch) = num_launches(|| reciprocal_pairs(&mut torch, View::First, rule).unwrap());
    let before = num_twin_launches();
    let (_, around_kernels) = num_launches(|| reciprocal_pairs(&mut device, View::First, rule).unwrap());
    assert_eq!([of_torch, around_kernels, num_twin_launches() - before], [220, 7, 40]);
}
