//! Names and shapes of all parameters, under the reference's names; held against a file before it is read.

use scene3d_torch::Weights;

use crate::architecture::{Architecture, PATCH_SIZE, Stack};
use crate::{Mast3rError, Result};

/// Parameter names listed in a message before it says how many more there are.
const MAX_LISTED: usize = 8;

/// A tensor of a network or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The reference's name.
    pub name: String,
    /// As stored.
    pub shape: Vec<i64>,
}

/// All parameters that inference reads, in the network's order.
#[must_use]
pub fn parameters(architecture: &Architecture) -> Vec<Parameter> {
    let mut list = List { parameters: Vec::new(), mlp_ratio: architecture.mlp_ratio };
    let (encoder, decoder) = (architecture.encoder, architecture.decoder);
    list.affine("patch_embed.proj", &[encoder.dim, 3, PATCH_SIZE, PATCH_SIZE]);
    (0..encoder.depth).for_each(|i| list.encoder_block(&format!("enc_blocks.{i}"), encoder));
    list.affine("enc_norm", &[encoder.dim]);
    list.affine("decoder_embed", &[decoder.dim, encoder.dim]);
    for stack in ["dec_blocks", "dec_blocks2"] {
        (0..decoder.depth).for_each(|i| list.decoder_block(&format!("{stack}.{i}"), decoder));
    }
    list.affine("dec_norm", &[decoder.dim]);
    for view in [1, 2] {
        list.point_head(&format!("downstream_head{view}.dpt"), architecture);
        list.descriptor_head(&format!("downstream_head{view}.head_local_features"), architecture);
    }
    list.parameters
}

/// Whether weights have every parameter in its shape; gives back what they have beyond, which is tolerated.
///
/// # Errors
/// [`Mast3rError::Mismatch`] with all names and shapes at fault.
pub fn check(weights: &Weights, architecture: &Architecture) -> Result<Vec<Parameter>> {
    let expected = parameters(architecture);
    let mut missing = Vec::new();
    let mut misshapen = Vec::new();
    for Parameter { name, shape } in &expected {
        match weights.shape(&stored_name(weights, name)) {
            None => missing.push(format!("`{name}` {shape:?}")),
            Some(got) if got != *shape => misshapen.push(format!("`{name}` expected {shape:?}, got {got:?}")),
            Some(_) => {}
        }
    }
    let unexpected = unexpected(weights, &expected);
    if missing.is_empty() && misshapen.is_empty() {
        return Ok(unexpected);
    }
    let beyond: Vec<_> = unexpected.iter().map(|Parameter { name, shape }| format!("`{name}` {shape:?}")).collect();
    let parts = [("missing", missing), ("of another shape", misshapen), ("unexpected", beyond)];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let message = parts.map(|(what, names)| format!("{} {what}: {}", names.len(), listed(names)));
    Err(Mast3rError::Mismatch(message.collect::<Vec<_>>().join("; ")))
}

/// The name under which a file has a parameter: older checkpoints have one decoder for both views, and a file
/// without shared tensors has either name of `layer_rn`.
#[must_use]
pub fn stored_name(weights: &Weights, name: &str) -> String {
    if weights.contains(name) {
        return name.to_owned();
    }
    if let Some(rest) = name.strip_prefix("dec_blocks2.")
        && !has_second_decoder(weights)
    {
        return format!("dec_blocks.{rest}");
    }
    let alias = alias_of(name).filter(|alias| weights.contains(alias));
    alias.unwrap_or_else(|| name.to_owned())
}

fn has_second_decoder(weights: &Weights) -> bool {
    weights.names().any(|name| name.starts_with("dec_blocks2."))
}

/// `scratch.layer_rn.0` of `scratch.layer1_rn`, and so on.
fn alias_of(name: &str) -> Option<String> {
    let (head, rest) = name.split_once(".scratch.layer")?;
    let (number, rest) = rest.split_once("_rn.")?;
    Some(format!("{head}.scratch.layer_rn.{}.{rest}", number.parse::<usize>().ok()?.checked_sub(1)?))
}

/// Tensors that are neither read nor known to lie unused in every checkpoint.
fn unexpected(weights: &Weights, expected: &[Parameter]) -> Vec<Parameter> {
    let expected: std::collections::BTreeSet<&str> = expected.iter().map(|parameter| parameter.name.as_str()).collect();
    let is_known_unused = |name: &str| {
        name == "mask_token" || name.contains(".refinenet4.resConfUnit1.") || name.contains(".scratch.layer_rn.")
    };
    let beyond = weights.names().filter(|name| !expected.contains(name) && !is_known_unused(name));
    beyond.map(|name| Parameter { name: name.to_owned(), shape: weights.shape(name).unwrap_or_default() }).collect()
}

fn listed(names: &[String]) -> String {
    let rest = names.len().saturating_sub(MAX_LISTED);
    let shown = names[..names.len() - rest].join(", ");
    if rest == 0 { shown } else { format!("{shown} and {rest} more") }
}

struct List {
    parameters: Vec<Parameter>,
    mlp_ratio: i64,
}

impl List {
    fn encoder_block(&mut self, name: &str, Stack { dim, .. }: Stack) {
        self.affine(&format!("{name}.norm1"), &[dim]);
        self.affine(&format!("{name}.attn.qkv"), &[3 * dim, dim]);
        self.affine(&format!("{name}.attn.proj"), &[dim, dim]);
        self.affine(&format!("{name}.norm2"), &[dim]);
        self.affine(&format!("{name}.mlp.fc1"), &[self.mlp_ratio * dim, dim]);
        self.affine(&format!("{name}.mlp.fc2"), &[dim, self.mlp_ratio * dim]);
    }

    fn decoder_block(&mut self, name: &str, stack: Stack) {
        let dim = stack.dim;
        self.encoder_block(name, stack);
        for projection in ["projq", "projk", "projv", "proj"] {
            self.affine(&format!("{name}.cross_attn.{projection}"), &[dim, dim]);
        }
        self.affine(&format!("{name}.norm3"), &[dim]);
        self.affine(&format!("{name}.norm_y"), &[dim]);
    }

    fn point_head(&mut self, name: &str, architecture: &Architecture) {
        let heads = architecture.heads;
        let tokens =
            [architecture.encoder.dim, architecture.decoder.dim, architecture.decoder.dim, architecture.decoder.dim];
        for (layer, dim) in heads.layers.into_iter().enumerate() {
            self.affine(&format!("{name}.act_postprocess.{layer}.0"), &[dim, tokens[layer], 1, 1]);
            // up by 4, up by 2, as it is, down by 2
            if let Some(kernel) = [Some(4), Some(2), None, Some(3)][layer] {
                self.affine(&format!("{name}.act_postprocess.{layer}.1"), &[dim, dim, kernel, kernel]);
            }
            self.push(format!("{name}.scratch.layer{}_rn.weight", layer + 1), &[heads.features, dim, 3, 3]);
        }
        for level in 1..=4 {
            let name = format!("{name}.scratch.refinenet{level}");
            self.affine(&format!("{name}.out_conv"), &[heads.features, heads.features, 1, 1]);
            // the coarsest level has nothing to add, so its first unit is never run
            for unit in if level == 4 { 2..=2 } else { 1..=2 } {
                for conv in [1, 2] {
                    let name = format!("{name}.resConfUnit{unit}.conv{conv}");
                    self.affine(&name, &[heads.features, heads.features, 3, 3]);
                }
            }
        }
        self.affine(&format!("{name}.head.0"), &[heads.features / 2, heads.features, 3, 3]);
        self.affine(&format!("{name}.head.2"), &[heads.last, heads.features / 2, 3, 3]);
        self.affine(&format!("{name}.head.4"), &[4, heads.last, 1, 1]);
    }

    fn descriptor_head(&mut self, name: &str, architecture: &Architecture) {
        let hidden = architecture.heads.hidden;
        self.affine(&format!("{name}.fc1"), &[hidden, architecture.encoder.dim + architecture.decoder.dim]);
        self.affine(&format!("{name}.fc2"), &[(architecture.descriptor_dim + 1) * PATCH_SIZE * PATCH_SIZE, hidden]);
    }

    /// A weight and its bias, one value for each of the weight's rows (transposed convolutions here are square).
    fn affine(&mut self, name: &str, weight: &[i64]) {
        self.push(format!("{name}.weight"), weight);
        self.push(format!("{name}.bias"), &weight[..1]);
    }

    fn push(&mut self, name: String, shape: &[i64]) {
        self.parameters.push(Parameter { name, shape: shape.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the released file: 1009 tensors, of which `mask_token` and two times four of `refinenet4.resConfUnit1` are unused.
    #[test]
    fn the_released_network_has_all_its_values() {
        let parameters = parameters(&Architecture::released());
        let num_values: i64 = parameters.iter().map(|parameter| parameter.shape.iter().product::<i64>()).sum();
        let num_unused = 768 + 2 * 2 * (256 * 256 * 9 + 256);
        assert_eq!((parameters.len(), num_values), (1009 - 9, 688_638_856 - num_unused));
    }

    #[test]
    fn aliases_of_the_head() {
        let name = "downstream_head2.dpt.scratch.layer3_rn.weight";
        assert_eq!(alias_of(name).unwrap(), "downstream_head2.dpt.scratch.layer_rn.2.weight");
        assert_eq!(alias_of("downstream_head2.dpt.scratch.refinenet1.out_conv.bias"), None);
    }
}
