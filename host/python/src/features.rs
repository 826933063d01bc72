//! `scene3d.Features`: what an extractor found in a photo, or what somebody else's did.

use std::path::PathBuf;

use pyo3::prelude::*;
use scene3d_tensor::{Dimensions, ShapeSpec, TensorError};
use scene3d_wire as wire;

use crate::failure::Failure;
use crate::tensor::Tensor;

/// Keypoints of one image with scores and descriptors, in host memory.
#[pyclass(module = "scene3d", frozen)]
pub(crate) struct Features {
    /// `[N, 2] f32, px, original image, top-left pixel centre at (0.5, 0.5)`
    pub keypoints: Tensor,
    /// `[N] f32`
    pub scores: Tensor,
    /// `[N, D] f32`
    pub descriptors: Tensor,
    /// `[width, height]`
    pub image_size: [u32; 2],
    pub name: String,
    /// For matchers that look at the photo.
    pub path: Option<PathBuf>,
}

impl Features {
    pub(crate) fn of_photo(found: wire::Features, photo: &scene3d_pipeline::Photo) -> Self {
        Self {
            keypoints: Tensor::new(found.keypoints),
            scores: Tensor::new(found.scores),
            descriptors: Tensor::new(found.descriptors),
            image_size: photo.info.image_size,
            name: photo.info.name.clone(),
            path: Some(photo.path.clone()),
        }
    }

    /// The same tensors for a thread that has no Python.
    pub(crate) fn share(&self) -> Self {
        Self {
            keypoints: self.keypoints.share(),
            scores: self.scores.share(),
            descriptors: self.descriptors.share(),
            image_size: self.image_size,
            name: self.name.clone(),
            path: self.path.clone(),
        }
    }

    pub(crate) fn num_keypoints(&self) -> usize {
        self.keypoints.view().shape().first().map_or(0, |&side| side.max(0) as usize)
    }

    pub(crate) fn view(&self) -> wire::ImageFeatures<'_> {
        wire::ImageFeatures {
            keypoints: self.keypoints.view(),
            scores: self.scores.view(),
            descriptors: self.descriptors.view(),
            image_size: self.image_size,
            pixels: None,
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let mut dimensions = Dimensions::new();
        for (name, tensor, spec) in [
            ("keypoints", &self.keypoints, "[N, 2]"),
            ("scores", &self.scores, "[N]"),
            ("descriptors", &self.descriptors, "[N, D]"),
        ] {
            check(tensor, spec, &mut dimensions).map_err(|error| Failure::of_input(format!("{name}: {error}")))?;
        }
        Ok(())
    }
}

fn check(tensor: &Tensor, spec: &str, dimensions: &mut Dimensions) -> Result<(), TensorError> {
    let view = tensor.view();
    spec.parse::<ShapeSpec>()?.check(view.shape(), dimensions)?;
    view.as_slice::<f32>().map(drop)
}

#[pymethods]
impl Features {
    #[new]
    #[pyo3(signature = (keypoints, scores, descriptors, image_size, *, name=String::new(), path=None))]
    fn new(
        keypoints: &Bound<'_, PyAny>,
        scores: &Bound<'_, PyAny>,
        descriptors: &Bound<'_, PyAny>,
        image_size: [u32; 2],
        name: String,
        path: Option<PathBuf>,
    ) -> PyResult<Self> {
        let [keypoints, scores, descriptors] = [keypoints, scores, descriptors].map(Tensor::from_any);
        let (keypoints, scores, descriptors) = (keypoints?, scores?, descriptors?);
        let features = Self { keypoints, scores, descriptors, image_size, name, path };
        features.check()?;
        Ok(features)
    }

    #[getter]
    fn keypoints(&self) -> Tensor {
        self.keypoints.share()
    }

    #[getter]
    fn scores(&self) -> Tensor {
        self.scores.share()
    }

    #[getter]
    fn descriptors(&self) -> Tensor {
        self.descriptors.share()
    }

    #[getter]
    fn image_size(&self) -> (u32, u32) {
        self.image_size.into()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    #[getter]
    fn path(&self) -> Option<String> {
        self.path.as_ref().map(|path| path.to_string_lossy().into_owned())
    }

    fn __len__(&self) -> usize {
        self.num_keypoints()
    }

    fn __repr__(&self) -> String {
        format!("scene3d.Features({:?}, {} keypoints)", self.name, self.num_keypoints())
    }
}
