//! libtorch as a LIBTORCH folder: the libraries and headers of the torch wheel, without its Python.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use scene3d_fetch::{Download, Network, download, extract};

use super::fetch;
use super::pinned::{CUDA_RUNTIME, CUPTI, OFFICIAL_LIBTORCH, TORCH, Wheel};
use super::pip::Pip;
use super::stamp::Stamps;
use super::{Options, cache};

const PART: &str = "libtorch";
const CPU_LIBRARIES: &[&str] = &["libc10.so", "libgomp.so.1", "libtorch_cpu.so"];
const CUDA_LIBRARIES: &[&str] = &[
    "libtorch.so",
    "libtorch_cuda.so",
    "libtorch_cuda_linalg.so",
    "libtorch_nvshmem.so",
    "libc10_cuda.so",
    "libcaffe2_nvrtc.so",
];
/// In place of the wheel's `libtorch.so`, which is an empty library that asks for libtorch_cuda.so.
const LINKER_SCRIPT: &str =
    "/* the CPU library alone; `cargo xtask setup --cuda` brings the real one */\nINPUT(AS_NEEDED(-ltorch_cpu))\n";

/// Lays out `.deps/python/{torch,nvidia}`.
pub fn lay_out(deps: &Path, stamps: &Stamps, options: &Options) -> Result<()> {
    let python = deps.join("python");
    let wanted = versions(options.cuda);
    let sentinels: Vec<PathBuf> =
        ["torch/lib/libtorch_cpu.so", "torch/lib/libtorch.so", "torch/include/torch/csrc/api/include/torch/torch.h"]
            .map(|file| python.join(file))
            .to_vec();
    // the CUDA layout serves CPU builds as well
    if [&wanted, &versions(true)].into_iter().any(|versions| stamps.is_current(PART, versions, &sentinels)) {
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!(
            "setup lays out libtorch for Linux on x86_64 only: unpack libtorch 2.11.0 yourself and set LIBTORCH to it"
        );
    }
    if options.official {
        official(&python, options)?;
    } else if !(stamps.may_adopt() && !options.cuda && is_complete(&python)) {
        from_wheels(deps, &python, options)?;
    }
    finish(&python)?;
    stamps.write(PART, &wanted)?;
    println!(
        "libtorch 2.11.0 is in {} (BSD-3-Clause; CUDA runtime and CUPTI: NVIDIA's licence)",
        python.join("torch").display()
    );
    Ok(())
}

fn versions(cuda: bool) -> String {
    let wheels = [TORCH, CUDA_RUNTIME, CUPTI].map(|wheel| wheel.requirement).join(" ");
    format!("{wheels} {}\n", if cuda { "cuda" } else { "cpu" })
}

/// Made by an earlier, killed run, or by hand: every file that the wheels' records list for us is there in full.
fn is_complete(python: &Path) -> bool {
    let records = ["torch-2.11.0", "nvidia_cuda_runtime-13.0.96", "nvidia_cuda_cupti-13.0.85"];
    records.iter().all(|name| {
        let record = fs::read_to_string(python.join(format!("{name}.dist-info/RECORD"))).unwrap_or_default();
        !record.is_empty() && missing_of_record(&record, python).is_empty()
    })
}

/// Members of ours in a wheel's RECORD (lines `path,sha256=..,bytes`) that are absent or of another size.
fn missing_of_record<'a>(record: &'a str, python: &Path) -> Vec<&'a str> {
    let entries = record.lines().filter_map(|line| {
        let mut fields = line.rsplitn(3, ',');
        let size_bytes: u64 = fields.next()?.parse().ok()?;
        Some((fields.nth(1)?, size_bytes))
    });
    let is_missing = |&(name, size_bytes): &(&str, u64)| {
        let is_there = python.join(name).metadata().is_ok_and(|metadata| metadata.len() == size_bytes);
        place_cpu(name).is_some() && !is_there
    };
    entries.filter(is_missing).map(|(name, _)| name).collect()
}

fn from_wheels(deps: &Path, python: &Path, options: &Options) -> Result<()> {
    let (cache, pip) = (cache()?, Pip::of_setup(deps)?);
    let place = |name: &str| if options.cuda { place_cuda(name) } else { place_cpu(name) };
    for wheel in [TORCH, CUDA_RUNTIME, CUPTI] {
        let path = fetch::pinned_wheel(&wheel, &pip, &cache)?;
        unpack(&wheel, &path, python, options.force, place)?;
    }
    if options.cuda { cuda_wheels(&pip, &cache, python, options.force) } else { Ok(()) }
}

fn unpack(
    wheel: &Wheel,
    path: &Path,
    python: &Path,
    force: bool,
    place: impl Fn(&str) -> Option<String>,
) -> Result<()> {
    println!("unpacking {} ...", wheel.what);
    extract(path, python, force, place)?;
    Ok(())
}

/// Everything of NVIDIA's that the torch wheel requires: cuBLAS, cuDNN, NCCL and so on.
fn cuda_wheels(pip: &Pip, cache: &Path, python: &Path, force: bool) -> Result<()> {
    let located = pip.locate_all(&[TORCH.requirement])?;
    for wheel in located.iter().filter(|wheel| wheel.file.starts_with("nvidia_")) {
        let requirement = wheel.file.splitn(3, '-').take(2).collect::<Vec<_>>().join("==");
        let path = fetch::located_wheel(&wheel.file, &requirement, wheel, pip, cache)?;
        extract(&path, python, force, place_cuda)?;
    }
    Ok(())
}

/// Libraries and headers for the CPU, with the licences and records of their wheels.
fn place_cpu(name: &str) -> Option<String> {
    let is_library = |folder: &str, files: &[&str]| name.strip_prefix(folder).is_some_and(|file| files.contains(&file));
    let is_ours = name.starts_with("torch/include/")
        || is_library("torch/lib/", CPU_LIBRARIES)
        || is_library("nvidia/cu13/lib/", &["libcudart.so.13", "libcupti.so.13"])
        || is_record(name);
    is_ours.then(|| name.to_owned())
}

fn place_cuda(name: &str) -> Option<String> {
    let is_nvidia_library = name.starts_with("nvidia/") && name.contains("/lib/") && name.contains(".so");
    let is_torch_library = name.strip_prefix("torch/lib/").is_some_and(|file| CUDA_LIBRARIES.contains(&file));
    if is_nvidia_library || is_torch_library { Some(name.to_owned()) } else { place_cpu(name) }
}

/// RECORD itself is listed in no record.
fn is_record(name: &str) -> bool {
    name.split_once(".dist-info/").is_some_and(|(_, file)| file == "RECORD" || file.starts_with("licenses/"))
}

/// The authors' own archive, whose hash is not known here.
fn official(python: &Path, options: &Options) -> Result<()> {
    let cache = cache()?;
    let (file, url) = OFFICIAL_LIBTORCH;
    let wanted =
        Download { what: "libtorch 2.11.0 for CPU from pytorch.org", url, file, sha256: None, optional: false };
    let path = download(&wanted, &Network::default(), &cache)?;
    let place = |name: &str| name.strip_prefix("libtorch/").map(|rest| format!("torch/{rest}"));
    extract(&path, python, options.force, place)?;
    Ok(())
}

/// What the wheel lacks as a LIBTORCH folder: a version that torch-sys checks, and a CPU-only `libtorch.so`.
fn finish(python: &Path) -> Result<()> {
    let torch = python.join("torch");
    let write =
        |path: PathBuf, text: &str| fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()));
    if !torch.join("build-version").exists() {
        write(torch.join("build-version"), "2.11.0\n")?;
    }
    let library = torch.join("lib/libtorch.so");
    if torch.join("lib/libtorch_cuda.so").exists() || library.exists() {
        return Ok(());
    }
    write(library, LINKER_SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_layout_has_no_cuda_and_no_python() {
        for ours in ["torch/lib/libtorch_cpu.so", "torch/include/ATen/ATen.h", "nvidia/cu13/lib/libcupti.so.13"] {
            assert_eq!(place_cpu(ours).as_deref(), Some(ours));
        }
        for other in
            ["torch/lib/libtorch_cuda.so", "torch/lib/libtorch.so", "torch/__init__.py", "nvidia/cu13/include/x.h"]
        {
            assert_eq!(place_cpu(other), None);
        }
        assert!(place_cuda("torch/lib/libtorch_cuda.so").is_some());
        assert!(place_cuda("nvidia/cudnn/lib/libcudnn.so.9").is_some());
    }

    #[test]
    fn records_tell_what_is_missing_of_ours() {
        let python = tempfile::tempdir().unwrap();
        let lib = python.path().join("torch/lib");
        fs::create_dir_all(&lib).unwrap();
        fs::write(lib.join("libc10.so"), "12345").unwrap();
        fs::write(lib.join("libgomp.so.1"), "123").unwrap();
        let record = "torch/lib/libc10.so,sha256=a,5\ntorch/lib/libgomp.so.1,sha256=b,5\ntorch/__init__.py,sha256=c,5\ntorch-2.11.0.dist-info/RECORD,,\n";
        assert_eq!(missing_of_record(record, python.path()), ["torch/lib/libgomp.so.1"]);
    }

    #[test]
    fn a_cpu_layout_gets_a_linker_script_and_a_cuda_layout_keeps_its_library() {
        let python = tempfile::tempdir().unwrap();
        let lib = python.path().join("torch/lib");
        fs::create_dir_all(&lib).unwrap();
        finish(python.path()).unwrap();
        assert_eq!(fs::read_to_string(lib.join("libtorch.so")).unwrap(), LINKER_SCRIPT);
        fs::write(lib.join("libtorch.so"), "elf").unwrap();
        finish(python.path()).unwrap();
        assert_eq!(fs::read_to_string(lib.join("libtorch.so")).unwrap(), "elf");
    }
}
