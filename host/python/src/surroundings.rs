//! The Python process around the extension: where the package lies, and whose libtorch is loaded.

use std::path::PathBuf;

use pyo3::prelude::*;
use scene3d_engine::{ErrorCode, LIBTORCH_VERSION, Negotiated, Registry};

use crate::failure::Failure;

/// The folder of the package, beside which plugins and weights may lie.
pub(crate) fn package_folder(py: Python<'_>) -> PyResult<PathBuf> {
    let file: PathBuf = py.import("scene3d")?.getattr("__file__")?.extract()?;
    Ok(file.parent().map(PathBuf::from).unwrap_or_default())
}

/// Libraries of one name are loaded once a process: plugins of libtorch would call into that of a torch that was imported
/// before, which ends the process if it is of another version.
///
/// # Errors
/// If another version is imported and a plugin of these needs libtorch.
pub(crate) fn check_torch(py: Python<'_>, negotiated: &Negotiated, registry: &Registry) -> PyResult<()> {
    let needs_libtorch = |id: &str| registry.found(id).is_some_and(|found| found.manifest.runtime.libtorch.is_some());
    let Some(plan) = negotiated.stages().find(|plan| needs_libtorch(plan.plugin_id())) else { return Ok(()) };
    let modules = py.import("sys")?.getattr("modules")?;
    let torch = modules.call_method1("get", ("torch",))?;
    if torch.is_none() {
        return Ok(());
    }
    let version: String = torch.getattr("__version__")?.str()?.extract()?;
    if version.split('+').next() == Some(LIBTORCH_VERSION) {
        return Ok(());
    }
    let message = format!(
        "plugin `{}` needs libtorch {LIBTORCH_VERSION}, and torch {version} is imported: two builds of it can't live in one \
         process",
        plan.plugin_id()
    );
    let help = format!("install torch=={LIBTORCH_VERSION}, or use scene3d in a process that does not import torch");
    Err(Failure::new(ErrorCode::INCOMPATIBLE, message, help).into())
}
