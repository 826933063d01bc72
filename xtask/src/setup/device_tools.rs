//! What compiles device code without a device: NVRTC, and the headers of the CUDA runtime.

use std::path::{Path, PathBuf};

use anyhow::Result;
use scene3d_fetch::extract;

use super::cache;
use super::fetch::pinned_wheel;
use super::pinned::{CUDA_CRT, CUDA_RUNTIME, NVRTC};
use super::pip::Pip;
use super::stamp::Stamps;

const PART: &str = "device-tools";

/// Lays out `.deps/python/nvidia/cu13/{lib,include}`, beside the libraries that libtorch needs.
pub fn lay_out(deps: &Path, stamps: &Stamps, force: bool) -> Result<()> {
    let python = deps.join("python");
    let wheels = [NVRTC, CUDA_RUNTIME, CUDA_CRT];
    let wanted = format!("{}\n", wheels.map(|wheel| wheel.requirement).join(" "));
    let sentinels: Vec<PathBuf> = ["lib/libnvrtc.so.13", "include/cuda_runtime_api.h", "include/crt/host_config.h"]
        .map(|file| python.join("nvidia/cu13").join(file))
        .to_vec();
    if stamps.is_current(PART, &wanted, &sentinels) {
        return Ok(());
    }
    let (cache, pip) = (cache()?, Pip::of_setup(deps)?);
    for wheel in wheels {
        let path = pinned_wheel(&wheel, &pip, &cache)?;
        println!("unpacking {} ...", wheel.what);
        extract(&path, &python, force, place)?;
    }
    stamps.write(PART, &wanted)?;
    println!("NVRTC and CUDA's headers are in {} (NVIDIA's licence)", python.join("nvidia/cu13").display());
    Ok(())
}

/// The compiler and its built-ins, and headers.
fn place(name: &str) -> Option<String> {
    let is_library = name
        .strip_prefix("nvidia/cu13/lib/")
        .is_some_and(|file| file.starts_with("libnvrtc") && file.contains(".so") && !file.contains(".alt."));
    (is_library || name.starts_with("nvidia/cu13/include/")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_compiler_and_headers_are_placed() {
        for ours in [
            "nvidia/cu13/lib/libnvrtc.so.13",
            "nvidia/cu13/lib/libnvrtc-builtins.so.13.0",
            "nvidia/cu13/include/crt/host_config.h",
        ] {
            assert_eq!(place(ours).as_deref(), Some(ours));
        }
        for other in [
            "nvidia/cu13/lib/libnvrtc.alt.so.13",
            "nvidia/cu13/lib/libcudart.so.13",
            "nvidia_cuda_nvrtc-13.0.88.dist-info/RECORD",
        ] {
            assert_eq!(place(other), None);
        }
    }
}
