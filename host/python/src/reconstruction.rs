//! `scene3d.Reconstruction`: what a run made, in memory and where its files lie.

use pyo3::prelude::*;
use scene3d_pipeline::Outcome;
use scene3d_scene as scene;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::tensor::Tensor;

/// The model with most registered images, and figures of the run.
#[pyclass(module = "scene3d", frozen)]
pub(crate) struct Reconstruction {
    outcome: Outcome,
    names: Vec<String>,
    /// `[R, 3, 4] f64`
    cam_from_world: Tensor,
    /// `[P, 3] f64`
    points: Tensor,
    /// `[P, 3] u8`
    colors: Tensor,
    /// Removed with this, where no folder was given.
    _scratch: Option<TempDir>,
}

impl Reconstruction {
    pub(crate) fn new(outcome: Outcome, scratch: Option<TempDir>) -> Result<Self, Failure> {
        let nothing = scene::Reconstruction::default();
        let model = outcome.models.first().unwrap_or(&nothing);
        let (num_images, num_points) = (model.images.len() as i64, model.points3d.len() as i64);
        let poses = model.images.values().flat_map(|image| row_major(&image.cam_from_world)).collect();
        let points = model.points3d.values().flat_map(|point| <[f64; 3]>::from(point.x_in_world)).collect();
        let colors: Vec<u8> = model.points3d.values().flat_map(|point| point.color).collect();
        Ok(Self {
            names: model.images.values().map(|image| image.name.clone()).collect(),
            cam_from_world: Tensor::of(poses, &[num_images, 3, 4])?,
            points: Tensor::of(points, &[num_points, 3])?,
            colors: Tensor::of(colors, &[num_points, 3])?,
            outcome,
            _scratch: scratch,
        })
    }
}

/// `[R | t]`
fn row_major(pose: &scene::Rigid3) -> [f64; 12] {
    let (rotation, translation) = (pose.rotation.to_rotation_matrix(), pose.translation);
    std::array::from_fn(|index| match (index / 4, index % 4) {
        (row, 3) => translation[row],
        (row, column) => rotation[(row, column)],
    })
}

#[pymethods]
impl Reconstruction {
    #[getter]
    fn out(&self) -> String {
        self.outcome.out.to_string_lossy().into_owned()
    }

    #[getter]
    fn report(&self) -> String {
        self.outcome.report.to_string_lossy().into_owned()
    }

    #[getter]
    fn num_images(&self) -> usize {
        self.outcome.num_images
    }

    #[getter]
    fn num_registered(&self) -> usize {
        self.outcome.statistics.num_registered
    }

    #[getter]
    fn num_models(&self) -> usize {
        self.outcome.models.len()
    }

    #[getter]
    fn mean_reprojection_error_px(&self) -> f64 {
        self.outcome.statistics.mean_reprojection_error_px
    }

    #[getter]
    fn secs(&self) -> f64 {
        self.outcome.secs
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    #[getter]
    fn cam_from_world(&self) -> Tensor {
        self.cam_from_world.share()
    }

    #[getter]
    fn points(&self) -> Tensor {
        self.points.share()
    }

    #[getter]
    fn colors(&self) -> Tensor {
        self.colors.share()
    }

    fn __repr__(&self) -> String {
        let (registered, points) = (self.num_registered(), self.points.view().shape()[0]);
        format!("scene3d.Reconstruction({registered} of {} images, {points} points)", self.num_images())
    }
}
