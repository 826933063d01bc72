//! Matches of two sets of tokens: mutual best entries of the partial assignment (equation 7 of the paper).
//!
//! `log P_ij = log softmax_j(S) + log softmax_i(S) + log sigmoid(z_i) + log sigmoid(z_j)` is `2 S_ij + r_i + c_j`, so
//! the matrix is never written: rows and columns are searched for their best entry under two vectors.

mod columns;

use scene3d_sdk::scene::Matches;
use scene3d_torch::{Result, transfers::to_host};
use tch::{Kind, Tensor};

use crate::exit::ExitLogits;
use crate::parameters::Linear;

pub use columns::LogAssignment;

/// Best partner of each row and column.
struct Best {
    of_row: Vec<u32>,
    row_scores: Vec<f32>,
    of_column: Vec<u32>,
}

/// Matches of rows `[M, 256]` with rows `[N, 256]`, by row of the first; searched by torch where the rows are on a device.
///
/// # Errors
/// [`scene3d_torch::TorchError`] if torch refuses an operation.
pub fn match_tokens(
    projection: &Linear,
    tokens: &[Tensor; 2],
    logits: &[ExitLogits; 2],
    filter_threshold: f32,
    is_on_device: bool,
) -> Result<Matches> {
    let similarity = similarity(projection, tokens);
    let matchability = logits.each_ref().map(|image| image.matchability.as_slice());
    let best = if is_on_device {
        best_by_torch(&similarity, matchability)?
    } else {
        let similarity = scene3d_tensor::torch::to_dlpack(&similarity)?;
        best_by_columns(similarity.view().as_slice()?, matchability)
    };
    Ok(mutual(&best, filter_threshold))
}

/// `S [M, N] f32`.
pub fn similarity(projection: &Linear, tokens: &[Tensor; 2]) -> Tensor {
    let [m, n] = tokens.each_ref().map(|tokens| projection.apply(tokens));
    m.matmul(&n.transpose(0, 1))
}

fn mutual(best: &Best, filter_threshold: f32) -> Matches {
    let mut matches = Matches::default();
    for (row, (&column, &log_score)) in best.of_row.iter().zip(&best.row_scores).enumerate() {
        let score = log_score.exp();
        if best.of_column[column as usize] as usize == row && score > filter_threshold {
            matches.indices.push([row as u32, column]);
            matches.scores.push(score);
        }
    }
    matches
}

fn best_by_columns(similarity: &[f32], matchability: [&[f32]; 2]) -> Best {
    let assignment = LogAssignment::new(similarity, matchability);
    let (of_row, row_scores) = assignment.best_of_rows(similarity);
    Best { of_row, row_scores, of_column: assignment.best_of_columns(similarity) }
}

fn best_by_torch(similarity: &Tensor, matchability: [&[f32]; 2]) -> Result<Best> {
    let [z0, z1] = matchability.map(|z| Tensor::from_slice(z).to_device(similarity.device()).log_sigmoid());
    let (rows, columns) = (z0 - similarity.logsumexp([1], false), z1 - similarity.logsumexp([0], false));
    let log_assignment = similarity * 2.0 + rows.unsqueeze(1) + columns.unsqueeze(0);
    let (row_scores, of_row) = log_assignment.max_dim(1, false);
    let of_column = log_assignment.argmax(0, false);
    // one copy: indices below 2^24 are whole numbers in f32
    let best = to_host(&Tensor::cat(&[of_row.to_kind(Kind::Float), row_scores, of_column.to_kind(Kind::Float)], 0))?;
    let best = Vec::<f32>::try_from(&best)?;
    let (of_row, best) = best.split_at(similarity.size()[0] as usize);
    let (row_scores, of_column) = best.split_at(of_row.len());
    let indices = |values: &[f32]| values.iter().map(|&index| index as u32).collect();
    Ok(Best { of_row: indices(of_row), row_scores: row_scores.to_vec(), of_column: indices(of_column) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn both_codes_find_the_same_and_ties_go_to_the_first() {
        for (m, n) in [(1, 1), (1, 40), (33, 1), (70, 53)] {
            let phase = Tensor::arange(m * n, (Kind::Double, Device::Cpu)) * 12.9898;
            let similarity = ((phase.sin() * 43_758.5).frac() * 60.0).to_kind(Kind::Float).reshape([m, n]);
            let z0: Vec<f32> = (0..m).map(|i| i as f32 - 9.0).collect();
            let z1: Vec<f32> = (0..n).map(|i| 7.0 - i as f32).collect();
            let values = Vec::<f32>::try_from(&similarity.flatten(0, 1)).unwrap();
            let (ours, torchs) =
                (best_by_columns(&values, [&z0, &z1]), best_by_torch(&similarity, [&z0, &z1]).unwrap());
            assert_eq!((&ours.of_row, &ours.of_column), (&torchs.of_row, &torchs.of_column));
            let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4 * b.abs().max(1.0);
            assert!(ours.row_scores.iter().zip(&torchs.row_scores).all(near));
        }
        let tied = best_by_columns(&[0.0; 6], [&[0.0; 2], &[0.0; 3]]);
        assert_eq!((tied.of_row, tied.of_column), (vec![0, 0], vec![0, 0, 0]));
    }
}
