//! The load script does not rot: it runs to its end with small numbers, and what it promises holds.

use std::process::Command;

use scene3d_tests::{binary, checkout};
use serde_json::{Value, json};

/// A Python that the script can run with.
fn python() -> Option<&'static str> {
    let is_new_enough = |name: &&str| {
        let check = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"];
        Command::new(name).args(check).status().is_ok_and(|status| status.success())
    };
    let python = ["python3.11", "python3"].into_iter().find(is_new_enough);
    if python.is_none() {
        eprintln!("skipped: no Python 3.11 or newer");
    }
    python
}

#[test]
fn the_load_script_runs_to_its_end() {
    let Some(python) = python() else { return };
    let out = tempfile::tempdir().unwrap();
    let mut script = Command::new(python);
    script.arg(checkout().join("benches/load/load.py")).args(["--small", "--serve", "uploads.max_pause_secs = 2"]);
    script.arg("--program").arg(binary()).arg("--out").arg(out.path()).env("PYTHONDONTWRITEBYTECODE", "1");
    assert!(script.status().unwrap().success(), "{script:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(out.path().join("load.json")).unwrap()).unwrap();
    let rows = &report["rows"];
    for latency in [&rows["one_key"]["p50_ms"], &rows["uploads_by_form"]["p99_ms"], &rows["get_jobs"]["p95_ms"]] {
        assert!(latency.as_f64().is_some_and(|ms| ms > 0.0), "{report:#}");
    }
    assert_eq!((&rows["one_key"]["jobs"], &rows["listeners"]["wrong"]), (&json!(1), &json!(0)), "{report:#}");
    let slow = &rows["slow_clients"];
    assert_eq!((&slow["answered_408"], &slow["upload_status"]), (&slow["trickles"], &json!(201)), "{report:#}");
    let table = std::fs::read_to_string(out.path().join("load.md")).unwrap();
    assert!(table.contains("| uploads by tus | errors | 0 |"), "{table}");
}
