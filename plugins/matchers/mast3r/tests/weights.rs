//! What is read from checkpoints that are complete, older, exported, foreign or damaged.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use std::collections::BTreeMap;

use common::{formula_weights, images, tiny_architecture};
use scene3d_mast3r::{Architecture, Mast3rError, Network, Wanted, manifest};
use scene3d_torch::{Precision, TorchContext, Weights};
use tch::{Device, Tensor};

/// The small network's tensors by formula, changed.
fn changed(change: impl Fn(&mut BTreeMap<String, Tensor>)) -> Weights {
    let all = formula_weights(&tiny_architecture());
    let mut tensors = BTreeMap::new();
    for name in all.names() {
        tensors.insert(name.to_owned(), all.get(name, &all.shape(name).unwrap()).unwrap());
    }
    change(&mut tensors);
    Weights::from_tensors("changed", tensors)
}

fn network(weights: &Weights) -> scene3d_mast3r::Result<Network> {
    Network::new(tiny_architecture(), weights, TorchContext::on(Device::Cpu, 1, Precision::Fp32)?)
}

fn descriptors(network: &Network) -> [Tensor; 2] {
    let [one, two] = images().map(|image| network.encode(&image).unwrap());
    network.decode(&one, &two, Wanted::Descriptors).unwrap().map(|view| view.descriptors)
}

#[test]
fn every_parameter_of_the_manifest_is_read() {
    let weights = changed(|_| {});
    let network = network(&weights).unwrap();
    assert_eq!(weights.unused(), [""; 0]);
    assert_eq!(network.unexpected(), []);
}

#[test]
fn what_lies_unused_in_every_checkpoint_is_no_surprise_and_the_rest_is_named() {
    let weights = changed(|tensors| {
        let unit = "downstream_head1.dpt.scratch.refinenet4.resConfUnit1.conv1.weight";
        tensors.insert("mask_token".to_owned(), Tensor::zeros([1, 1, 32], tch::kind::FLOAT_CPU));
        tensors.insert(unit.to_owned(), Tensor::zeros([16, 16, 3, 3], tch::kind::FLOAT_CPU));
        tensors.insert("prediction_head.bias".to_owned(), Tensor::zeros([7], tch::kind::FLOAT_CPU));
    });
    let network = network(&weights).unwrap();
    let unexpected: Vec<_> = network.unexpected().iter().map(|p| (p.name.as_str(), p.shape.as_slice())).collect();
    assert_eq!(unexpected, [("prediction_head.bias", &[7_i64][..])]);
}

#[test]
fn missing_and_misshapen_tensors_are_all_named() {
    let weights = changed(|tensors| {
        tensors.remove("enc_norm.bias");
        tensors.remove("dec_blocks2.3.norm_y.weight");
        tensors.insert("decoder_embed.bias".to_owned(), Tensor::zeros([31], tch::kind::FLOAT_CPU));
        tensors.insert("odd".to_owned(), Tensor::zeros([2], tch::kind::FLOAT_CPU));
    });
    let Err(error @ Mast3rError::Mismatch(_)) = network(&weights) else { panic!("it was read") };
    let expected = "2 missing: `enc_norm.bias` [32], `dec_blocks2.3.norm_y.weight` [32]; 1 of another shape: \
                    `decoder_embed.bias` expected [32], got [31]; 1 unexpected: `odd` [2]";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_foreign_file_is_refused_in_a_few_lines() {
    let weights = Weights::from_formula([("conv1.weight", &[8, 3, 3, 3][..])]).unwrap();
    let Err(error) = network(&weights) else { panic!("it was read") };
    let message = error.to_string();
    assert!(message.contains("and 7") && message.contains("more; 1 unexpected: `conv1.weight`"), "{message}");
    assert!(message.len() < 1000);
}

/// Older checkpoints have one decoder, and an export without shared tensors may keep either name of `layer_rn`.
#[test]
fn one_decoder_serves_both_views_and_aliases_are_read() {
    let full = changed(|tensors| {
        let first: Vec<_> = tensors.iter().filter(|(name, _)| name.starts_with("dec_blocks.")).collect();
        let copies: Vec<_> = first
            .into_iter()
            .map(|(name, tensor)| (name.replace("dec_blocks.", "dec_blocks2."), tensor.shallow_clone()))
            .collect();
        tensors.extend(copies);
    });
    let older = changed(|tensors| {
        tensors.retain(|name, _| !name.starts_with("dec_blocks2."));
        for (name, alias) in [("layer1_rn", "layer_rn.0"), ("layer4_rn", "layer_rn.3")] {
            let name = format!("downstream_head2.dpt.scratch.{name}.weight");
            let tensor = tensors.remove(&name).unwrap();
            tensors.insert(format!("downstream_head2.dpt.scratch.{alias}.weight"), tensor);
        }
    });
    let [from_full, from_older] = [full, older].map(|weights| network(&weights).unwrap());
    assert_eq!(descriptors(&from_full), descriptors(&from_older));
    assert_eq!(from_older.unexpected(), []);
}

#[test]
fn tensors_alone_tell_a_network_with_heads_of_64_channels() {
    let released = Architecture::released();
    let parameters = manifest::parameters(&released);
    // one value seen through every shape: no memory, for only shapes are read
    let one = Tensor::zeros([1], tch::kind::FLOAT_CPU);
    let shapes = parameters.iter().map(|p| (p.name.clone(), one.expand(&p.shape, false)));
    let weights = Weights::from_tensors("shapes", shapes.collect());
    assert_eq!(Architecture::of(&weights).unwrap(), released);
    let error = Architecture::of(&formula_weights(&tiny_architecture())).unwrap_err().to_string();
    assert!(error.contains("tokens of 32 channels don't divide into heads of 64: give the architecture"), "{error}");
}
