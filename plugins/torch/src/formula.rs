//! "Formula v1": weights without a file, the same in every language, for parity tests of whole networks.
//!
//! splitmix64 over an FNV-1a seed of the parameter's name; multiply, then add, in f32.

use tch::Tensor;

use crate::Result;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The parameter of that name and shape, f32 on CPU.
///
/// # Errors
/// [`crate::TorchError`] if torch can't allocate it.
pub fn formula_tensor(name: &str, shape: &[i64]) -> Result<Tensor> {
    let numel = shape.iter().product::<i64>();
    let values: Vec<f32> = stream(name).map(affine(name, shape, numel)).take(numel.max(0) as usize).collect();
    Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?)
}

/// `z` of the name's elements.
fn stream(name: &str) -> impl Iterator<Item = u64> {
    let seed = name.bytes().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    (1_u64..).map(move |i| finalize(seed.wrapping_add(i.wrapping_mul(GOLDEN_GAMMA))))
}

/// splitmix64's finaliser.
fn finalize(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `scale * u + offset` by the parameter's role.
fn affine(name: &str, shape: &[i64], numel: i64) -> impl Fn(u64) -> f32 + use<> {
    let mut scale = 0.05_f32;
    let mut gain = 1.0_f32;
    let mut offset = 0.0_f32;
    if name.ends_with("running_var") {
        (scale, offset) = (0.5, 1.0);
    } else if shape.len() >= 2 {
        let fan_in = numel as f64 / shape[0] as f64;
        scale = (3.0 / fan_in).sqrt() as f32;
        gain = if name.ends_with("dpt.head.4.weight") { 0.125 } else { 1.0 };
    } else if name.ends_with("weight") {
        (scale, offset) = (0.1, 1.0);
    }
    move |z| offset + (u(z) * scale) * gain
}

/// In `[-1, 1)`, exact.
fn u(z: u64) -> f32 {
    (z >> 40) as f32 * 2.0_f32.powi(-23) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_check_values() {
        let z: Vec<u64> = stream("enc_norm.weight").take(3).collect();
        assert_eq!(z, [0x54da_4cda_217c_3e27, 0x8c21_ce6a_4a3d_dc92, 0xbe79_9f02_eb4d_7be0]);
        assert_eq!(z.iter().map(|&z| u(z)).collect::<Vec<_>>(), [-0.337_088_1, 0.094_781_64, 0.488_086_58]);
        check("enc_norm.weight", &[1024], &[0.966_291_2, 1.009_478_2, 1.048_808_7]);
        check("enc_norm.bias", &[1024], &[-0.016_372_895, 0.011_776_352]);
        check("patch_embed.proj.weight", &[1024, 3, 16, 16], &[0.018_568_195, -0.042_328_38, -0.054_630_51]);
    }

    fn check(name: &str, shape: &[i64], starts: &[f32]) {
        let tensor = formula_tensor(name, shape).unwrap();
        assert_eq!(tensor.size(), shape);
        let values = Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
        assert_eq!(values[..starts.len()], *starts);
    }
}
