//! Attention on the CPU in bf16: packs tokens for the kernel, shares heads among threads, collects the contexts.

mod kernel;
mod pack;

use std::thread;

use multiversion::multiversion;
use multiversion::target::match_target;
use scene3d_torch::Result;
use tch::{Kind, Tensor};

use crate::parameters::{DIM, NUM_HEADS};
use kernel::{Backward, Key, PAIRS, Query};
use pack::{Channels, Tokens};

/// Context of one head: pairs of bf16, one row a token.
type HeadContext = Vec<[u32; PAIRS]>;

/// Pairs of bf16 in a token of the context.
const TOKEN_PAIRS: usize = DIM as usize / 2;

/// Whether this CPU has the instructions.
#[multiversion(targets("x86_64+avx512f+avx512bf16"))]
pub fn is_available() -> bool {
    match_target! { "x86_64+avx512f+avx512bf16" => true, _ => false }
}

#[multiversion(targets("x86_64+avx512f+avx512bf16"))]
fn attend(query: &Query, key: &Key, out: &mut [[u32; PAIRS]]) {
    match_target! {
        "x86_64+avx512f+avx512bf16" => kernel::attend::<false>(query, key, &mut [], out),
        _ => { let _unavailable = (query, key, out); },
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bf16"))]
fn attend_both(query: &Query, key: &Key, backward: &mut [Backward], out: &mut [[u32; PAIRS]]) {
    match_target! {
        "x86_64+avx512f+avx512bf16" => kernel::attend::<true>(query, key, backward, out),
        _ => { let _unavailable = (query, key, backward, out); },
    }
}

/// Context within each image; see [`super::Attention::within`].
pub fn within(projected: &Tensor, rotation: &Tensor, lengths: &[usize], num_threads: usize) -> Result<Tensor> {
    let projected = scene3d_tensor::torch::to_dlpack(&projected.view_dtype(Kind::Int))?;
    let rotation = scene3d_tensor::torch::to_dlpack(rotation)?;
    let tokens = Tokens::new(projected.view().as_slice()?, 3);
    let rotation = rotation.view().as_slice::<f32>()?;
    let images = first_rows(lengths);
    let contexts = map_in_order(num_threads, images.len() * NUM_HEADS as usize, |task| {
        let (head, &(first, num)) = (task % NUM_HEADS as usize, &images[task / NUM_HEADS as usize]);
        let [q, k, v] = [0, 1, 2].map(|part| tokens.channels(first, num, part, head));
        let (query, key) = (Query::rotated(&q, rotation), Key::rotated(&k, &v, rotation));
        let mut out = vec![[0; PAIRS]; num];
        attend(&query, &key, &mut out);
        out
    });
    let rows = contexts.chunks(NUM_HEADS as usize).zip(&images);
    Ok(collect(
        lengths,
        rows.flat_map(|(heads, &(first, _))| heads.iter().enumerate().map(move |(h, c)| (first, h, c))),
    ))
}

/// Context in the other image of each pair; see [`super::Attention::across`].
pub fn across(projected: &Tensor, lengths: &[usize], num_threads: usize) -> Result<Tensor> {
    let projected = scene3d_tensor::torch::to_dlpack(&projected.view_dtype(Kind::Int))?;
    let tokens = Tokens::new(projected.view().as_slice()?, 2);
    let images = first_rows(lengths);
    let (pairs, _) = images.as_chunks::<2>();
    let contexts = map_in_order(num_threads, pairs.len() * NUM_HEADS as usize, |task| {
        let (head, pair) = (task % NUM_HEADS as usize, &pairs[task / NUM_HEADS as usize]);
        let part = |image: usize, part| tokens.channels(pair[image].0, pair[image].1, part, head);
        both_directions([part(0, 0), part(0, 1)], [part(1, 0), part(1, 1)])
    });
    let rows = contexts.chunks(NUM_HEADS as usize).zip(pairs);
    Ok(collect(
        lengths,
        rows.flat_map(|(heads, pair)| {
            heads.iter().enumerate().flat_map(move |(h, [c0, c1])| [(pair[0].0, h, c0), (pair[1].0, h, c1)])
        }),
    ))
}

/// Contexts of a head for `[qk, v]` of both images.
fn both_directions([qk0, v0]: [Channels<'_>; 2], [qk1, v1]: [Channels<'_>; 2]) -> [HeadContext; 2] {
    let (query, key) = (Query::with_values(&qk0, &v0), Key::plain(&qk1, &v1));
    let mut out = vec![[0; PAIRS]; query.num];
    let mut backward = vec![Backward::new(); key.keys.len()];
    attend_both(&query, &key, &mut backward, &mut out);
    let back = backward.iter().flat_map(Backward::context).take(key.num).collect();
    [out, back]
}

/// First row and number of rows of each image.
fn first_rows(lengths: &[usize]) -> Vec<(usize, usize)> {
    let mut first = 0;
    let next = |&num: &usize| {
        first += num;
        (first - num, num)
    };
    lengths.iter().map(next).collect()
}

/// Context `[R, 256]` of `(first row, head, rows)`.
fn collect<'a>(lengths: &[usize], parts: impl Iterator<Item = (usize, usize, &'a HeadContext)>) -> Tensor {
    let num_rows = lengths.iter().sum::<usize>();
    let mut context = vec![0_u32; num_rows * TOKEN_PAIRS];
    for (first, head, rows) in parts {
        let tokens = context[first * TOKEN_PAIRS..].chunks_exact_mut(TOKEN_PAIRS);
        for (token, row) in tokens.zip(rows) {
            token[head * PAIRS..][..PAIRS].copy_from_slice(row);
        }
    }
    Tensor::from_data_size(bytemuck::cast_slice(&context), &[num_rows as i64, DIM], Kind::BFloat16)
}

/// `[f(0), .., f(num_tasks - 1)]`, computed by up to `num_threads` threads.
fn map_in_order<T: Send>(num_threads: usize, num_tasks: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let num_threads = num_threads.min(num_tasks).max(1);
    if num_threads == 1 {
        return (0..num_tasks).map(f).collect();
    }
    let mut results: Vec<Option<T>> = (0..num_tasks).map(|_| None).collect();
    let per_thread = num_tasks.div_ceil(num_threads);
    thread::scope(|scope| {
        for (share, results) in results.chunks_mut(per_thread).enumerate() {
            let f = &f;
            scope.spawn(move || {
                for (i, result) in results.iter_mut().enumerate() {
                    *result = Some(f(share * per_thread + i));
                }
            });
        }
    });
    results.into_iter().flatten().collect()
}
