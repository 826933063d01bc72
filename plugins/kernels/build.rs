//! Compiles the kernels: by NVRTC for every architecture where NVRTC is there, and as C++ for the twin on the CPU.
//!
//! A build without NVRTC is complete, and runs torch's operations on a device.

#[path = "build/nvrtc.rs"]
mod nvrtc;
#[path = "build/targets.rs"]
mod targets;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use nvrtc::{Nvrtc, Source};
use targets::{HEADERS, SOURCES, TARGETS};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=cuda");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let (images, report) = match nvrtc_folder() {
        Some(folder) => compile_for_devices(&Nvrtc::open(&folder)?, &out)?,
        None => (String::new(), String::new()),
    };
    fs::write(out.join("images.rs"), format!("&[\n{images}]\n"))?;
    fs::write(out.join("report.txt"), report)?;
    if env::var_os("CARGO_FEATURE_TWIN").is_some() {
        compile_twin();
    }
    Ok(())
}

/// Beside libtorch, where NVIDIA's wheels put it.
fn nvrtc_folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os("LIBTORCH")?).join("../nvidia/cu13/lib");
    if folder.is_dir() {
        println!("cargo:rerun-if-changed={}", folder.display());
    }
    folder.join(nvrtc::LIBRARY).is_file().then_some(folder)
}

/// Entries of the table of images, and what the assembler said of each kernel.
fn compile_for_devices(nvrtc: &Nvrtc, out: &Path) -> Result<(String, String), Box<dyn Error>> {
    let read = |file: &&str| fs::read_to_string(Path::new("cuda").join(file));
    let headers = HEADERS.iter().map(|file| Ok((*file, read(file)?))).collect::<Result<Vec<_>, std::io::Error>>()?;
    let (mut images, mut report) = (String::new(), String::new());
    for source in SOURCES {
        let file = format!("{source}.cu");
        let text = read(&file.as_str())?;
        for target in TARGETS {
            let compiled = nvrtc.compile(&Source { file: &file, text: &text, headers: &headers }, *target)?;
            let path = out.join(format!("{source}.{}", target.architecture()));
            fs::write(&path, &compiled.image)?;
            let targets::Target { capability, is_portable } = target;
            writeln!(
                images,
                "    Image {{ source: {source:?}, capability: {capability}, is_portable: {is_portable}, \
                 bytes: include_bytes!({path:?}) }},"
            )?;
            writeln!(report, "== {file} {} {} bytes\n{}", target.architecture(), compiled.image.len(), compiled.log)?;
        }
    }
    Ok((images, report))
}

fn compile_twin() {
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        // as NVRTC: a sum of products is not contracted, or the twin's bits would differ
        .flag("-ffp-contract=off")
        .flag("-fno-strict-aliasing")
        .flag("-x")
        .flag("c++")
        .include("cuda")
        .files(SOURCES.iter().map(|source| format!("cuda/{source}.cu")))
        .compile("scene3d_kernel_twins");
}
