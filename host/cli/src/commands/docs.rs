//! `scene3d completions`, `scene3d man` and `scene3d openapi`: what others are generated from.

use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::EXIT_SUCCESS;

/// Prints a completion script.
pub fn completions(shell: Shell) -> Result<u8> {
    clap_complete::generate(shell, &mut Cli::command(), "scene3d", &mut std::io::stdout());
    Ok(EXIT_SUCCESS)
}

/// Writes one man page a command.
pub fn man_pages(folder: &Path) -> Result<u8> {
    std::fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("can't write man pages to {}", folder.display()))?;
    println!("man pages are in {}", folder.display());
    Ok(EXIT_SUCCESS)
}

/// Prints the document of the service's API.
pub fn openapi() -> Result<u8> {
    println!("{}", scene3d_service::http::document().to_pretty_json()?);
    Ok(EXIT_SUCCESS)
}
