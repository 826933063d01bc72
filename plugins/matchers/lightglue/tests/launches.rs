//! How many launches an image and a pair take a device, about: the numbers of docs/launches.md.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::{Case, features_of, pair_of};
use scene3d_lightglue::exit::ExitRule;
use scene3d_lightglue::matching::match_batch;
use scene3d_torch::testing::num_launches;

#[test]
fn launches_of_a_batch_hardly_grow_with_its_pairs() {
    let case = Case::formula();
    let [keypoints, descriptors] = features_of(&case, 0);
    let (_, of_image) = num_launches(|| tch::no_grad(|| case.network.prepare(&keypoints, &descriptors)).unwrap());
    let full_depth = ExitRule::new(1.0, 1.0, false);
    let count = |num_pairs: usize| {
        let pairs: Vec<_> = (0..num_pairs).map(|_| pair_of(&case)).collect();
        num_launches(|| tch::no_grad(|| match_batch(&case.network, &full_depth, 0.1, &pairs)).unwrap()).1
    };
    assert_eq!([of_image, count(1), count(2)], [28, 275, 278]);
}
