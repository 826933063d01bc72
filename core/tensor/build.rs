//! Compiles the ATen shim when the torch bridge is asked for.

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
    let include = libtorch.join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .flag("-Wno-unused-parameter")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .file("src/torch_shim.cpp")
        .compile("scene3d_torch_shim");
}
