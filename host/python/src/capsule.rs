//! DLPack capsules: how tensors of one library become views of another's, without a copy.
#![allow(unsafe_code)] // capsules hold raw pointers, and DLPack is a C interface

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods, PyDict};
use scene3d_tensor::Tensor;

use crate::failure::Failure;

/// Names of capsules that nobody took from (DLPack's Python specification); whoever takes it puts `used_` in front.
const VERSIONED: &CStr = c"dltensor_versioned";
const UNVERSIONED: &CStr = c"dltensor";
const USED_VERSIONED: &CStr = c"used_dltensor_versioned";
const USED_UNVERSIONED: &CStr = c"used_dltensor";

/// A capsule that owns the tensor until somebody takes it.
pub(crate) fn versioned(py: Python<'_>, tensor: Tensor) -> PyResult<Bound<'_, PyCapsule>> {
    // SAFETY: the pointer is a tensor that the capsule owns; its destructor frees it on any thread.
    unsafe { capsule(py, tensor.into_raw(), VERSIONED, drop_versioned) }
}

/// The same in the form before DLPack 1.0.
pub(crate) fn unversioned(py: Python<'_>, tensor: Tensor) -> PyResult<Bound<'_, PyCapsule>> {
    // SAFETY: as above.
    unsafe { capsule(py, tensor.into_raw_unversioned(), UNVERSIONED, drop_unversioned) }
}

/// Takes the tensor of any object with `__dlpack__`; its memory is freed when the result is.
pub(crate) fn take(from: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let py = from.py();
    let versions = PyDict::new(py);
    versions.set_item("max_version", (1, 0))?;
    let capsule = match from.call_method("__dlpack__", (), Some(&versions)) {
        // it knows no versions
        Err(error) if error.is_instance_of::<PyTypeError>(py) => from.call_method0("__dlpack__")?,
        capsule => capsule?,
    };
    let capsule = capsule.cast_into::<PyCapsule>()?;
    let is_named = |name: &CStr| capsule.is_valid_checked(Some(name));
    if is_named(VERSIONED) {
        let tensor = taken(&capsule, VERSIONED, USED_VERSIONED)?;
        // SAFETY: a capsule of that name holds a `DLManagedTensorVersioned`, which is ours since it was renamed.
        Ok(unsafe { Tensor::from_raw(tensor) }.map_err(Failure::from)?)
    } else if is_named(UNVERSIONED) {
        let tensor = taken(&capsule, UNVERSIONED, USED_UNVERSIONED)?;
        // SAFETY: as above, of a `DLManagedTensor`.
        Ok(unsafe { Tensor::from_raw_unversioned(tensor) }.map_err(Failure::from)?)
    } else {
        Err(PyBufferError::new_err("its __dlpack__ gave a capsule that holds no tensor"))
    }
}

/// # Safety
/// `pointer` is a tensor of the form that `name` says, and `destructor` frees that.
unsafe fn capsule<'py>(
    py: Python<'py>,
    pointer: *mut c_void,
    name: &'static CStr,
    destructor: ffi::PyCapsule_Destructor,
) -> PyResult<Bound<'py, PyCapsule>> {
    let pointer = NonNull::new(pointer).ok_or_else(|| PyBufferError::new_err("the tensor has no address"))?;
    // SAFETY: as the caller says.
    unsafe { PyCapsule::new_with_pointer_and_destructor(py, pointer, name, Some(destructor)) }
}

fn taken(capsule: &Bound<'_, PyCapsule>, name: &CStr, used: &'static CStr) -> PyResult<*mut c_void> {
    let pointer = capsule.pointer_checked(Some(name))?;
    // SAFETY: this is a capsule, and the name lives for ever.
    match unsafe { ffi::PyCapsule_SetName(capsule.as_ptr(), used.as_ptr()) } {
        0 => Ok(pointer.as_ptr()),
        _ => Err(PyErr::fetch(capsule.py())),
    }
}

unsafe extern "C" fn drop_versioned(capsule: *mut PyObject) {
    // SAFETY: Python calls this once with the capsule; a renamed one is another's business.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, VERSIONED.as_ptr()) == 1 {
            drop(Tensor::from_raw(ffi::PyCapsule_GetPointer(capsule, VERSIONED.as_ptr())));
        }
    }
}

unsafe extern "C" fn drop_unversioned(capsule: *mut PyObject) {
    // SAFETY: as above.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, UNVERSIONED.as_ptr()) == 1 {
            Tensor::drop_unversioned(ffi::PyCapsule_GetPointer(capsule, UNVERSIONED.as_ptr()));
        }
    }
}
