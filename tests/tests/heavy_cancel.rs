//! Cancelling reaches every stage within 5 s, on real photos with real plugins, and nothing of the run stays.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use scene3d_pipeline::{Cancel, Event, PhotoSource, PipelineError, Plugins, StageName, reconstruct};
use scene3d_tests::in_process::{Watcher, request, staged_plugins};
use scene3d_tests::{has_weights, shared, small_scene, write_photos};

const DEADLINE: Duration = Duration::from_secs(5);

const NEAREST: &str = r#"
[[features]]
extractor = { plugin = "aliked" }
matcher = { plugin = "nearest" }
[mapper]
plugin = "colmap"
bundle_adjustment = "thorough"
"#;

/// When in a stage a run is cancelled.
#[derive(Clone, Copy)]
enum Moment {
    Start,
    FirstProgress,
    /// So that the stage is well under way.
    After(Duration),
}

/// Calls back once the moment is there.
fn at(moment: Moment, stage: StageName, event: &Event, then: impl FnOnce() + Send + 'static) {
    match (event, moment) {
        (Event::StageStarted { stage: started, .. }, Moment::Start) if *started == stage => then(),
        (Event::StageStarted { stage: started, .. }, Moment::After(delay)) if *started == stage => {
            thread::spawn(move || {
                thread::sleep(delay);
                then();
            });
        }
        (Event::Progress { stage: progressed, .. }, Moment::FirstProgress) if *progressed == stage => then(),
        _ => {}
    }
}

fn photos(folder: &Path) -> PathBuf {
    shared("data/fountain-p11/images").unwrap_or_else(|| {
        write_photos(small_scene(), &folder.join("photos"));
        folder.join("photos")
    })
}

fn wait<T>(receiver: &Receiver<T>, deadline: Duration, what: &str) -> T {
    match receiver.recv_timeout(deadline) {
        Ok(value) => value,
        Err(error) => unreachable!("{what}: {error}"),
    }
}

fn check(stage: StageName, moment: Moment, toml: &str) {
    if !has_weights() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let plugins = Plugins::keeping(staged_plugins(), 4);
    let request =
        request(&plugins.registry, toml, PhotoSource::Folder(photos(folder.path())), &folder.path().join("out"));
    let (cancel, (cancelled, was_cancelled), (ended, has_ended)) = (Cancel::default(), channel(), channel());
    let handle = cancel.clone();
    let watcher = Watcher::reacting(move |event| {
        let (handle, cancelled) = (handle.clone(), cancelled.clone());
        at(moment, stage, event, move || {
            handle.cancel();
            cancelled.send(()).ok();
        });
    });
    let observer = watcher.clone();
    thread::scope(|scope| {
        scope.spawn(|| ended.send(reconstruct(&request, &plugins, observer, &cancel)).unwrap());
        wait(&was_cancelled, Duration::from_secs(120), "the stage was never reached");
        let outcome = wait(&has_ended, DEADLINE, "the run goes on");
        assert!(matches!(outcome, Err(PipelineError::Cancelled)), "{outcome:?}");
    });
    assert_eq!(plugins.warm.num_stages(), 0, "no instance is kept");
    let events = watcher.events();
    assert!(events.iter().any(|event| matches!(event, Event::Resident { bytes: 0, .. })), "{events:?}");
    assert!(watcher.items_and_reused(stage).is_none(), "the stage ended before it was cancelled");
    check_no_child();
}

/// COLMAP's process goes with its run.
#[cfg(target_os = "linux")]
fn check_no_child() {
    let children = || {
        let of_thread = |entry: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(entry.unwrap().path().join("children")).unwrap_or_default()
        };
        std::fs::read_dir("/proc/self/task").unwrap().map(of_thread).collect::<String>()
    };
    let started = std::time::Instant::now();
    while !children().trim().is_empty() {
        assert!(started.elapsed() < DEADLINE, "children that are left: {}", children());
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(not(target_os = "linux"))]
fn check_no_child() {}

#[test]
fn reading() {
    check(StageName::Read, Moment::Start, NEAREST);
}

#[test]
fn extracting() {
    check(StageName::Extract, Moment::Start, NEAREST);
    check(StageName::Extract, Moment::FirstProgress, NEAREST);
}

#[test]
fn pairing() {
    let many_words = "[pairing]\nmethod = \"retrieval\"\ncodebook_size = 16384\n";
    let small = NEAREST.replace("\"aliked\"", "\"aliked\", max_image_size = 512");
    check(StageName::Pair, Moment::After(Duration::from_millis(300)), &(small + many_words));
}

#[test]
fn matching() {
    check(StageName::Match, Moment::FirstProgress, NEAREST);
    let lightglue =
        NEAREST.replace("\"nearest\"", "\"lightglue\"").replace("\"aliked\"", "\"aliked\", max_image_size = 512");
    check(StageName::Match, Moment::After(Duration::from_secs(1)), &lightglue);
}

#[test]
fn mapping() {
    let small = NEAREST.replace("\"aliked\"", "\"aliked\", max_image_size = 512");
    check(StageName::Map, Moment::Start, &small);
    check(StageName::Map, Moment::FirstProgress, &small);
    check(StageName::Map, Moment::After(Duration::from_secs(1)), &small);
}

#[test]
fn exporting() {
    let small = NEAREST.replace("\"aliked\"", "\"aliked\", max_image_size = 512");
    check(StageName::Export, Moment::Start, &small);
}
