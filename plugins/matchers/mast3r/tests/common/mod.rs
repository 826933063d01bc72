//! Networks and images of the goldens.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses its part; a failure to get there is a failure

use std::path::{Path, PathBuf};

use scene3d_mast3r::architecture::{HeadDims, Stack};
use scene3d_mast3r::{Architecture, ImageTokens, Network, ViewMaps, Wanted, manifest};
use scene3d_torch::testing::{Golden, Tolerance};
use scene3d_torch::{Precision, TorchContext, Weights};
use tch::{Device, Kind, Tensor};

/// A golden file of this crate.
pub fn golden(name: &str) -> Golden {
    Golden::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/goldens/{name}.safetensors")))
}

/// A golden file too large for this crate; `None`, with a printed reason, where it is not there.
pub fn shared_golden(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared");
    let shared = std::env::var_os("SCENE3D_SHARED").map_or(beside, PathBuf::from);
    let path = shared.join("goldens").join(file);
    if !path.is_file() {
        eprintln!("skipped: no {}", path.display());
    }
    path.is_file().then_some(path)
}

/// The goldens' small network: the released one with 32 channels.
pub fn tiny_architecture() -> Architecture {
    let encoder = Stack { dim: 32, depth: 2, num_heads: 2 };
    let decoder = Stack { dim: 32, depth: 12, num_heads: 2 };
    let heads = HeadDims { layers: [8, 12, 16, 24], features: 16, last: 8, hidden: 16 };
    Architecture { encoder, decoder, heads, ..Architecture::released() }
}

/// A CPU network in a precision.
pub fn network(architecture: Architecture, weights: &Weights, precision: Precision) -> Network {
    let context = TorchContext::on(Device::Cpu, 2, precision).unwrap();
    Network::new(architecture, weights, context).unwrap()
}

/// The small network with its stored weights.
pub fn tiny(precision: Precision) -> Option<Network> {
    let weights = Weights::load(&shared_golden("mast3r_tiny_weights.safetensors")?).unwrap();
    Some(network(tiny_architecture(), &weights, precision))
}

/// Weights by formula for all that a network reads.
pub fn formula_weights(architecture: &Architecture) -> Weights {
    let parameters = manifest::parameters(architecture);
    let named = parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.shape.as_slice()));
    Weights::from_formula(named).unwrap()
}

/// The goldens' two small images, `[1, 3, 160, 224] f32`.
pub fn images() -> [Tensor; 2] {
    let images = golden("images");
    ["img0", "img1"].map(|name| {
        let crop = images.get(name).narrow(0, 40, 160).narrow(1, 48, 224);
        normalized(&crop)
    })
}

/// `[1, 3, H, W] f32` of `[H, W, 3]` bytes.
pub fn normalized(image: &Tensor) -> Tensor {
    (image.to_kind(Kind::Float).permute([2, 0, 1]).unsqueeze(0) / 255.0 - 0.5) / 0.5
}

/// Both images' tokens and maps.
pub fn run(network: &Network, images: &[Tensor; 2]) -> ([ImageTokens; 2], [ViewMaps; 2]) {
    let tokens = images.each_ref().map(|image| network.encode(image).unwrap());
    let maps = network.decode(&tokens[0], &tokens[1], Wanted::DescriptorsAndPoints).unwrap();
    (tokens, maps)
}

/// Every `step`-th token of the first image.
pub fn tokens_s(tokens: &Tensor, step: i64) -> Tensor {
    tokens.select(0, 0).slice(0, 0, None, step)
}

/// Every `step`-th pixel of the first image's map.
pub fn pixels_s(map: &Tensor, step: i64) -> Tensor {
    map.select(0, 0).slice(0, 0, None, step).slice(1, 0, None, step)
}

/// Limits of the outputs.
#[derive(Clone, Copy)]
pub struct Limits {
    pub points: Tolerance,
    pub confidence: Tolerance,
    pub descriptors: Tolerance,
}

/// All outputs of both views against `{output}{view}_s{step}`.
pub fn assert_maps(golden: &Golden, maps: &[ViewMaps; 2], step: i64, limits: Limits) {
    for (index, view) in maps.iter().enumerate() {
        let check = |name: &str, map: &Tensor, limit: Tolerance| {
            golden.assert_close(&format!("{name}{}_s{step}", index + 1), &pixels_s(map, step), limit);
        };
        let points = view.points.as_ref().unwrap();
        check("pts3d", &points.positions, limits.points);
        check("conf", &points.confidence, limits.confidence);
        check("desc", &view.descriptors, limits.descriptors);
        check("desc_conf", &view.descriptor_confidence, limits.confidence);
    }
}
