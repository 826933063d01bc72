//! What the network says of every cell of 8 x 8 px, in host memory.

/// Side of a cell, px.
pub const CELL: usize = 8;
/// Pixels of a cell and "no keypoint here".
pub const NUM_LOGITS: usize = CELL * CELL + 1;
/// D
pub const DIM: usize = 256;
/// Least norm to divide by (torch's `normalize`).
const MIN_NORM: f32 = 1e-12;

/// Logits and descriptors of the cells.
#[derive(Debug)]
pub struct Dense {
    /// `[height, width, 65]`
    pub logits: Vec<f32>,
    /// `[height, width, 256]`, unit length
    pub descriptors: Vec<f32>,
    /// Rows of cells.
    pub height: usize,
    /// Columns of cells.
    pub width: usize,
}

/// A score in 0..1 for every px of the cells.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreMap {
    /// `[height, width]`
    pub values: Vec<f32>,
    /// px
    pub height: usize,
    /// px
    pub width: usize,
}

impl Dense {
    /// Of logits and descriptors, which are brought to unit length.
    pub fn new(logits: Vec<f32>, mut descriptors: Vec<f32>, height: usize, width: usize) -> Self {
        descriptors.chunks_exact_mut(DIM).for_each(normalize);
        Self { logits, descriptors, height, width }
    }

    /// Softmax over a cell's logits; logit 8a + b is that of row a, column b of the cell.
    pub fn scores(&self) -> ScoreMap {
        let (height, width) = (self.height * CELL, self.width * CELL);
        let mut values = vec![0.0; height * width];
        for (cell, logits) in self.logits.as_chunks::<NUM_LOGITS>().0.iter().enumerate() {
            let probabilities = softmax(logits);
            let corner = cell / self.width * CELL * width + cell % self.width * CELL;
            for (row, probabilities) in probabilities.as_chunks::<CELL>().0.iter().enumerate() {
                values[corner + row * width..][..CELL].copy_from_slice(probabilities);
            }
        }
        ScoreMap { values, height, width }
    }

    /// Descriptors `[N, 256]`, unit length, at px indices (x, y): bilinear between the centres of cells, zero outside.
    pub fn sample(&self, positions: &[[f32; 2]]) -> Vec<f32> {
        let mut sampled = vec![0.0; positions.len() * DIM];
        for (position, out) in positions.iter().zip(sampled.chunks_exact_mut(DIM)) {
            let [x, y] = position.map(|index| (index + 0.5) / CELL as f32 - 0.5);
            let (left, top) = (x.floor(), y.floor());
            let (right_share, bottom_share) = (x - left, y - top);
            self.add(out, top, left, (1.0 - bottom_share) * (1.0 - right_share));
            self.add(out, top, left + 1.0, (1.0 - bottom_share) * right_share);
            self.add(out, top + 1.0, left, bottom_share * (1.0 - right_share));
            self.add(out, top + 1.0, left + 1.0, bottom_share * right_share);
            normalize(out);
        }
        sampled
    }

    fn add(&self, out: &mut [f32], y: f32, x: f32, share: f32) {
        if y < 0.0 || x < 0.0 || y >= self.height as f32 || x >= self.width as f32 {
            return;
        }
        let cell = y as usize * self.width + x as usize;
        for (sum, value) in out.iter_mut().zip(&self.descriptors[cell * DIM..]) {
            *sum += share * value;
        }
    }
}

fn softmax(logits: &[f32; NUM_LOGITS]) -> [f32; NUM_LOGITS] {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials = logits.map(|logit| (logit - max).exp());
    let sum: f32 = exponentials.iter().sum();
    exponentials.map(|exponential| exponential / sum)
}

fn normalize(descriptor: &mut [f32]) {
    let norm = descriptor.iter().map(|value| value * value).sum::<f32>().sqrt().max(MIN_NORM);
    descriptor.iter_mut().for_each(|value| *value /= norm);
}
