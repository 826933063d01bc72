//! COLMAP's own process, ended by a signal in the middle of its mapping: a clear error, and nothing of the rest is lost.
#![cfg(target_os = "linux")] // finds the child in /proc

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use scene3d_scene::synthetic::SceneSpec;
use scene3d_tests::aliked_run::{AlikedRuns, items_and_reused};
use scene3d_tests::{assert_fails_with, rendered};

const NUM_IMAGES: u64 = 20;
/// Each image with the next five.
const NUM_PAIRS: u64 = 5 * 15 + 4 + 3 + 2 + 1;

/// Long enough a mapping that its middle is met: many images, thorough bundle adjustment.
fn runs() -> Option<AlikedRuns> {
    let spec = SceneSpec { num_images: NUM_IMAGES as usize, image_size: [480, 360], ..SceneSpec::default() };
    AlikedRuns::of(&rendered(&spec))
}

fn command(runs: &AlikedRuns, out: &str, engine: &str, more: &[&str]) -> Command {
    let mut command = runs.command(out, more);
    command.args(["--set", "mapper.bundle_adjustment=thorough", "--set", &format!("mapper.engine={engine}")]);
    command.args(["--set", "pairing.method=sequential", "--set", "pairing.window=5"]);
    command
}

/// Runs until COLMAP has registered its first images, then sends a signal to its process.
fn kill_colmap_midway(command: &mut Command, signal: &str) -> Output {
    let mut scene3d = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(scene3d.stdout.take().unwrap()).lines();
    let registered = lines.by_ref().map(Result::unwrap).find(|line| line.contains("\"what\":\"registered "));
    assert!(registered.is_some(), "{:?}", scene3d.wait_with_output());
    let colmap = only_child_of(scene3d.id());
    assert!(Command::new("kill").args([signal, &colmap]).status().unwrap().success());
    lines.for_each(drop);
    scene3d.wait_with_output().unwrap()
}

fn only_child_of(parent: u32) -> String {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_child = |pid: &String| {
        // proc(5): `pid (name) state ppid`, where the name may hold spaces and parentheses
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        behind_name.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    let children: Vec<String> = processes.filter(is_child).collect();
    assert_eq!(children.len(), 1, "children of scene3d: {children:?}");
    children[0].clone()
}

fn check_kept(runs: &AlikedRuns, out: &str) {
    let features = runs.path(out).join("artifacts/features").read_dir().unwrap();
    assert_eq!(features.count() as u64, NUM_IMAGES);
    assert!(!runs.path(out).join("report.json").exists(), "there is no model to report");
}

/// The resumed run's model is the undisturbed one's, made of the features and matches that were kept.
fn check_resumed(runs: &AlikedRuns, engine: &str) {
    let output = scene3d_tests::run(&mut command(runs, "killed", engine, &["--resume"]));
    scene3d_tests::assert_success(&output);
    let events = scene3d_tests::aliked_run::events(&output);
    assert_eq!(items_and_reused(&events, "extract"), [NUM_IMAGES; 2]);
    assert_eq!(items_and_reused(&events, "match"), [NUM_PAIRS; 2]);
    assert_eq!(items_and_reused(&events, "map"), [NUM_IMAGES, 0]);
    let undisturbed = scene3d_tests::run(&mut command(runs, "whole", engine, &["--resume"]));
    scene3d_tests::assert_success(&undisturbed);
    assert!(runs.model("killed") == runs.model("whole"), "{engine}: another model than that of an undisturbed run");
    assert_eq!(runs.json("killed/report.json")["statistics"]["num_registered"], NUM_IMAGES);
}

const KEPT: &str = "what was finished is kept; add --resume to go on";

#[test]
fn pycolmap_is_killed_then_aborts_then_finishes() {
    let Some(runs) = runs() else { return };
    let killed = kill_colmap_midway(&mut command(&runs, "killed", "pycolmap", &[]), "-KILL");
    let words = ["plugin `colmap` could not run", "pycolmap was ended by signal 9 (SIGKILL)", "out of memory", KEPT];
    assert_fails_with(&killed, &words);
    check_kept(&runs, "killed");
    let aborted = kill_colmap_midway(&mut command(&runs, "killed", "pycolmap", &["--resume"]), "-ABRT");
    let words = ["plugin `colmap` could not run", "pycolmap was ended by signal 6 (SIGABRT)", "another mapper", KEPT];
    assert_fails_with(&aborted, &words);
    check_kept(&runs, "killed");
    check_resumed(&runs, "pycolmap");
}

#[test]
fn the_program_colmap_is_killed_then_finishes() {
    if Command::new("colmap").arg("help").output().is_err() {
        return eprintln!("skipped: no `colmap` on PATH");
    }
    let Some(runs) = runs() else { return };
    let killed = kill_colmap_midway(&mut command(&runs, "killed", "cli", &[]), "-KILL");
    let words =
        ["plugin `colmap` could not run", "colmap mapper was ended by signal 9 (SIGKILL)", "out of memory", KEPT];
    assert_fails_with(&killed, &words);
    check_kept(&runs, "killed");
    check_resumed(&runs, "cli");
}
