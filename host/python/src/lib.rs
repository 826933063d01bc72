//! The engine as a Python extension: the module `scene3d._engine`, which the package `scene3d` shows to its users.
//!
//! Python's side is in `python/scene3d`, its types in `_engine.pyi`, what users read in `docs/python.md`.

mod callbacks;
mod calls;
mod capsule;
mod config;
mod extract;
mod failure;
mod features;
mod found;
mod matching;
mod photos;
mod pipeline;
mod reconstruction;
mod run;
mod stages;
mod surroundings;
mod tensor;
mod watched;
mod worker;

use pyo3::prelude::*;

/// What `scene3d` is made of.
#[pymodule]
mod _engine {
    #[pymodule_export]
    use crate::features::Features;
    #[pymodule_export]
    use crate::found::{Correspondences, Matches};
    #[pymodule_export]
    use crate::pipeline::Pipeline;
    #[pymodule_export]
    use crate::reconstruction::Reconstruction;
    #[pymodule_export]
    use crate::tensor::Tensor;
    #[pymodule_export]
    use crate::worker::Worker;

    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
