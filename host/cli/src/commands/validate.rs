//! `scene3d plugin validate`: every check of a plugin in a process of its own, so that a crash is a result.

mod checks;
mod inputs;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::plugin::registry;
use checks::{CHECKS, Verdict};

use crate::child;
use crate::exit::EXIT_SUCCESS;

/// A check that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(120);
const EXIT_FAILED: u8 = 1;
const EXIT_SKIPPED: u8 = 3;

/// Runs all checks and prints their results; fails if one failed or crashed.
pub fn run(plugin: &str, json: bool) -> Result<u8> {
    let folder = plugin_folder(plugin)?;
    let mut results = Vec::new();
    for check in CHECKS {
        let (outcome, reason) = run_in_child(&folder, check.name)?;
        if !json {
            println!("{outcome:<8} {:<12} {}{}", check.name, check.what, indented(&reason));
        }
        results.push(json!({ "check": check.name, "what": check.what, "outcome": outcome, "reason": reason }));
    }
    let num_bad = results.iter().filter(|r| r["outcome"] == "FAILED" || r["outcome"] == "CRASHED").count();
    if json {
        println!("{:#}", json!({ "plugin": folder, "checks": results }));
    } else {
        println!("{} checks, {num_bad} failed: {}", results.len(), folder.display());
    }
    Ok(if num_bad == 0 { EXIT_SUCCESS } else { EXIT_FAILED })
}

/// Runs one check here and answers by the exit code, with the reason on stdout.
pub fn run_one(folder: &Path, name: &str) -> Result<u8> {
    let check = CHECKS.iter().find(|check| check.name == name);
    let check = check.with_context(|| format!("there is no check `{name}`"))?;
    Ok(match (check.run)(folder) {
        Ok(Verdict::Passed) => EXIT_SUCCESS,
        Ok(Verdict::Skipped(reason)) => {
            println!("{reason}");
            EXIT_SKIPPED
        }
        Err(error) => {
            println!("{error:#}");
            EXIT_FAILED
        }
    })
}

fn plugin_folder(plugin: &str) -> Result<PathBuf> {
    let folder = PathBuf::from(plugin);
    if folder.join(scene3d_engine::MANIFEST_FILE).is_file() {
        return Ok(folder);
    }
    let (registry, _) = registry()?;
    match registry.found(plugin) {
        Some(found) => Ok(found.folder.clone()),
        None => bail!("`{plugin}` is neither a folder with plugin.toml nor the id of a plugin found here"),
    }
}

fn run_in_child(folder: &Path, check: &str) -> Result<(&'static str, String)> {
    let arguments = ["plugin".as_ref(), "validate-one".as_ref(), folder.as_os_str(), check.as_ref()];
    Ok(match child::run(arguments, DEADLINE)? {
        Some(output) => outcome(&output),
        None => ("FAILED", format!("no answer within {} s", DEADLINE.as_secs())),
    })
}

fn outcome(output: &Output) -> (&'static str, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.code() {
        Some(0) => ("ok", String::new()),
        Some(code) if code == i32::from(EXIT_SKIPPED) => ("skipped", text(&output.stdout)),
        Some(code) if code == i32::from(EXIT_FAILED) => ("FAILED", text(&output.stdout)),
        Some(code) => ("CRASHED", format!("exit code {code}\n{}", text(&output.stderr))),
        None => ("CRASHED", format!("{}\n{}", child::ended_by(output.status), text(&output.stderr))),
    }
}

fn indented(reason: &str) -> String {
    reason.lines().map(|line| format!("\n           {line}")).collect()
}
