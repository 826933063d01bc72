//! What a spool of tracking holds, read as plain JSON lines, compared with what an MLflow server tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::mlflow::Mlflow;

/// Folder of a run in a spool, whether or not a server has it.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn run_folder(spool: &Path, run: &str) -> PathBuf {
    match ["runs", "sent"].map(|name| spool.join(name).join(run)).into_iter().find(|folder| folder.is_dir()) {
        Some(folder) => folder,
        None => unreachable!("no run {run} in {}", spool.display()),
    }
}

/// Ids of all runs of a spool.
#[must_use]
pub fn run_ids(spool: &Path) -> BTreeSet<String> {
    let folders = ["runs", "sent"].map(|name| fs::read_dir(spool.join(name)).into_iter().flatten().flatten());
    folders.into_iter().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Every record of a folder, in the order of the files.
///
/// # Panics
/// If a whole line is no JSON.
#[must_use]
pub fn records(folder: &Path) -> Vec<Value> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_records =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("records-"));
    let files: BTreeSet<PathBuf> = entries.filter(is_records).collect();
    // a last line without its end is being written
    let whole = |text: String| text.rfind('\n').map_or(String::new(), |end| text[..=end].to_owned());
    let text: String = files.iter().map(|file| whole(fs::read_to_string(file).unwrap_or_default())).collect();
    let record = |line| match serde_json::from_str(line) {
        Ok(record) => record,
        Err(error) => unreachable!("{error}: {line}"),
    };
    text.lines().map(record).collect()
}

/// Records of a kind.
#[must_use]
pub fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["kind"] == kind).collect()
}

/// Asserts that the server has a run of the spool once, with every record of it and nothing else; the run there.
///
/// # Panics
/// If it has not.
#[must_use]
pub fn assert_there_once(spool: &Path, run: &str, server: &Mlflow) -> Value {
    let folder = run_folder(spool, run);
    assert!(!folder.join("refused.jsonl").exists(), "refused: {:?}", fs::read_to_string(folder.join("refused.jsonl")));
    let records = records(&folder);
    let started = of_kind(&records, "run_started")[0];
    let [there]: [Value; 1] = match server.runs(&text(&started["experiment"]), run).try_into() {
        Ok(there) => there,
        Err(others) => unreachable!("expected one run {run}, got {}: {others:?}", others.len()),
    };
    let run_id = text(&there["info"]["run_id"]);
    assert_eq!(there["info"]["run_name"], started["name"]);
    assert_eq!(there["info"]["start_time"], started["time_ms"]);
    assert_eq!(pairs_there(&there["data"]["params"]), first_of_each(&of_kind(&records, "param")));
    let tags = pairs_there(&there["data"]["tags"]);
    for (key, value) in last_of_each(&of_kind(&records, "tag")) {
        assert_eq!(tags.get(&key), Some(&value), "tag {key}");
    }
    if let Some(ended) = of_kind(&records, "run_ended").last() {
        assert_eq!((&there["info"]["status"], &there["info"]["end_time"]), (&ended["status"], &ended["time_ms"]));
    }
    assert_metrics(&of_kind(&records, "metric"), &there, server, &run_id);
    assert_files(&of_kind(&records, "artifact"), &folder, &there, server);
    there
}

/// Every value of every series, each once.
fn assert_metrics(metrics: &[&Value], there: &Value, server: &Mlflow, run_id: &str) {
    let mut series: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for metric in metrics {
        let point = format!("{} {} {}", metric["step"], metric["time_ms"], number(&metric["value"]));
        series.entry(text(&metric["key"])).or_default().push(point);
    }
    let keys: BTreeSet<String> =
        there["data"]["metrics"].as_array().into_iter().flatten().map(|metric| text(&metric["key"])).collect();
    assert_eq!(keys, series.keys().cloned().collect());
    for (key, mut expected) in series {
        let history = server.history(run_id, &key);
        let point = |metric: &Value| format!("{} {} {}", metric["step"], metric["timestamp"], number(&metric["value"]));
        let mut found: Vec<String> = history.iter().map(point).collect();
        expected.sort();
        found.sort();
        // the server keeps one of equal points
        expected.dedup();
        assert_eq!(found, expected, "{key}");
    }
}

fn assert_files(artifacts: &[&Value], folder: &Path, there: &Value, server: &Mlflow) {
    let kept = |artifact: &&Value| {
        let bytes = fs::read(folder.join("artifacts").join(text(&artifact["file"]))).unwrap_or_default();
        (text(&artifact["path"]), bytes)
    };
    let expected: BTreeMap<String, Vec<u8>> = artifacts.iter().map(kept).collect();
    let found = server.artifacts(there);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(found == expected, "files differ");
}

fn pairs_there(pairs: &Value) -> BTreeMap<String, String> {
    pairs.as_array().into_iter().flatten().map(|pair| (text(&pair["key"]), text(&pair["value"]))).collect()
}

fn first_of_each(pairs: &[&Value]) -> BTreeMap<String, String> {
    pairs.iter().rev().map(|pair| (text(&pair["key"]), text(&pair["value"]))).collect()
}

fn last_of_each(pairs: &[&Value]) -> BTreeMap<String, String> {
    pairs.iter().map(|pair| (text(&pair["key"]), text(&pair["value"]))).collect()
}

/// Infinite values come back as the largest finite ones, which is how the server keeps them.
fn number(value: &Value) -> String {
    match value.as_str() {
        Some("Infinity") => format!("{:e}", f64::MAX),
        Some("-Infinity") => format!("{:e}", f64::MIN),
        Some(word) => word.to_owned(),
        None => format!("{:e}", value.as_f64().unwrap_or_default()),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
