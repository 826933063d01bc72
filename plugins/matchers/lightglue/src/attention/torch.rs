//! Attention by torch: one call where all images have the same number of tokens, else one for each.

use std::f64::consts::LN_2;

use tch::Tensor;

use crate::parameters::{DIM, HEAD_DIM, NUM_HEADS};

/// Context within each image; see [`super::Attention::within`].
pub fn within(projected: &Tensor, rotation: &Tensor, lengths: &[usize]) -> Tensor {
    let [q, k, v] = [0, 1, 2].map(|part| heads(projected, part));
    let [q, k] = [q, k].map(|x| rotated(&x, rotation));
    if let Some(length) = common(lengths) {
        let [q, k, v] = [q, k, v].map(|x| images(&x, length));
        return tokens(&attention(&q, &k, &v));
    }
    let [q, k, v] = [q, k, v].map(|x| split(&x, lengths));
    let contexts = q.iter().zip(&k).zip(&v).map(|((q, k), v)| tokens(&attention(q, k, v)));
    Tensor::cat(&contexts.collect::<Vec<_>>(), 0)
}

/// Context in the other image of each pair; see [`super::Attention::across`].
pub fn across(projected: &Tensor, lengths: &[usize]) -> Tensor {
    let [qk, v] = [0, 1].map(|part| heads(projected, part));
    if let Some(length) = common(lengths) {
        let [qk, v] = [qk, v].map(|x| images(&x, length));
        return tokens(&attention(&qk, &partners(&qk), &partners(&v)));
    }
    let [qk, v] = [qk, v].map(|x| split(&x, lengths));
    let towards = |from: usize, to: usize| tokens(&attention(&qk[from], &qk[to], &v[to]));
    let contexts = (0..lengths.len()).map(|image| towards(image, image ^ 1));
    Tensor::cat(&contexts.collect::<Vec<_>>(), 0)
}

/// The number of tokens that all images have.
fn common(lengths: &[usize]) -> Option<i64> {
    let first = *lengths.first()?;
    lengths.iter().all(|length| *length == first).then_some(first as i64)
}

/// `[images, N, 4, 64]` of `[R, 4, 64]`.
fn images(rows: &Tensor, length: i64) -> Tensor {
    rows.reshape([-1, length, NUM_HEADS, HEAD_DIM])
}

/// `[1, N, 4, 64]` of each image.
fn split(rows: &Tensor, lengths: &[usize]) -> Vec<Tensor> {
    let lengths: Vec<i64> = lengths.iter().map(|&length| length as i64).collect();
    rows.split_with_sizes(lengths, 0).iter().map(|image| image.unsqueeze(0)).collect()
}

/// `[R, 256]` of `[images, N, 4, 64]`.
fn tokens(images: &Tensor) -> Tensor {
    images.reshape([-1, DIM])
}

/// Part `[R, 4, 64]` of a projection.
fn heads(projected: &Tensor, part: i64) -> Tensor {
    projected.narrow(1, part * DIM, DIM).reshape([-1, NUM_HEADS, HEAD_DIM])
}

/// Rotates each pair of channels by its angle, in fp32.
fn rotated(x: &Tensor, rotation: &Tensor) -> Tensor {
    let pairs = x.to_kind(tch::Kind::Float).reshape([-1, NUM_HEADS, HEAD_DIM / 2, 2]);
    let (a, b) = (pairs.select(3, 0), pairs.select(3, 1));
    let [cos, sin] = [0, 1].map(|part| rotation.narrow(1, part * HEAD_DIM / 2, HEAD_DIM / 2).unsqueeze(1));
    let turned = Tensor::stack(&[&a * &cos - &b * &sin, &b * &cos + &a * &sin], 3);
    turned.reshape([-1, NUM_HEADS, HEAD_DIM]).to_kind(x.kind())
}

/// Swaps the images of each pair.
fn partners(images: &Tensor) -> Tensor {
    let size = images.size();
    images.reshape([-1, 2, size[1], size[2], size[3]]).flip([1]).reshape(&size)
}

/// `q, k, v [images, N, 4, 64]` to context `[images, N, 4, 64]`.
fn attention(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    let [q, k, v] = [q, k, v].map(|x| x.transpose(1, 2));
    Tensor::scaled_dot_product_attention::<&Tensor>(&q, &k, &v, None, 0.0, false, LN_2, false).transpose(1, 2)
}
