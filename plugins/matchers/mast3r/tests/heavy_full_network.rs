//! The whole released network, 689 million parameters by formula, against the reference: 2.6 GB of weights, so it runs alone.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

mod common;

use common::{Limits, assert_maps, formula_weights, golden, network, normalized, tokens_s};
use scene3d_mast3r::rope::Grid;
use scene3d_mast3r::{Architecture, Wanted};
use scene3d_torch::Precision;
use scene3d_torch::testing::Tolerance;
use tch::{Kind, Tensor};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
const GRID: Grid = Grid { rows: 24, columns: 32 };

#[test]
fn heavy_whole_network_agrees_with_the_reference() {
    let architecture = Architecture::released();
    let weights = formula_weights(&architecture);
    let network = network(architecture, &weights, Precision::Fp32);
    drop(weights);
    let golden = golden("mast3r_full_formula");
    let limit = Tolerance::Relative(2e-5);
    let images = [image(1), image(2)];

    let patches = network.encoder.embed(&images[0], GRID);
    let block = network.encoder.blocks[0].apply(&patches, &network.rotation(GRID, 64));
    golden.assert_close("enc_block0_s97", &tokens_s(&block, 97), limit);
    let tokens = images.each_ref().map(|image| network.encode(image).unwrap());
    for (index, view) in tokens.iter().enumerate() {
        golden.assert_close(&format!("enc{}_s97", index + 1), &tokens_s(&view.tokens, 97), limit);
    }
    let [view1, view2] = tokens.each_ref().map(|view| network.decoder.embed(&view.tokens));
    let rotation = network.rotation(GRID, 64);
    let block = network.decoder.stacks[0][0].apply(&view1, &view2, [&rotation, &rotation]);
    golden.assert_close("dec_block0_v1_s97", &tokens_s(&block, 97), limit);
    let decoded = network.decode_tokens([&tokens[0], &tokens[1]], Wanted::DescriptorsAndPoints);
    for (index, view) in decoded.iter().enumerate() {
        golden.assert_close(&format!("dec_norm{}_s97", index + 1), &tokens_s(&view[2], 97), limit);
    }
    let maps = [0, 1].map(|i| network.heads[i].apply(&tokens[i], &decoded[i], network.architecture()));
    assert_maps(&golden, &maps, 17, Limits { points: limit, confidence: limit, descriptors: limit });
    eprintln!("peak memory {}", peak_memory());
}

/// The goldens' image 1 or 2, `[1, 3, 384, 512] f32`: coarse cells and fine noise by formula.
fn image(number: usize) -> Tensor {
    let coarse = bytes(&format!("grid{number}"), [24, 32, 3]).repeat_interleave_self_int(16, 0, None);
    let coarse = coarse.repeat_interleave_self_int(16, 1, None);
    let mixed: Tensor = coarse * 3 + bytes(&format!("img{number}"), [384, 512, 3]);
    normalized(&mixed.divide_scalar_mode(4, "floor"))
}

/// Top bytes of a stream of the formula, `Int`.
fn bytes(name: &str, shape: [i64; 3]) -> Tensor {
    let seed = name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    let byte = |i: u64| {
        let mut z = seed.wrapping_add((i + 1).wrapping_mul(GOLDEN_GAMMA));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 56) as u8
    };
    let values: Vec<u8> = (0..shape.iter().product::<i64>() as u64).map(byte).collect();
    Tensor::from_slice(&values).to_kind(Kind::Int).reshape(shape)
}

/// Of this process, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".to_owned(), |kilobytes| kilobytes.trim().to_owned())
}
