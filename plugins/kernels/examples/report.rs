//! What the assembler says of the compiled kernels; fails if there are none, or one spills registers.

use std::process::ExitCode;

use scene3d_kernels::REPORT;

fn main() -> ExitCode {
    if REPORT.is_empty() {
        eprintln!("this build has no device code: is NVRTC beside libtorch?");
        return ExitCode::FAILURE;
    }
    let mut num_spilling = 0;
    let mut kernel = String::new();
    let mut frame = String::new();
    for line in REPORT.lines() {
        if line.starts_with("== ") {
            println!("{line}");
        } else if let Some((_, name)) = line.split_once("Compiling entry function ") {
            kernel = name.split('\'').nth(1).unwrap_or_default().to_owned();
        } else if let Some((bytes, _)) = line.split_once(" bytes stack frame") {
            frame = bytes.rsplit(' ').next().unwrap_or_default().to_owned();
            let spills = line.matches(" 0 bytes spill").count() < 2;
            num_spilling += usize::from(spills);
            if spills {
                eprintln!("{kernel} spills: {}", line.trim());
            }
        } else if let Some((_, used)) = line.split_once("Used ") {
            println!("{kernel:24} {frame:>3} bytes stack, {used}");
        }
    }
    println!("{num_spilling} kernels spill registers");
    if num_spilling == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
