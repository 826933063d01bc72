//! `cargo xtask test`: set-up, build and staging, then every test and doc example, and one line of counts.

use std::io::{BufRead, BufReader, IsTerminal, stderr};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::build;
use crate::command::{self, cargo};
use crate::frontend;
use crate::test_summary::{Counts, of_doctest_line, of_nextest_line};
use crate::workspace::{Workspace, find_program};

const NEXTEST_VERSION: &str = "0.9.143";

/// Fails if a test fails; doc examples run even then.
pub fn run(workspace: &Workspace, nextest_arguments: &[&str]) -> Result<ExitCode> {
    build::run(workspace)?;
    frontend::check(workspace)?;
    ensure_nextest()?;
    let mut nextest = cargo();
    nextest.args(["nextest", "run", "--release", "--workspace"]).args(nextest_arguments);
    let (unit, unit_ok) = run_and_count(workspace, nextest, of_nextest_line)?;
    let mut doctest = cargo();
    doctest.args(["test", "--release", "--doc", "--workspace", "--no-fail-fast"]);
    // examples are built in the system's temporary folder, from where no run path of ours leads to libtorch
    doctest.env("LD_LIBRARY_PATH", workspace.deps().join("python/torch/lib"));
    let (doc, doc_ok) = run_and_count(workspace, doctest, of_doctest_line)?;
    println!("{}", unit + doc);
    Ok(if unit_ok && doc_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ensure_nextest() -> Result<()> {
    let home = std::env::home_dir().unwrap_or_default();
    if find_program("cargo-nextest").is_some() || home.join(".cargo/bin/cargo-nextest").is_file() {
        return Ok(());
    }
    println!("installing the test runner, cargo-nextest {NEXTEST_VERSION} (once, some minutes) ...");
    command::run(cargo().args(["install", "cargo-nextest", "--locked", "--version", NEXTEST_VERSION]))
}

/// Passes the output on and adds up the summary lines in it.
fn run_and_count(
    workspace: &Workspace,
    mut tests: Command,
    counts_of: impl Fn(&str) -> Option<Counts>,
) -> Result<(Counts, bool)> {
    if stderr().is_terminal() {
        tests.env("CARGO_TERM_COLOR", "always");
    }
    // nextest reports on stderr, doc tests on stdout: one pipe for both keeps their order
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    tests.current_dir(&workspace.root).stdin(Stdio::null());
    tests.stdout(writer.try_clone().context("cannot share a pipe")?).stderr(writer);
    let mut child = tests.spawn().context("cannot start cargo")?;
    drop(tests); // holds the pipe's other end
    let mut total = Counts::default();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("cannot read the tests' output")?;
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        total = total + counts_of(&line).unwrap_or_default();
    }
    let status = child.wait().context("lost cargo")?;
    Ok((total, status.success()))
}
