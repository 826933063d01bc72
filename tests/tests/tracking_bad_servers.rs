//! Tracking with servers that are none: a run never waits for one, and loses nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use scene3d_monitor::tracking::{RunStart, RunStatus, Tracker, TrackingConfig, TrackingStatus};
use scene3d_tests::tracked::{of_kind, records, run_folder, run_ids};
use scene3d_tests::{DUMMY_CONFIG, Workbench, assert_fails_with, assert_success, binary, run, small_photos, stderr};

/// What a server does with a connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Takes it and says nothing.
    Hangs,
    /// Says this to every request.
    Answers(&'static str),
    /// Ends it.
    HangsUp,
}

/// A server's URL, and how many connections it was made so far.
fn server(manner: Manner) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let num_connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&num_connections);
    thread::spawn(move || {
        let mut held: Vec<TcpStream> = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            match manner {
                Manner::Hangs => held.push(connection),
                Manner::Answers(text) => {
                    // the request is of no interest, but must be taken before it is answered
                    let _num_bytes = connection.read(&mut [0; 65536]).unwrap_or_default();
                    connection.write_all(text.as_bytes()).ok();
                }
                Manner::HangsUp => {}
            }
        }
    });
    (url, num_connections)
}

/// A call that waited for the server would wait for an hour.
fn config(spool: &Path, url: &str) -> TrackingConfig {
    let (grace, request_timeout) = (Duration::from_millis(300), Duration::from_secs(3600));
    TrackingConfig { grace, request_timeout, ..TrackingConfig::new(spool).with_server(url) }
}

/// Records while the server is asked, and lets go; how sending went.
fn tracked(spool: &Path, url: &str, num_connections: &AtomicUsize) -> TrackingStatus {
    let tracker = Tracker::open(&config(spool, url)).unwrap();
    let run = tracker.start_run(RunStart { experiment: "e".to_owned(), name: "n".to_owned(), ..RunStart::default() });
    while num_connections.load(Ordering::SeqCst) == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    (0..2000).for_each(|step| run.metric("m", 0.5, step));
    run.artifact_bytes("a.txt", b"a");
    run.end(RunStatus::Finished);
    tracker.close();
    tracker.status()
}

fn assert_all_in_spool(spool: &Path) {
    let [id]: [String; 1] = run_ids(spool).into_iter().collect::<Vec<_>>().try_into().unwrap();
    let records = records(&run_folder(spool, &id));
    let kinds = ["run_started", "metric", "artifact", "run_ended"].map(|kind| of_kind(&records, kind).len());
    assert_eq!(kinds, [1, 2000, 1, 1]);
}

#[test]
fn a_run_ends_while_the_server_has_not_answered_its_first_request() {
    let spool = tempfile::tempdir().unwrap();
    let (url, num_connections) = server(Manner::Hangs);
    let status = tracked(spool.path(), &url, &num_connections);
    assert_eq!(status.num_sent, 0);
    assert_all_in_spool(spool.path());
}

#[test]
fn a_server_that_fails_denies_or_is_another_leaves_all_in_the_spool() {
    for (manner, words) in [
        (Manner::Answers("HTTP/1.1 500 no\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnone"), "500"),
        (Manner::Answers("HTTP/1.1 403 no\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnone"), "403"),
        (
            Manner::Answers(
                "HTTP/1.1 302 no\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            ),
            "302",
        ),
        (Manner::Answers("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>"), "tracking server"),
        (
            Manner::Answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"),
            "not what MLflow's is",
        ),
        (Manner::HangsUp, "tracking server"),
    ] {
        let spool = tempfile::tempdir().unwrap();
        let (url, num_connections) = server(manner);
        let status = tracked(spool.path(), &url, &num_connections);
        assert_eq!((status.num_sent, status.num_refused), (0, 0));
        let failure = status.last_failure.unwrap();
        assert!(failure.contains(words), "{failure}");
        assert!(status.num_waiting > 0 && status.num_failures > 0, "{url}: {failure}");
        assert_all_in_spool(spool.path());
    }
}

#[test]
fn a_reconstruction_succeeds_whatever_the_server_and_the_spool_are() {
    let (hanging, _) = server(Manner::Hangs);
    let bench = Workbench::new();
    for (name, jpeg) in small_photos() {
        bench.photo(name, jpeg);
    }
    std::fs::write(bench.path("dummy.toml"), DUMMY_CONFIG).unwrap();
    std::fs::write(bench.path("file"), "in the way").unwrap();
    for (out, spool, server, is_recorded) in [
        ("hangs", "spool", hanging.as_str(), true),
        ("down", "spool", "http://127.0.0.1:9", true),
        ("no-spool", "file", "http://127.0.0.1:9", false),
    ] {
        let mut command = Command::new(binary());
        command.arg("reconstruct").arg(bench.path("photos")).arg("--config").arg(bench.path("dummy.toml"));
        command.arg("--out").arg(bench.path(out)).arg(format!("--track={server}"));
        let output = run(command.arg("--track-spool").arg(bench.path(spool)));
        assert_success(&output);
        assert_eq!(stderr(&output).contains("the run is not recorded"), !is_recorded, "{}", stderr(&output));
    }
    assert_eq!(run_ids(&bench.path("spool")).len(), 2);
    let mut command = Command::new(binary());
    command.args(["track", "sync", "--server", "http://127.0.0.1:9", "--spool"]).arg(bench.path("spool"));
    assert_fails_with(&run(&mut command), &["http://127.0.0.1:9", "records wait in the spool"]);
}

#[test]
fn a_url_that_can_be_none_and_one_with_a_password_are_mistakes_that_are_told_first() {
    let bench = Workbench::new();
    std::fs::write(bench.path("dummy.toml"), DUMMY_CONFIG).unwrap();
    for (url, words) in [("nonsense", "is none"), ("http://ann:hunter2@127.0.0.1", "basic_auth_file")] {
        let mut command = Command::new(binary());
        command.arg("reconstruct").arg(bench.path("photos")).arg("--config").arg(bench.path("dummy.toml"));
        let output = run(command.arg("--out").arg(bench.path("out")).arg(format!("--track={url}")));
        assert_fails_with(&output, &[words]);
        assert!(!stderr(&output).contains("hunter2"));
    }
}
