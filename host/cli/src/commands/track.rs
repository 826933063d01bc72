//! `scene3d track`: shows recorded runs, and sends them to a server.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use scene3d_monitor::tracking::view::{RunView, run as view_of_run, runs};
use scene3d_monitor::tracking::{RunId, TrackingConfig, sync};
use serde_json::json;

use crate::args::{ServerSecretArgs, TrackCommand};
use crate::exit::EXIT_SUCCESS;

/// Runs the command.
pub fn run(command: TrackCommand) -> Result<u8> {
    match command {
        TrackCommand::Sync { spool, server, secret, json } => sync_with(&spool.spool, &server, secret, json)?,
        TrackCommand::List { spool, json } => list(&spool.spool, json)?,
        TrackCommand::Show { run, spool, json } => show(&spool.spool, &run, json)?,
    }
    Ok(EXIT_SUCCESS)
}

fn sync_with(spool: &Path, server: &str, secret: ServerSecretArgs, json: bool) -> Result<()> {
    let ServerSecretArgs { token_file, password_file } = secret;
    let config = TrackingConfig { token_file, basic_auth_file: password_file, ..TrackingConfig::new(spool) };
    let status = sync(&config.with_server(server))?;
    if json {
        println!(
            "{}",
            json!({ "sent": status.num_sent, "refused": status.num_refused, "waiting": status.num_waiting })
        );
        return Ok(());
    }
    println!("sent {} records", status.num_sent);
    if status.num_refused > 0 {
        println!(
            "the server refused {} of them: see refused.jsonl of the runs in {}",
            status.num_refused,
            spool.display()
        );
    }
    Ok(())
}

fn list(spool: &Path, json: bool) -> Result<()> {
    let runs = runs(spool)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&runs)?);
        return Ok(());
    }
    if runs.is_empty() {
        println!("no run was recorded in {}", spool.display());
    }
    for run in &runs {
        let parent = if run.parent.is_some() { "  " } else { "" };
        println!(
            "{}  {}  {:<8}  {parent}{} / {}  ({} records, {} not sent)",
            run.run,
            time(run.started_ms),
            state(run),
            run.experiment,
            run.name,
            run.num_records,
            run.num_unsent
        );
    }
    Ok(())
}

fn show(spool: &Path, id: &RunId, json: bool) -> Result<()> {
    let run = view_of_run(spool, id)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&run)?);
        return Ok(());
    }
    println!("{}  {} / {}", run.run, run.experiment, run.name);
    println!("{} since {}, last record {}", state(&run), time(run.started_ms), time(run.last_ms));
    if let Some(parent) = &run.parent {
        println!("part of {parent}");
    }
    section("tags", run.tags.iter().map(|(key, value)| (key, value.clone())));
    section("params", run.params.iter().map(|(key, value)| (key, value.clone())));
    let last = run.metrics.iter().map(|(key, last)| {
        let series = if last.num_values > 1 { format!("  (last of {})", last.num_values) } else { String::new() };
        (key, format!("{}{series}", last.value.0))
    });
    section("metrics", last);
    section("files", run.artifacts.iter().map(|(path, bytes)| (path, format!("{bytes} bytes"))));
    Ok(())
}

fn section<'a>(title: &str, entries: impl Iterator<Item = (&'a String, String)>) {
    let mut entries = entries.peekable();
    if entries.peek().is_some() {
        println!("{title}");
    }
    entries.for_each(|(key, value)| println!("  {key} = {value}"));
}

fn state(run: &RunView) -> &'static str {
    run.status.map_or("RUNNING", |status| status.name())
}

fn time(ms: i64) -> String {
    let since_epoch = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch).to_string()
}
