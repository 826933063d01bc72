//! The compiler refuses what is wrong, and compiles what is right for every architecture.
#![allow(clippy::unwrap_used)] // in a test, a failure to get there is a failure

#[path = "../build/nvrtc.rs"]
mod nvrtc;
#[path = "../build/targets.rs"]
mod targets;

use std::path::Path;

use nvrtc::{Nvrtc, Source};
use targets::{HEADERS, SOURCES, TARGETS};

/// None on a machine without the compiler.
fn compiler() -> Option<Nvrtc> {
    let folder = Path::new(env!("LIBTORCH")).join("../nvidia/cu13/lib");
    if folder.join(nvrtc::LIBRARY).is_file() {
        return Some(Nvrtc::open(&folder).unwrap());
    }
    println!("skipped: no NVRTC in {}; `cargo xtask kernels` fetches it", folder.display());
    None
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("cuda").join(file)).unwrap()
}

fn headers() -> Vec<(&'static str, String)> {
    HEADERS.iter().map(|file| (*file, text_of(file))).collect()
}

#[test]
fn every_kernel_compiles_without_a_warning() {
    let Some(compiler) = compiler() else { return };
    let headers = headers();
    for source in SOURCES {
        let file = format!("{source}.cu");
        for target in TARGETS {
            let compiled = compiler.compile(&Source { file: &file, text: &text_of(&file), headers: &headers }, *target);
            let compiled = compiled.unwrap();
            assert_eq!(compiled.image.starts_with(b"\x7fELF"), !target.is_portable);
            assert!(!compiled.log.contains("warning"), "{}", compiled.log);
        }
    }
}

#[test]
fn a_broken_kernel_is_refused_with_its_line() {
    let Some(compiler) = compiler() else { return };
    let (headers, good) = (headers(), text_of("nearest.cu"));
    for target in TARGETS {
        let compile = |text: &str| compiler.compile(&Source { file: "nearest.cu", text, headers: &headers }, *target);
        assert!(compile(&good).is_ok());
        let broken = good.replacen("fmaf(", "fmaff(", 1);
        let line = good.lines().position(|line| line.contains("fmaf(")).unwrap() + 1;
        let error = compile(&broken).unwrap_err();
        assert!(error.contains(&format!("nearest.cu({line}): error")) && error.contains("fmaff"), "{error}");
    }
}

/// More shared memory than a block has: the language allows it, the assembler does not.
#[test]
fn a_kernel_that_no_device_can_run_is_refused() {
    let Some(compiler) = compiler() else { return };
    let (headers, good) = (headers(), text_of("select.cu"));
    let greedy = good.replacen("#define MAX_SELECTED 4096", "#define MAX_SELECTED 8192", 1);
    assert_ne!(greedy, good);
    for target in TARGETS.iter().filter(|target| !target.is_portable) {
        let source = Source { file: "select.cu", text: &greedy, headers: &headers };
        let error = compiler.compile(&source, *target).unwrap_err();
        assert!(error.contains("shared data"), "{error}");
    }
}
