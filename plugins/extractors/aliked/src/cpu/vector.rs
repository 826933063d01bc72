//! Vector mathematics that the network's activations need.

use pulp::{Arch, Simd, WithSimd};

use super::gemm::Activation;

const SELU_ALPHA: f32 = 1.673_263_2;
const SELU_SCALE: f32 = 1.050_701;

/// Compiles plain loops with the widest instructions of this machine; the closure is to be `#[inline(always)]`.
///
/// `Arch::dispatch` takes an `FnOnce`, whose shim around a closure is not inlined: its loops would stay narrow.
pub fn vectorize(arch: Arch, body: impl FnMut()) {
    arch.dispatch(Loops(body));
}

struct Loops<F>(F);

impl<F: FnMut()> WithSimd for Loops<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        (self.0)();
    }
}

/// `e^x`, relative error below 2e-7; Cody-Waite reduction and a degree-5 polynomial (Cephes `expf`).
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value| simd.splat_f32s(value);
    let x = simd.max_f32s(simd.min_f32s(x, splat(88.0)), splat(-87.0));
    // adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits
    let shifted = simd.mul_add_f32s(x, splat(std::f32::consts::LOG2_E), splat(12_582_912.0));
    let n = simd.sub_f32s(shifted, splat(12_582_912.0));
    let r = simd.mul_add_f32s(n, splat(-0.693_359_4), x);
    let r = simd.mul_add_f32s(n, splat(2.121_944_4e-4), r);
    let mut p = splat(1.987_569_1e-4);
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = simd.mul_add_f32s(p, r, splat(coefficient));
    }
    let mantissa = simd.mul_add_f32s(simd.mul_f32s(p, r), r, simd.add_f32s(r, splat(1.0)));
    let exponent = simd.mul_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(1 << 23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(mantissa), exponent))
}

#[inline(always)]
fn selu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let positive = simd.mul_f32s(x, simd.splat_f32s(SELU_SCALE));
    let scale = simd.splat_f32s(SELU_SCALE * SELU_ALPHA);
    let negative = simd.mul_f32s(simd.sub_f32s(exp(simd, x), simd.splat_f32s(1.0)), scale);
    simd.select_f32s(simd.greater_than_f32s(x, zero), positive, negative)
}

#[inline(always)]
fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

#[inline(always)]
pub fn activate<S: Simd>(simd: S, activation: Activation, x: S::f32s) -> S::f32s {
    match activation {
        Activation::Identity => x,
        Activation::Selu => selu(simd, x),
        Activation::Sigmoid => sigmoid(simd, x),
    }
}
