//! Similar images by one global vector each: VLAD of the local descriptors already computed.
//!
//! Jégou et al., "Aggregating local descriptors into a compact image representation", CVPR 2010, with the signed square
//! root of Arandjelović & Zisserman, "All about VLAD", CVPR 2013. The codebook is trained on the set itself.

use std::cmp::Reverse;

use crate::PipelineError;

/// Rounds of Lloyd's algorithm; the codebook changes little after that.
const NUM_ROUNDS: usize = 10;
/// Descriptors of all images that the codebook is trained on.
const MAX_TRAINING: usize = 20_000;

/// Descriptors of images, row-major `[N, D] f32`, unit length; read one image at a time, so that few are in memory.
pub(crate) trait ImageDescriptors: Sync {
    /// Number of images.
    fn num_images(&self) -> usize;
    /// `N` of an image.
    fn num_descriptors(&self, image: usize) -> usize;
    /// Reads the values of an image, and `D`.
    fn read<R>(&self, image: usize, read: impl FnOnce(&[f32], usize) -> R) -> Result<R, PipelineError>;
}

/// Per image the indices of its `num_neighbors` most similar images, best first.
pub(crate) fn most_similar(
    images: &impl ImageDescriptors,
    num_neighbors: usize,
    codebook_size: usize,
    threads: usize,
) -> Result<Vec<Vec<usize>>, PipelineError> {
    let codebook = train(images, codebook_size)?;
    let vectors =
        parallel(images.num_images(), threads, |image| images.read(image, |values, dim| vlad(values, dim, &codebook)));
    let vectors = vectors.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(parallel(images.num_images(), threads, |index| neighbors(index, &vectors, num_neighbors)))
}

fn neighbors(index: usize, vectors: &[Vec<f32>], num_neighbors: usize) -> Vec<usize> {
    let mut ranked: Vec<(f32, usize)> = (0..vectors.len())
        .filter(|&other| other != index && !vectors[other].is_empty() && !vectors[index].is_empty())
        .map(|other| (dot(&vectors[index], &vectors[other]), other))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.into_iter().take(num_neighbors).map(|(_, other)| other).collect()
}

/// An even sample of the descriptors of all images.
fn sample(images: &impl ImageDescriptors) -> Result<Vec<Vec<f32>>, PipelineError> {
    let total: usize = (0..images.num_images()).map(|image| images.num_descriptors(image)).sum();
    let step = total.div_ceil(MAX_TRAINING).max(1);
    let (mut rows, mut before) = (Vec::with_capacity(total / step + 1), 0_usize);
    for image in 0..images.num_images() {
        let skipped = before.next_multiple_of(step) - before;
        before += images.num_descriptors(image);
        images.read(image, |values, dim| {
            rows.extend(values.chunks_exact(dim.max(1)).skip(skipped).step_by(step).map(<[f32]>::to_vec));
        })?;
    }
    Ok(rows)
}

/// Lloyd's algorithm on a sample, started from evenly spaced descriptors: no random number is needed.
fn train(images: &impl ImageDescriptors, codebook_size: usize) -> Result<Vec<Vec<f32>>, PipelineError> {
    let sample = sample(images)?;
    let spacing = (sample.len() / codebook_size.max(1)).max(1);
    let mut centres: Vec<Vec<f32>> = sample.iter().step_by(spacing).take(codebook_size).cloned().collect();
    for _ in 0..NUM_ROUNDS {
        let mut sums = vec![(vec![0.0_f32; centres.first().map_or(0, Vec::len)], 0_u32); centres.len()];
        for row in &sample {
            let (sum, count) = &mut sums[nearest(row, &centres)];
            sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
            *count += 1;
        }
        for (centre, (sum, count)) in centres.iter_mut().zip(sums) {
            if count > 0 {
                *centre = sum.into_iter().map(|s| s / count as f32).collect();
            }
        }
    }
    Ok(centres)
}

fn vlad(values: &[f32], dim: usize, centres: &[Vec<f32>]) -> Vec<f32> {
    if values.is_empty() || centres.is_empty() {
        return Vec::new();
    }
    let mut vector = vec![0.0_f32; centres.len() * dim];
    for row in values.chunks_exact(dim.max(1)) {
        let word = nearest(row, centres);
        let residuals = &mut vector[word * dim..(word + 1) * dim];
        for ((residual, value), centre) in residuals.iter_mut().zip(row).zip(&centres[word]) {
            *residual += value - centre;
        }
    }
    vector.iter_mut().for_each(|v| *v = v.signum() * v.abs().sqrt());
    let norm = dot(&vector, &vector).sqrt().max(f32::MIN_POSITIVE);
    vector.iter_mut().for_each(|v| *v /= norm);
    vector
}

fn nearest(row: &[f32], centres: &[Vec<f32>]) -> usize {
    let distance = |centre: &Vec<f32>| -> f32 { row.iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum() };
    let distances = centres.iter().map(distance).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn parallel<T: Send>(count: usize, threads: usize, of: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let chunk = count.div_ceil(threads.max(1)).max(1);
    let of = &of;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .step_by(chunk)
            .map(|start| scope.spawn(move || (start..count.min(start + chunk)).map(of).collect::<Vec<T>>()))
            .collect();
        let mut parts: Vec<_> = workers.into_iter().enumerate().collect();
        parts.sort_by_key(|(index, _)| Reverse(*index));
        let mut results = Vec::with_capacity(count);
        while let Some((_, worker)) = parts.pop() {
            // a worker only panics on a bug of this file; pass it on
            results.extend(worker.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptors(seed: u32, count: usize, dim: usize) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..count * dim).map(|_| next()).collect()
    }

    /// Descriptors of 16 values.
    struct InMemory<'a>(&'a [Vec<f32>]);

    impl ImageDescriptors for InMemory<'_> {
        fn num_images(&self) -> usize {
            self.0.len()
        }

        fn num_descriptors(&self, image: usize) -> usize {
            self.0[image].len() / 16
        }

        fn read<R>(&self, image: usize, read: impl FnOnce(&[f32], usize) -> R) -> Result<R, PipelineError> {
            Ok(read(&self.0[image], 16))
        }
    }

    #[test]
    fn images_that_share_descriptors_find_each_other() {
        let (a, b) = (descriptors(1, 60, 16), descriptors(2, 60, 16));
        let mix = |own: &[f32], seed| [own, &descriptors(seed, 10, 16)].concat();
        let images = [mix(&a, 3), mix(&b, 4), mix(&a, 5), mix(&b, 6), Vec::new()];
        let found = most_similar(&InMemory(&images), 1, 8, 2).unwrap();
        assert_eq!(found, vec![vec![2], vec![3], vec![0], vec![1], vec![]]);
        assert_eq!(found, most_similar(&InMemory(&images), 1, 8, 1).unwrap(), "same at every thread count");
    }
}
