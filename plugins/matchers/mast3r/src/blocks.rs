//! Transformer blocks of the encoder and the decoders (CroCo v2, Weinzaepfel et al. 2023).

use tch::Tensor;

use crate::layers::{Linear, Mlp, Norm};
use crate::rope::Rotation;

/// Attention among the tokens of an image.
#[derive(Debug)]
pub struct SelfAttention {
    /// To `q | k | v`, each with head-major channels, those of `q` and `k` in [`crate::rope::channel_order`].
    pub projection: Linear,
    /// Of the concatenated heads.
    pub output: Linear,
    /// Heads.
    pub num_heads: i64,
}

/// Attention of an image's tokens to another's.
#[derive(Debug)]
pub struct CrossAttention {
    /// To `q`, of the image's tokens.
    pub query: Linear,
    /// To `k | v`, of the other's.
    pub key_value: Linear,
    /// Of the concatenated heads.
    pub output: Linear,
    /// Heads.
    pub num_heads: i64,
}

/// A block of the encoder, and the first half of one of a decoder.
#[derive(Debug)]
pub struct EncoderBlock {
    /// Before attention.
    pub attention_norm: Norm,
    /// Within the image.
    pub attention: SelfAttention,
    /// Before the feed-forward network.
    pub mlp_norm: Norm,
    /// The feed-forward network.
    pub mlp: Mlp,
}

/// A block of a decoder.
#[derive(Debug)]
pub struct DecoderBlock {
    /// Before attention within the image.
    pub attention_norm: Norm,
    /// Within the image.
    pub attention: SelfAttention,
    /// Before attention to the other image.
    pub query_norm: Norm,
    /// Of the other image's tokens.
    pub other_norm: Norm,
    /// To the other image.
    pub cross_attention: CrossAttention,
    /// Before the feed-forward network.
    pub mlp_norm: Norm,
    /// The feed-forward network.
    pub mlp: Mlp,
}

impl EncoderBlock {
    /// Tokens `[B, N, dim] f32` after the block.
    pub fn apply(&self, tokens: &Tensor, rotation: &Rotation) -> Tensor {
        let kind = self.mlp.kind();
        let attended = self.attention.apply(&self.attention_norm.apply(tokens).to_kind(kind), rotation);
        let mut tokens = tokens + attended;
        tokens += self.mlp.apply(&self.mlp_norm.apply(&tokens).to_kind(kind));
        tokens
    }
}

impl DecoderBlock {
    /// Tokens `[B, N, dim] f32` after the block; `other [B, M, dim] f32` are the other view's tokens before it.
    pub fn apply(&self, tokens: &Tensor, other: &Tensor, rotations: [&Rotation; 2]) -> Tensor {
        let kind = self.mlp.kind();
        let attended = self.attention.apply(&self.attention_norm.apply(tokens).to_kind(kind), rotations[0]);
        let mut tokens = tokens + attended;
        let query = self.query_norm.apply(&tokens).to_kind(kind);
        tokens += self.cross_attention.apply(&query, &self.other_norm.apply(other).to_kind(kind), rotations);
        tokens += self.mlp.apply(&self.mlp_norm.apply(&tokens).to_kind(kind));
        tokens
    }
}

impl SelfAttention {
    /// `q` and `k`, before their turns, and `v`: `[B, N, 2, heads, D]` and `[B, N, heads, D]`.
    pub fn project(&self, x: &Tensor) -> (Tensor, Tensor) {
        let parts = split_heads(&self.projection.apply(x), 3, self.num_heads);
        (parts.narrow(2, 0, 2), parts.select(2, 2))
    }

    /// `[B, N, dim]` in the precision of the products.
    pub fn apply(&self, x: &Tensor, rotation: &Rotation) -> Tensor {
        let (query_key, value) = self.project(x);
        let turned = rotation.apply(&query_key);
        self.output.apply(&attend(&turned.select(2, 0), &turned.select(2, 1), &value))
    }
}

impl CrossAttention {
    /// `[B, N, dim]` in the precision of the products.
    pub fn apply(&self, x: &Tensor, other: &Tensor, rotations: [&Rotation; 2]) -> Tensor {
        let query = rotations[0].apply(&split_heads(&self.query.apply(x), 1, self.num_heads));
        let key_value = split_heads(&self.key_value.apply(other), 2, self.num_heads);
        let key = rotations[1].apply(&key_value.narrow(2, 0, 1));
        self.output.apply(&attend(&query.select(2, 0), &key.select(2, 0), &key_value.select(2, 1)))
    }
}

/// `[B, N, parts, heads, D]` of `[B, N, parts * heads * D]`.
fn split_heads(x: &Tensor, num_parts: i64, num_heads: i64) -> Tensor {
    let size = x.size();
    x.reshape([size[0], size[1], num_parts, num_heads, -1])
}

/// `softmax(q k^T / sqrt(D)) v` with `[B, N, heads, D]`, as `[B, N, heads * D]`; no score is written to memory.
fn attend(query: &Tensor, key: &Tensor, value: &Tensor) -> Tensor {
    let [q, k, v] = [query, key, value].map(|x| x.transpose(1, 2));
    let heads = Tensor::scaled_dot_product_attention::<&Tensor>(&q, &k, &v, None, 0.0, false, None, false);
    heads.transpose(1, 2).flatten(2, 3)
}
