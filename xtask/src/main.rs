//! The repository's own commands: `cargo xtask setup | build | frontend | kernels | python | demo | test | deploy-check | tidy`.

mod build;
mod command;
mod demo;
mod demo_serve;
mod deploy_check;
mod frontend;
mod kernels;
mod plugins;
mod python;
mod setup;
mod test;
mod test_summary;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::setup::Options;
use crate::workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup [--cuda] [--force] [--official]
                     fetch libtorch, weights, pycolmap and npm packages into .deps/
                       --cuda      also libtorch's CUDA libraries and what compiles device code (several GB)
                       --force     lay out everything again
                       --official  libtorch from pytorch.org instead of the Python package index
  build              setup, then the host and every plugin, staged in target/release/plugins/
  frontend           type-check, lint, test and build the page into frontend/dist (needs Node)
                       --renew-api  first write the API's document anew, and what the page has of it
  kernels            fetch NVRTC, then compile the device code for every architecture (no GPU needed)
  python             build, then the wheel of host/python, and test it
  demo [PHOTOS_DIR]  build, then reconstruct the sample scene or your photos into out/
  demo --serve       build, then serve the page with the sample scene reconstructed, until Ctrl-C
  test [ARGS..]      build, then every test; ARGS go to cargo nextest
  deploy-check       the files of deploy/ and the workflows, by the tools that read them
  tidy               layers, file sizes, links, left-over words, ABI hash

SCENE3D_CACHE   folder of downloads, shared by checkouts (default: ~/.cache/scene3d/downloads)
SCENE3D_PYTHON  Python to use (default: python3.11, else the newest of python3.10 to 3.14, else python3)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((&command, rest)) = arguments.split_first() else {
        print!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    let workspace = Workspace::find()?;
    match (command, rest) {
        ("setup", options) => setup::run(&workspace, &Options::parse(options)?)?,
        ("build", []) => build::run(&workspace)?,
        ("frontend", []) => frontend::run(&workspace, false)?,
        ("frontend", ["--renew-api"]) => frontend::run(&workspace, true)?,
        ("kernels", []) => kernels::run(&workspace)?,
        ("python", []) => python::run(&workspace)?,
        ("demo", []) => demo::run(&workspace, None)?,
        ("demo", ["--serve"]) => demo_serve::run(&workspace)?,
        ("demo", [photos]) => demo::run(&workspace, Some(photos.as_ref()))?,
        ("test", nextest_arguments) => return test::run(&workspace, nextest_arguments),
        ("deploy-check", []) => deploy_check::run(&workspace)?,
        ("tidy", []) => return tidy::run(&workspace),
        ("help" | "--help" | "-h", _) => print!("{USAGE}"),
        _ => bail!("unknown command or arguments `{}`\n\n{USAGE}", arguments.join(" ")),
    }
    Ok(ExitCode::SUCCESS)
}
