//! `scene3d.Tensor`: a tensor of the engine in host memory, seen by NumPy, torch and others without a copy.

use std::sync::Arc;

use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyTuple};
use scene3d_tensor as core;
use scene3d_tensor::{DType, Device, Element};

use crate::capsule;
use crate::failure::Failure;

/// A tensor in host memory. Views of it live on when it is gone, and are read-only: others may be reading it.
#[pyclass(module = "scene3d", frozen)]
pub(crate) struct Tensor(Arc<core::Tensor>);

impl Tensor {
    pub(crate) fn new(tensor: core::Tensor) -> Self {
        Self(Arc::new(tensor))
    }

    pub(crate) fn of<T: Element>(values: Vec<T>, shape: &[i64]) -> Result<Self, Failure> {
        Ok(Self::new(core::Tensor::from_vec(values, shape)?))
    }

    /// What is a tensor already, or a view of whatever speaks DLPack.
    pub(crate) fn from_any(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(tensor) = object.cast::<Self>() {
            return Ok(tensor.get().share());
        }
        let tensor = capsule::take(object)?;
        match tensor.view().device() {
            Device::Cpu => Ok(Self::new(tensor)),
            device => Err(PyBufferError::new_err(format!("it lies on {device}, expected host memory"))),
        }
    }

    pub(crate) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    pub(crate) fn view(&self) -> core::TensorView<'_> {
        self.0.view()
    }
}

#[pymethods]
impl Tensor {
    #[staticmethod]
    fn from_dlpack(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::from_any(array)
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.view().shape())
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        match self.view().dtype() {
            DType::U8 => "uint8",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::F16 => "float16",
            DType::Bf16 => "bfloat16",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.view().size_bytes()
    }

    fn __len__(&self) -> usize {
        self.view().shape().first().map_or(0, |&side| side.max(0) as usize)
    }

    fn __repr__(&self) -> String {
        let shape: Vec<String> = self.view().shape().iter().map(ToString::to_string).collect();
        format!("scene3d.Tensor([{}], {})", shape.join(", "), self.dtype())
    }

    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<Py<PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        if stream.is_some_and(|stream| !stream.is_none(py)) {
            return Err(PyBufferError::new_err("host memory has no streams: pass stream=None"));
        }
        if dl_device.is_some_and(|device| device != Device::Cpu.to_numbers()) {
            return Err(PyBufferError::new_err(format!(
                "it lies in host memory, device {:?}",
                Device::Cpu.to_numbers()
            )));
        }
        let tensor = match copy {
            Some(true) => self.view().to_tensor().map_err(Failure::from)?,
            _ => core::Tensor::share(&self.0),
        };
        match max_version {
            Some((1.., _)) => capsule::versioned(py, tensor),
            _ => capsule::unversioned(py, tensor),
        }
    }

    fn __dlpack_device__(&self) -> (i32, i32) {
        Device::Cpu.to_numbers()
    }

    fn numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("numpy")?.call_method1("from_dlpack", (slf,))
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let view = Self::numpy(slf)?;
        let options = PyDict::new(slf.py());
        options.set_item("copy", copy == Some(true))?;
        match dtype {
            Some(dtype) => view.call_method("astype", (dtype,), Some(&options)),
            None if copy == Some(true) => view.call_method0("copy"),
            None => Ok(view),
        }
    }
}
