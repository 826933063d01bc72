//! `cargo xtask tidy`: rules of the house that no compiler checks. Every failure names file, line and what to do.

mod abi_hash;
mod configs;
mod edges;
mod links;
mod sizes;
mod sources;
mod words;

use std::fmt::{self, Display};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::workspace::Workspace;
use sources::Sources;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// Path below the checkout.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Failure {
    fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Prints all failures of all rules.
pub fn run(workspace: &Workspace) -> Result<ExitCode> {
    let start = Instant::now();
    let sources = Sources::read(workspace)?;
    let mut failures = edges::check(workspace)?;
    failures.extend(sizes::check(&sources)?);
    failures.extend(links::check(&sources));
    failures.extend(words::check(&sources));
    failures.extend(abi_hash::check(&sources));
    failures.extend(configs::check(&sources));
    if sources.text("CHANGELOG.md").is_none() {
        failures.push(Failure::new("CHANGELOG.md", 1, "does not exist: write what changed for users"));
    }
    failures.sort();
    failures.iter().for_each(|failure| eprintln!("{failure}"));
    let elapsed_secs = start.elapsed().as_secs_f64();
    println!("tidy: {} files, {} failures ({elapsed_secs:.1} s)", sources.len(), failures.len());
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
