//! `scene3d.Matches` and `scene3d.Correspondences`: what a matcher found in a pair.

use pyo3::prelude::*;
use scene3d_pipeline::PairFound;

use crate::failure::Failure;
use crate::tensor::Tensor;

/// Pairs of keypoints.
#[pyclass(module = "scene3d", frozen)]
pub(crate) struct Matches {
    /// `[M, 2] u32`
    indices: Tensor,
    /// `[M] f32`
    scores: Tensor,
}

/// Pairs of positions.
#[pyclass(module = "scene3d", frozen)]
pub(crate) struct Correspondences {
    /// `[M, 4] f32`
    points: Tensor,
    /// `[M] f32`
    scores: Tensor,
}

/// Either, as Python sees it.
#[derive(IntoPyObject)]
pub(crate) enum Found {
    Matches(Matches),
    Correspondences(Correspondences),
}

impl Found {
    pub(crate) fn new(found: PairFound) -> Result<Self, Failure> {
        Ok(match found {
            PairFound::Matches(found) => {
                let len = found.len() as i64;
                let indices = Tensor::of(found.indices.into_flattened(), &[len, 2])?;
                Self::Matches(Matches { indices, scores: Tensor::of(found.scores, &[len])? })
            }
            PairFound::Correspondences(found) => {
                let len = found.len() as i64;
                let points = Tensor::of(found.points.into_flattened(), &[len, 4])?;
                Self::Correspondences(Correspondences { points, scores: Tensor::of(found.scores, &[len])? })
            }
        })
    }
}

fn len(tensor: &Tensor) -> usize {
    tensor.view().num_elements()
}

#[pymethods]
impl Matches {
    #[getter]
    fn indices(&self) -> Tensor {
        self.indices.share()
    }

    #[getter]
    fn scores(&self) -> Tensor {
        self.scores.share()
    }

    fn __len__(&self) -> usize {
        len(&self.scores)
    }

    fn __repr__(&self) -> String {
        format!("scene3d.Matches({})", len(&self.scores))
    }
}

#[pymethods]
impl Correspondences {
    #[getter]
    fn points(&self) -> Tensor {
        self.points.share()
    }

    #[getter]
    fn scores(&self) -> Tensor {
        self.scores.share()
    }

    fn __len__(&self) -> usize {
        len(&self.scores)
    }

    fn __repr__(&self) -> String {
        format!("scene3d.Correspondences({})", len(&self.scores))
    }
}
