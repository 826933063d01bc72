//! The simulator of large jobs keeps its promises: its unit tests pass, and its table is printed.

use std::path::Path;
use std::process::Command;

/// A Python that the simulator can run with, in its folder.
fn python() -> Option<Command> {
    let is_new_enough = |name: &&str| {
        let check = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"];
        Command::new(name).args(check).status().is_ok_and(|status| status.success())
    };
    let Some(name) = ["python3.11", "python3"].into_iter().find(is_new_enough) else {
        eprintln!("skipped: no Python 3.11 or newer");
        return None;
    };
    let mut python = Command::new(name);
    python.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scale")).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(python)
}

#[test]
fn the_simulators_own_tests_pass() {
    let Some(mut python) = python() else { return };
    let output = python.args(["-m", "unittest", "discover", "-s", "tests"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("Ran 0 tests"), "{told}");
}

#[test]
fn a_table_has_a_row_for_every_size_and_names_what_is_assumed() {
    let Some(mut python) = python() else { return };
    let output = python.args(["simulate.py", "--photos", "100,1000", "--gpus", "1,16"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    for row in ["| 100 | 1 |", "| 100 | 16 |", "| 1,000 | 1 |", "| 1,000 | 16 |", "Assumed: "] {
        assert!(table.contains(row), "no {row:?} in\n{table}");
    }
}
