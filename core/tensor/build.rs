//! Compiles the ATen shim when the torch bridge is asked for, and the CUDA shim where CUDA's headers are.

fn main() {
    #[cfg(feature = "torch")]
    compile_shim();
}

#[cfg(feature = "torch")]
fn compile_shim() {
    println!("cargo:rerun-if-changed=src/torch_shim.cpp");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Some(libtorch) = std::env::var_os("LIBTORCH").map(std::path::PathBuf::from) else {
        println!("cargo:warning=LIBTORCH is not set: run `cargo xtask setup` in the checkout first");
        std::process::exit(1);
    };
    shim_build(&libtorch).file("src/torch_shim.cpp").compile("scene3d_torch_shim");
    compile_cuda_shim(&libtorch);
}

#[cfg(feature = "torch")]
fn shim_build(libtorch: &std::path::Path) -> cc::Build {
    let include = libtorch.join("include");
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").flag("-Wno-unused-parameter");
    build.include(&include).include(include.join("torch/csrc/api/include"));
    build
}

/// A library of its own, carried as bytes: it is opened where CUDA is, and needs nothing of CUDA to be made but headers.
#[cfg(feature = "torch")]
fn compile_cuda_shim(libtorch: &std::path::Path) {
    println!("cargo:rustc-check-cfg=cfg(cuda_shim)");
    println!("cargo:rerun-if-changed=src/cuda_shim.cpp");
    let nvidia = libtorch.join("../nvidia/cu13");
    if nvidia.is_dir() {
        // headers that appear later are noticed
        println!("cargo:rerun-if-changed={}", nvidia.display());
    }
    let include = nvidia.join("include");
    if !include.join("cuda_runtime_api.h").is_file() || !include.join("crt/host_config.h").is_file() {
        return;
    }
    let Some(out) = std::env::var_os("OUT_DIR").map(std::path::PathBuf::from) else { return };
    let library = out.join("libscene3d_cuda_shim.so");
    let mut build = shim_build(libtorch);
    let compiler = build.include(include).flag("-w").pic(true).get_compiler();
    // -s: 60 KB instead of megabytes of debug information; undefined symbols are found in the process
    let status = compiler.to_command().args(["-shared", "-s", "src/cuda_shim.cpp", "-o"]).arg(&library).status();
    if !status.is_ok_and(|status| status.success()) {
        println!("cargo:warning=the CUDA shim does not compile");
        std::process::exit(1);
    }
    println!("cargo:rustc-cfg=cuda_shim");
    println!("cargo:rustc-env=SCENE3D_CUDA_SHIM={}", library.display());
}
