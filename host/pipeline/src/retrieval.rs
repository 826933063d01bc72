//! Similar images by one global vector each: VLAD of the local descriptors already computed.
//!
//! Jégou et al., "Aggregating local descriptors into a compact image representation", CVPR 2010, with the signed square
//! root of Arandjelović & Zisserman, "All about VLAD", CVPR 2013. The codebook is trained on the set itself.

use crate::{Cancel, PipelineError};

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

/// How similar images are looked for.
pub(crate) struct Retrieval<'a> {
    pub num_neighbors: usize,
    pub codebook_size: usize,
    pub threads: usize,
    pub cancel: &'a Cancel,
}

impl Retrieval<'_> {
    /// A vector for each of these images.
    pub(crate) fn describe(
        &self,
        images: &impl ImageDescriptors,
        which: impl ExactSizeIterator<Item = usize>,
        codebook: &[Vec<f32>],
    ) -> Result<Vec<Vec<f32>>, PipelineError> {
        let which: Vec<usize> = which.collect();
        self.parallel(which.len(), |place| images.read(which[place], |values, dim| self.vlad(values, dim, codebook))?)
    }

    /// Per vector the indices of its `num_neighbors` most similar ones, best first.
    pub(crate) fn rank(&self, vectors: &[Vec<f32>]) -> Result<Vec<Vec<usize>>, PipelineError> {
        self.parallel(vectors.len(), |index| {
            self.cancel.check()?;
            Ok(neighbors(index, vectors, self.num_neighbors))
        })
    }

    /// Lloyd's algorithm on a sample, started from evenly spaced descriptors: no random number is needed.
    pub(crate) fn train(&self, images: &impl ImageDescriptors) -> Result<Vec<Vec<f32>>, PipelineError> {
        let sample = sample(images)?;
        let spacing = (sample.len() / self.codebook_size.max(1)).max(1);
        let mut centres: Vec<Vec<f32>> = sample.iter().step_by(spacing).take(self.codebook_size).cloned().collect();
        for _ in 0..NUM_ROUNDS {
            let mut sums = vec![(vec![0.0_f32; centres.first().map_or(0, Vec::len)], 0_u32); centres.len()];
            for row in &sample {
                self.cancel.check()?;
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

    fn vlad(&self, values: &[f32], dim: usize, centres: &[Vec<f32>]) -> Result<Vec<f32>, PipelineError> {
        if values.is_empty() || centres.is_empty() {
            return Ok(Vec::new());
        }
        let mut vector = vec![0.0_f32; centres.len() * dim];
        for row in values.chunks_exact(dim.max(1)) {
            self.cancel.check()?;
            let word = nearest(row, centres);
            let residuals = &mut vector[word * dim..(word + 1) * dim];
            for ((residual, value), centre) in residuals.iter_mut().zip(row).zip(&centres[word]) {
                *residual += value - centre;
            }
        }
        vector.iter_mut().for_each(|v| *v = v.signum() * v.abs().sqrt());
        let norm = dot(&vector, &vector).sqrt().max(f32::MIN_POSITIVE);
        vector.iter_mut().for_each(|v| *v /= norm);
        Ok(vector)
    }

    fn parallel<T: Send>(
        &self,
        count: usize,
        of: impl Fn(usize) -> Result<T, PipelineError> + Sync,
    ) -> Result<Vec<T>, PipelineError> {
        let chunk = count.div_ceil(self.threads.max(1)).max(1);
        let of = &of;
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..count)
                .step_by(chunk)
                .map(|start| scope.spawn(move || (start..count.min(start + chunk)).map(of).collect::<Vec<_>>()))
                .collect();
            // a worker only panics on a bug of this file; pass it on
            let joined = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload)));
            joined.flatten().collect()
        })
    }
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

fn nearest(row: &[f32], centres: &[Vec<f32>]) -> usize {
    let distance = |centre: &Vec<f32>| -> f32 { row.iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum() };
    let distances = centres.iter().map(distance).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
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
        let cancel = Cancel::default();
        let of_threads = |threads| Retrieval { num_neighbors: 1, codebook_size: 8, threads, cancel: &cancel };
        let mix = |own: &[f32], seed| [own, &descriptors(seed, 10, 16)].concat();
        let images = [mix(&a, 3), mix(&b, 4), mix(&a, 5), mix(&b, 6), Vec::new()];
        let most_similar = |threads| {
            let (retrieval, images) = (of_threads(threads), InMemory(&images));
            let codebook = retrieval.train(&images).unwrap();
            retrieval.rank(&retrieval.describe(&images, 0..images.num_images(), &codebook).unwrap()).unwrap()
        };
        let found = most_similar(2);
        assert_eq!(found, vec![vec![2], vec![3], vec![0], vec![1], vec![]]);
        assert_eq!(found, most_similar(1), "same at every thread count");
    }
}
