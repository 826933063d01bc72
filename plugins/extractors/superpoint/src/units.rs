//! The network's units by name, and their parameters with the normalisation resolved to a scale and a shift.
//!
//! A unit is convolution, ReLU, batch normalisation, in this order (rpautrat/SuperPoint, `superpoint_pytorch.py`), so the
//! normalisation can't be folded into its own convolution.

use scene3d_torch::{Result, Weights};
use tch::{Kind, Tensor};

/// `eps` of the reference's batch normalisation.
const BN_EPS: f64 = 1e-3;

/// Name, channels in and out, kernel side, whether there is a ReLU.
struct UnitSpec(&'static str, i64, i64, i64, bool);

const BACKBONE: [UnitSpec; 8] = [
    UnitSpec("backbone.0.0", 1, 64, 3, true),
    UnitSpec("backbone.0.1", 64, 64, 3, true),
    UnitSpec("backbone.1.0", 64, 64, 3, true),
    UnitSpec("backbone.1.1", 64, 64, 3, true),
    UnitSpec("backbone.2.0", 64, 128, 3, true),
    UnitSpec("backbone.2.1", 128, 128, 3, true),
    UnitSpec("backbone.3.0", 128, 128, 3, true),
    UnitSpec("backbone.3.1", 128, 128, 3, true),
];
const DETECTOR: [UnitSpec; 2] = [UnitSpec("detector.0", 128, 256, 3, true), UnitSpec("detector.1", 256, 65, 1, false)];
const DESCRIPTOR: [UnitSpec; 2] =
    [UnitSpec("descriptor.0", 128, 256, 3, true), UnitSpec("descriptor.1", 256, 256, 1, false)];

/// Whether the backbone halves the resolution after its unit of this index.
pub fn is_pooled(unit: usize) -> bool {
    matches!(unit, 1 | 3 | 5)
}

/// `y = scale * relu(conv(x) + bias) + shift`, all f32 on CPU.
pub struct Unit {
    /// `[out, in, k, k]`
    pub weight: Tensor,
    /// `[out]`
    pub bias: Tensor,
    /// `[out]`
    pub scale: Tensor,
    /// `[out]`
    pub shift: Tensor,
    /// Whether negative values are cut off before scale and shift.
    pub has_relu: bool,
}

/// All units.
pub struct Units {
    /// Eight, pooled as [`is_pooled`] says.
    pub backbone: Vec<Unit>,
    /// To 65 logits a cell.
    pub detector: Vec<Unit>,
    /// To 256 values a cell.
    pub descriptor: Vec<Unit>,
}

impl Units {
    /// Reads all units.
    ///
    /// # Errors
    /// [`scene3d_torch::TorchError`] for a missing tensor or one of another shape.
    pub fn load(weights: &Weights) -> Result<Self> {
        let load = |specs: &[UnitSpec]| specs.iter().map(|spec| Unit::load(weights, spec)).collect::<Result<_>>();
        Ok(Self { backbone: load(&BACKBONE)?, detector: load(&DETECTOR)?, descriptor: load(&DESCRIPTOR)? })
    }

    /// Name and shape of every parameter, for weights by formula.
    #[cfg(test)]
    pub fn parameters() -> Vec<(String, Vec<i64>)> {
        let specs = BACKBONE.iter().chain(&DETECTOR).chain(&DESCRIPTOR);
        specs.flat_map(UnitSpec::parameters).collect()
    }
}

impl UnitSpec {
    fn parameters(&self) -> Vec<(String, Vec<i64>)> {
        let &Self(name, num_in, num_out, side, _) = self;
        let vectors = ["conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"];
        let weight = (format!("{name}.conv.weight"), vec![num_out, num_in, side, side]);
        let vectors = vectors.map(|vector| (format!("{name}.{vector}"), vec![num_out]));
        std::iter::once(weight).chain(vectors).collect()
    }
}

impl Unit {
    fn load(weights: &Weights, spec: &UnitSpec) -> Result<Self> {
        let parameters = spec.parameters();
        let get = |index: usize| weights.get(&parameters[index].0, &parameters[index].1);
        let (weight, bias) = (get(0)?, get(1)?);
        let [gamma, beta, mean, variance] = [2, 3, 4, 5].map(|index| get(index).map(|t| t.to_kind(Kind::Double)));
        let scale = gamma? / (variance? + BN_EPS).sqrt();
        let shift = beta? - mean? * &scale;
        let single = |tensor: Tensor| tensor.to_kind(Kind::Float);
        Ok(Self { weight, bias, scale: single(scale), shift: single(shift), has_relu: spec.4 })
    }
}
