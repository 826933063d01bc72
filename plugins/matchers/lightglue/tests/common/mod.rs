//! The network with released or formula weights, on the goldens' features.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses its part; a failure to get there is a failure

use std::path::Path;

use scene3d_lightglue::network::{ImageTokens, Network};
use scene3d_lightglue::normalized_keypoints;
use scene3d_lightglue::parameters::{DESCRIPTOR_DIM, DIM, HEAD_DIM, NUM_LAYERS, rename};
use scene3d_torch::testing::{Golden, find_weights};
use scene3d_torch::{Precision, TorchContext, Weights};
use tch::{Device, Tensor};

/// Size of the goldens' images.
pub const IMAGE_SIZE: [u32; 2] = [320, 240];

/// A network, what it should compute, and features.
pub struct Case {
    pub network: Network,
    pub golden: Golden,
    pub features: Golden,
}

impl Case {
    /// Released weights; `None`, with a printed reason, where they are not there.
    pub fn released(precision: Precision) -> Option<Self> {
        let weights = find_weights("aliked_lightglue.pth")?.rename(rename);
        let context = TorchContext::on(Device::Cpu, 1, precision).unwrap();
        let network = Network::new(&weights, context).unwrap();
        Some(Self { network, golden: golden("lightglue_aliked"), features: golden("lightglue_aliked") })
    }

    /// Formula weights in fp32.
    pub fn formula() -> Self {
        let context = TorchContext::on(Device::Cpu, 1, Precision::Fp32).unwrap();
        let network = Network::new(&formula_weights(), context).unwrap();
        Self { network, golden: golden("lightglue_formula"), features: golden("lightglue_aliked") }
    }
}

/// A golden file of this crate.
pub fn golden(name: &str) -> Golden {
    Golden::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/goldens/{name}.safetensors")))
}

/// Weights by formula under the reference's names.
pub fn formula_weights() -> Weights {
    let mut parameters = vec![("posenc.Wr.weight".to_owned(), vec![HEAD_DIM / 2, 2])];
    let mut linear = |name: String, rows: i64, columns: i64| {
        parameters.push((format!("{name}.weight"), vec![rows, columns]));
        parameters.push((format!("{name}.bias"), vec![rows]));
    };
    linear("input_proj".to_owned(), DIM, DESCRIPTOR_DIM);
    for layer in 0..NUM_LAYERS {
        for (block, projections) in [
            ("self_attn", &[("Wqkv", 3 * DIM), ("out_proj", DIM)][..]),
            ("cross_attn", &[("to_qk", DIM), ("to_v", DIM), ("to_out", DIM)]),
        ] {
            let name = format!("transformers.{layer}.{block}");
            projections.iter().for_each(|(projection, rows)| linear(format!("{name}.{projection}"), *rows, DIM));
            linear(format!("{name}.ffn.0"), 2 * DIM, 2 * DIM);
            linear(format!("{name}.ffn.3"), DIM, 2 * DIM);
        }
        linear(format!("log_assignment.{layer}.matchability"), 1, DIM);
        linear(format!("log_assignment.{layer}.final_proj"), DIM, DIM);
        if layer + 1 < NUM_LAYERS {
            linear(format!("token_confidence.{layer}.token.0"), 1, DIM);
        }
    }
    for (layer, block) in (0..NUM_LAYERS).flat_map(|layer| [(layer, "self_attn"), (layer, "cross_attn")]) {
        for part in ["weight", "bias"] {
            parameters.push((format!("transformers.{layer}.{block}.ffn.1.{part}"), vec![2 * DIM]));
        }
    }
    Weights::from_formula(parameters.iter().map(|(name, shape)| (name.as_str(), shape.as_slice()))).unwrap()
}

/// Normalised keypoints and descriptors of a golden image.
pub fn features_of(case: &Case, image: usize) -> [Tensor; 2] {
    // the goldens count pixel centres from (0, 0)
    let keypoints = case.features.get(&format!("keypoints{image}")) + 0.5;
    let descriptors = case.features.get(&format!("descriptors{image}")).shallow_clone();
    [normalized_keypoints(&keypoints, IMAGE_SIZE), descriptors]
}

/// Both golden images, prepared.
pub fn pair_of(case: &Case) -> [ImageTokens; 2] {
    [0, 1].map(|image| {
        let [keypoints, descriptors] = features_of(case, image);
        tch::no_grad(|| case.network.prepare(&keypoints, &descriptors)).unwrap()
    })
}
