//! Engines that are missing, crash, hang or are told to stop.
#![cfg(unix)] // stand-ins for `colmap` are shell scripts
#![allow(clippy::unwrap_used)] // in the parts of tests, too

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{Recorder, engine_or_skip, scene};
use scene3d_colmap::{Colmap, ColmapConfig, EngineChoice};
use scene3d_sdk::{ErrorCode, MatchGraph, Result, SdkError};

/// A `colmap` that makes databases like 3.8 and does `mapper` as told.
fn fake_colmap(folder: &Path, mapper: &str) -> ColmapConfig {
    let python = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])";
    let schema = "CREATE TABLE cameras (a, b, c, d, e, f); CREATE TABLE images (image_id, name, camera_id); \
        CREATE TABLE keypoints (a, b, c, d); CREATE TABLE matches (pair_id, rows, c, d); \
        CREATE TABLE two_view_geometries (pair_id, rows, config);";
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\nhelp) echo 'COLMAP 3.8 -- fake' ;;\n*' -h') echo ' --database_path arg' ;;\n\
         database_creator*) python3 -c '{python}' \"$3\" '{schema}' ;;\nmatches_importer*) ;;\n\
         mapper*) {mapper} ;;\nesac\n"
    );
    let program = folder.join("colmap");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let colmap = program.to_str().unwrap().to_owned();
    ColmapConfig { engine: EngineChoice::Cli, colmap, ..Default::default() }
}

fn map_with(config: ColmapConfig, graph: &MatchGraph, caller: &Recorder) -> Result<usize> {
    Ok(Colmap::new(config, 0)?.map_graph(graph, caller)?.models.len())
}

fn check_fails(mapper: &str, timeout_secs: u64, code: ErrorCode) -> SdkError {
    let folder = tempfile::tempdir().unwrap();
    let config = ColmapConfig { timeout_secs, ..fake_colmap(folder.path(), mapper) };
    let graph = scene(4, &folder.path().join("work")).graph;
    let error = map_with(config, &graph, &Recorder::new(1)).unwrap_err();
    assert_eq!(error.code, code, "{error}");
    error
}

#[test]
fn an_abort_is_an_error_with_signal_and_log() {
    let mapper = "echo 'F1 incremental_mapper.cc:1] Check failed: the point' >&2; kill -ABRT $$";
    let error = check_fails(mapper, 0, ErrorCode::INTERNAL);
    assert!(error.message.contains("colmap mapper was ended by signal 6 (SIGABRT)"), "{error}");
    assert!(error.message.contains("Check failed: the point"), "{error}");
    assert!(error.details.iter().any(|(name, path)| name == "log" && path.ends_with("colmap.log")), "{error:?}");
}

#[test]
fn a_kill_from_outside_is_an_error_that_names_memory() {
    let error = check_fails("kill -KILL $$", 0, ErrorCode::UNAVAILABLE);
    assert!(error.message.contains("signal 9 (SIGKILL)") && error.help.contains("out of memory"), "{error:?}");
}

#[test]
fn an_exit_code_is_an_error() {
    let error = check_fails("exit 3", 0, ErrorCode::INTERNAL);
    assert!(error.message.contains("colmap mapper ended with exit code 3"), "{error}");
}

#[test]
fn a_timeout_stops_it() {
    let error = check_fails("sleep 600", 1, ErrorCode::TIMEOUT);
    assert_eq!(error.message, "colmap did not end within timeout_secs = 1");
}

#[test]
fn a_model_that_was_finished_before_a_crash_is_kept() {
    let Some(mut real) = engine_or_skip(EngineChoice::Auto, ColmapConfig::default()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let graph = scene(6, &folder.path().join("work")).graph;
    let model = real.map_graph(&graph, &Recorder::new(2)).unwrap().models.remove(0);
    let files = scene3d_sdk::scene::colmap::write_binary(&model);
    let saved = folder.path().join("saved");
    fs::create_dir(&saved).unwrap();
    fs::write(saved.join("cameras.bin"), files.cameras).unwrap();
    fs::write(saved.join("images.bin"), files.images).unwrap();
    fs::write(saved.join("points3D.bin"), files.points3d).unwrap();

    for kept_in in ["models/0", "snapshots/0000000001"] {
        let save = format!("cp -r '{}' {kept_in}; kill -ABRT $$", saved.display());
        // of two snapshots the later is half written
        let save = format!("mkdir snapshots/0000000002; touch snapshots/0000000002/images.bin; {save}");
        let caller = Recorder::new(1);
        let mut colmap = Colmap::new(fake_colmap(folder.path(), &save), 0).unwrap();
        let mapping = colmap.map_graph(&graph, &caller).unwrap();
        assert!(mapping.models.len() == 1 && mapping.models[0] == model, "{kept_in}");
        assert!(caller.said("keeping 1 finished model(s) although colmap mapper was ended by signal 6"));
    }
}

#[test]
fn cancelling_ends_the_whole_process_group_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("pid");
    let mapper = format!("sleep 600 & echo $! > '{}'; wait", marker.display());
    let config = fake_colmap(folder.path(), &mapper);
    let graph = scene(4, &folder.path().join("work")).graph;
    let caller = Recorder::new(1);
    std::thread::scope(|scope| {
        let mapping = scope.spawn(|| map_with(config, &graph, &caller));
        let grandchild = wait_for(|| fs::read_to_string(&marker).ok().filter(|pid| pid.ends_with('\n')));
        assert!(is_running(grandchild.trim()));
        caller.cancelled.store(true, Ordering::SeqCst);
        wait_for(|| (!is_running(grandchild.trim())).then_some(()));
        assert_eq!(mapping.join().unwrap().unwrap_err().code, ErrorCode::CANCELLED);
    });
}

#[test]
fn pycolmap_is_cancelled_while_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let graph = scene(24, folder.path()).graph;
    let Some(mut colmap) = engine_or_skip(EngineChoice::Pycolmap, ColmapConfig::default()) else { return };
    let caller = Recorder::new(1);
    std::thread::scope(|scope| {
        let mapping = scope.spawn(|| colmap.map_graph(&graph, &caller).map(|mapping| mapping.models.len()));
        while !mapping.is_finished() && !caller.said("registered 3 of 24 images") {
            std::thread::sleep(Duration::from_millis(5));
        }
        caller.cancelled.store(true, Ordering::SeqCst);
        wait_for(|| mapping.is_finished().then_some(()));
        assert_eq!(mapping.join().unwrap().unwrap_err().code, ErrorCode::CANCELLED);
    });
}

fn is_running(pid: &str) -> bool {
    Command::new("kill").args(["-0", pid]).output().unwrap().status.success()
}

/// Waits at most 5 s, the time within which a cancelled mapping must have ended.
fn wait_for<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "nothing happened within 5 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_engine_that_is_missing_says_how_to_get_one() {
    let missing = ColmapConfig { python: "/nowhere/python".to_owned(), ..Default::default() };
    let error = Colmap::new(missing, 0).err().unwrap();
    assert_eq!(error.code, ErrorCode::UNAVAILABLE);
    for way in ["cargo xtask setup", "pip install pycolmap==4.2.1", "SCENE3D_PYCOLMAP_PYTHON", "apt-get install colmap"]
    {
        assert!(error.help.contains(way), "{}", error.help);
    }
}

#[test]
fn a_python_without_pycolmap_gives_way_to_the_program_or_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python");
    fs::write(&python, "#!/bin/sh\necho \"ModuleNotFoundError: No module named 'pycolmap'\" >&2\nexit 1\n").unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let python = python.to_str().unwrap().to_owned();
    let graph = scene(4, &folder.path().join("work")).graph;

    let alone = ColmapConfig { engine: EngineChoice::Pycolmap, python: python.clone(), ..Default::default() };
    let error = map_with(alone, &graph, &Recorder::new(1)).unwrap_err();
    assert_eq!(error.code, ErrorCode::UNAVAILABLE);
    assert!(error.message.contains("No module named 'pycolmap'") && error.help.contains("setup"), "{error:?}");

    let caller = Recorder::new(1);
    let fake = fake_colmap(folder.path(), "true");
    let both = ColmapConfig { engine: EngineChoice::Auto, python, ..fake };
    assert_eq!(map_with(both, &graph, &caller).unwrap(), 0);
    assert!(caller.said("cannot run pycolmap"));
}

#[test]
fn a_python_that_hangs_while_it_imports_pycolmap_gives_way_to_the_program_or_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (python, marker) = (folder.path().join("python"), folder.path().join("pid"));
    let script = format!("#!/bin/sh\necho $$ > '{}'\necho 'loading libraries' >&2\nexec sleep 600\n", marker.display());
    fs::write(&python, script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let python = python.to_str().unwrap().to_owned();
    let graph = scene(4, &folder.path().join("work")).graph;

    let engine = EngineChoice::Pycolmap;
    let alone = ColmapConfig { engine, python: python.clone(), start_timeout_secs: 1, ..Default::default() };
    let error = map_with(alone, &graph, &Recorder::new(1)).unwrap_err();
    assert_eq!(error.code, ErrorCode::TIMEOUT);
    let expected = "cannot run pycolmap: it was not imported within start_timeout_secs = 1";
    assert!(error.message.contains(expected) && error.message.ends_with("\nloading libraries"), "{error}");
    for way in [&format!("`{python} -I -c 'import pycolmap'`"), "raise start_timeout_secs", "cargo xtask setup"] {
        assert!(error.help.contains(way), "{}", error.help);
    }
    assert!(!is_running(fs::read_to_string(&marker).unwrap().trim()));

    let caller = Recorder::new(1);
    let fake = fake_colmap(folder.path(), "true");
    let both = ColmapConfig { engine: EngineChoice::Auto, python, start_timeout_secs: 1, ..fake };
    assert_eq!(map_with(both, &graph, &caller).unwrap(), 0);
    assert!(caller.said("it was not imported within"));
}

#[test]
fn an_old_colmap_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = fake_colmap(folder.path(), "true");
    let script = fs::read_to_string(&config.colmap).unwrap().replace("COLMAP 3.8", "COLMAP 3.6");
    fs::write(&config.colmap, script).unwrap();
    let error = Colmap::new(config, 0).err().unwrap();
    assert!(error.message.ends_with("expected colmap >= 3.8, got `3.6`"), "{error}");
}

#[test]
fn a_graph_that_contradicts_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = fake_colmap(folder.path(), "true");
    let check = |spoil: fn(&mut MatchGraph), expected: &str| {
        let mut graph = scene(3, &folder.path().join("work")).graph;
        spoil(&mut graph);
        let error = map_with(config.clone(), &graph, &Recorder::new(1)).unwrap_err();
        assert_eq!(error.code, ErrorCode::INVALID_INPUT);
        assert!(error.message.contains(expected), "{error}");
    };
    check(|graph| graph.pairs[0].matches.indices[0] = [0, 9999], "match [0, 9999]");
    check(|graph| graph.images[2].name = graph.images[1].name.clone(), "two images are named");
    check(|graph| graph.images[0].image_id.0 = 9, "expected image id 1, got 9");
    check(|graph| graph.keypoints[0][0][1] = f32::NAN, "not finite");
}
