//! Times the small network and reciprocal nearest neighbours, for comparison with another implementation.
//!
//! `times WEIGHTS.safetensors IMAGES.safetensors MAPS.safetensors THREADS [fp32|bf16]`: the goldens'
//! `mast3r_tiny_weights` and `images`, and descriptor maps `desc1`, `desc2` `[H, W, D] f32` to match.

use std::path::Path;
use std::time::Instant;

use scene3d_mast3r::architecture::{HeadDims, Stack};
use scene3d_mast3r::pixel_pairs::{Decoding, pixel_pairs};
use scene3d_mast3r::reciprocal::{Cached, CpuSearch, View, WalkRule, reciprocal_pairs};
use scene3d_mast3r::{Architecture, Network, Wanted};
use scene3d_torch::{Precision, TorchContext, Weights};
use tch::{Device, Kind, Tensor};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const NUM_RUNS: usize = 15;
const RULE: WalkRule = WalkRule { subsample: 8, pixel_tolerance: 0.0 };

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, images, maps, threads, precision @ ..] = arguments.as_slice() else {
        return Err("usage: times WEIGHTS IMAGES MAPS THREADS [fp32|bf16]".into());
    };
    let precision =
        if precision.first().is_some_and(|word| word == "bf16") { Precision::Bf16 } else { Precision::Fp32 };
    let num_threads = threads.parse()?;
    let context = TorchContext::on(Device::Cpu, num_threads, precision)?;
    let network = Network::new(tiny_architecture(), &Weights::load(Path::new(weights))?, context)?;
    time_network(&network, &tensors(images, ["img0", "img1"])?)?;
    time_matching(&tensors(maps, ["desc1", "desc2"])?, num_threads)
}

fn tiny_architecture() -> Architecture {
    let encoder = Stack { dim: 32, depth: 2, num_heads: 2 };
    let decoder = Stack { dim: 32, depth: 12, num_heads: 2 };
    let heads = HeadDims { layers: [8, 12, 16, 24], features: 16, last: 8, hidden: 16 };
    Architecture { encoder, decoder, heads, ..Architecture::released() }
}

fn tensors(path: &str, names: [&str; 2]) -> Outcome<[Tensor; 2]> {
    let file = Tensor::read_safetensors(path)?;
    let find = |name: &str| file.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor.shallow_clone());
    match names.map(find) {
        [Some(first), Some(second)] => Ok([first, second]),
        _ => Err(format!("{path} lacks one of {names:?}").into()),
    }
}

fn time_network(network: &Network, images: &[Tensor; 2]) -> Outcome<()> {
    let images = images.each_ref().map(|image| {
        let crop = image.narrow(0, 40, 160).narrow(1, 48, 224).to_kind(Kind::Float);
        (crop.permute([2, 0, 1]).unsqueeze(0) / 255.0 - 0.5) / 0.5
    });
    let tokens = [network.encode(&images[0])?, network.encode(&images[1])?];
    report("encode an image", || Ok(network.encode(&images[0])?))?;
    for (name, wanted) in [("decode a pair", Wanted::DescriptorsAndPoints), ("descriptors alone", Wanted::Descriptors)]
    {
        report(name, || Ok(network.decode(&tokens[0], &tokens[1], wanted)?))?;
    }
    Ok(())
}

fn time_matching(maps: &[Tensor; 2], num_threads: usize) -> Outcome<()> {
    let maps = [&maps[0], &maps[1]];
    let search = || CpuSearch::new(maps, num_threads);
    report("lay out both maps", || Ok(search()?))?;
    let from_one_side = || reciprocal_pairs(&mut Cached::new(search()?), View::First, RULE);
    println!("{} pairs", from_one_side()?.len());
    report("walk from one side", || Ok(from_one_side()?))?;
    let confidences = maps.map(|map| vec![1.0; (map.size()[0] * map.size()[1]) as usize]);
    report("walk from both sides", || {
        let mut search = Cached::new(search()?);
        let decoding = Decoding { search: &mut search, confidences: [&confidences[0], &confidences[1]] };
        Ok(pixel_pairs(decoding, RULE)?)
    })
}

/// Median and least time.
fn report<T>(name: &str, mut run: impl FnMut() -> Outcome<T>) -> Outcome<()> {
    run()?;
    let mut millis = Vec::with_capacity(NUM_RUNS);
    for _ in 0..NUM_RUNS {
        let start = Instant::now();
        run()?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    println!("{name}: median {:.2} ms, least {:.2} ms", millis[NUM_RUNS / 2], millis[0]);
    Ok(())
}
