//! Times pairs of stored features and compares their matches with another implementation's.
//!
//! `compare FEATURES.safetensors REFERENCE.safetensors PRECISION [THREADS [INSTANCES]]`; features are
//! `{i}.keypoints [N, 2]` (pixel indices), `{i}.descriptors [N, 128]`, `{i}.image_size [2]`; the reference's are
//! `adaptive.{i}.{j}.matches [M, 2] i64` and `full.{i}.{j}.matches`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use scene3d_lightglue::exit::ExitRule;
use scene3d_lightglue::matching::match_batch;
use scene3d_lightglue::network::{ImageTokens, Network};
use scene3d_lightglue::{normalized_keypoints, parameters};
use scene3d_torch::{Precision, TorchContext, Weights};
use tch::{Device, Tensor};

type Named = BTreeMap<String, Tensor>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [features, reference, precision, rest @ ..] = arguments.as_slice() else {
        return Err("usage: compare FEATURES REFERENCE fp32|bf16 [THREADS [INSTANCES]]".into());
    };
    let number = |index: usize| rest.get(index).map_or(Ok(1), |text| text.parse::<usize>());
    let (num_threads, num_instances) = (number(0)?, number(1)?);
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::Fp32 };
    let features: Named = Tensor::read_safetensors(features)?.into_iter().collect();
    let reference: Named = Tensor::read_safetensors(reference)?.into_iter().collect();
    std::thread::scope(|scope| {
        for instance in 0..num_instances {
            let (features, reference) = (copies(&features), copies(&reference));
            scope.spawn(move || run(instance, &features, &reference, precision, num_threads));
        }
    });
    Ok(())
}

fn copies(named: &Named) -> Named {
    named.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect()
}

fn run(instance: usize, features: &Named, reference: &Named, precision: Precision, num_threads: usize) {
    if let Err(error) = tch::no_grad(|| compare(instance, features, reference, precision, num_threads)) {
        eprintln!("instance {instance}: {error}");
    }
}

fn compare(
    instance: usize,
    features: &Named,
    reference: &Named,
    precision: Precision,
    num_threads: usize,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let weights = Weights::load(Path::new(".deps/weights/aliked_lightglue.pth"))?.rename(parameters::rename);
    let network = Network::new(&weights, TorchContext::on(Device::Cpu, num_threads, precision)?)?;
    for (name, expected) in reference.iter().filter(|(name, _)| name.ends_with(".matches")) {
        let parts: Vec<&str> = name.split('.').collect();
        let (mode, image1, image2) = (parts[0], parts[1], parts[2]);
        let rule = if mode == "full" { ExitRule::new(1.0, 1.0, true) } else { ExitRule::new(0.95, 0.99, true) };
        let start = Instant::now();
        let pair = [[prepared(&network, features, image1)?, prepared(&network, features, image2)?]];
        let prepare_secs = start.elapsed().as_secs_f64() / 2.0;
        let start = Instant::now();
        let outcome = match_batch(&network, &rule, 0.1, &pair)?.remove(0);
        let match_secs = start.elapsed().as_secs_f64();
        let expected: BTreeSet<[u32; 2]> =
            Vec::<i64>::try_from(&expected.flatten(0, -1))?.chunks(2).map(|m| [m[0] as u32, m[1] as u32]).collect();
        let kept = outcome.matches.indices.iter().filter(|m| expected.contains(*m)).count();
        println!(
            "instance {instance} {mode} {image1}-{image2}: prepare {prepare_secs:.3} s, match {match_secs:.3} s, layers {}, \
             kept {kept} of {} ({:.2} %), found {}",
            outcome.num_layers,
            expected.len(),
            100.0 * kept as f64 / expected.len() as f64,
            outcome.matches.len()
        );
    }
    Ok(())
}

fn prepared(
    network: &Network,
    features: &Named,
    image: &str,
) -> Result<ImageTokens, Box<dyn std::error::Error + Send + Sync>> {
    let of = |name: &str| features.get(&format!("{image}.{name}")).ok_or_else(|| format!("no {name} of image {image}"));
    let size = Vec::<f32>::try_from(of("image_size")?)?;
    let keypoints = normalized_keypoints(&(of("keypoints")? + 0.5), [size[0] as u32, size[1] as u32]);
    Ok(network.prepare(&keypoints, of("descriptors")?)?)
}
