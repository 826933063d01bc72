//! Linear maps and layer normalisation, the residual stream in fp32 whatever the precision of the products.

use tch::{Kind, Tensor};

/// CroCo's, in all blocks.
const EPSILON: f64 = 1e-6;

/// `x W^T + b`.
#[derive(Debug)]
pub struct Linear {
    /// `[out, in]`
    pub weight: Tensor,
    /// `[out]`
    pub bias: Tensor,
}

impl Linear {
    /// `[.., in]` to `[.., out]`.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}

/// Layer normalisation of fp32 tokens.
#[derive(Debug)]
pub struct Norm {
    /// `[dim] f32`
    pub scale: Tensor,
    /// `[dim] f32`
    pub shift: Tensor,
}

impl Norm {
    /// `[.., dim] f32`
    pub fn apply(&self, x: &Tensor) -> Tensor {
        x.layer_norm(self.scale.size(), Some(&self.scale), Some(&self.shift), EPSILON, true)
    }
}

/// Two linear maps with GELU (the exact one) between.
#[derive(Debug)]
pub struct Mlp {
    /// To the hidden channels.
    pub first: Linear,
    /// Back.
    pub last: Linear,
}

impl Mlp {
    /// `[.., dim]`
    pub fn apply(&self, x: &Tensor) -> Tensor {
        let hidden = self.first.apply(x).gelu("none");
        self.last.apply(&hidden)
    }

    /// Element type of the products.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.first.weight.kind()
    }
}
