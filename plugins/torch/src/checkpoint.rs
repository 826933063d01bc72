//! What a weight file holds, whatever its format.

use std::collections::BTreeMap;

use tch::{Kind, Tensor};

/// Networks have some thousand.
pub(crate) const MAX_TENSORS: usize = 1 << 16;

/// What a weight file holds.
#[derive(Default)]
pub(crate) struct Checkpoint {
    pub tensors: BTreeMap<String, Tensor>,
    /// Texts beside the tensors, e.g. `args.model`.
    pub attributes: BTreeMap<String, String>,
}

/// A tensor of bytes that were counted to be as many as the shape takes.
pub(crate) fn tensor_of(bytes: &[u8], shape: &[i64], kind: Kind) -> Result<Tensor, String> {
    // any other value of a bool is undefined behaviour in torch
    if kind == Kind::Bool && bytes.iter().any(|&byte| byte > 1) {
        return Err("expected bools, got other bytes than 0 and 1".to_owned());
    }
    Tensor::f_from_data_size(bytes, shape, kind).map_err(|error| error.to_string())
}
