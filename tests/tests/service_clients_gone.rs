//! Clients that go in the middle of what they do, and two that do the same at once: nothing of it stays, and what was there is
//! as it was.
#![cfg(target_os = "linux")] // counts open files in /proc

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use scene3d_tests::client::{Answer, Client};
use scene3d_tests::hostile_config;
use scene3d_tests::processes::num_open_files;
use scene3d_tests::server::{ADMIN, Server, USER};
use scene3d_tests::service_bench::{ServiceBench, is_hanging};
use scene3d_tests::small_photos;
use serde_json::json;

const MAX_WAIT: Duration = Duration::from_secs(10);

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + MAX_WAIT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A request by hand, of which only the first bytes of the body are sent.
fn begin(server: &Server, client: &Client, head: &str, num_declared: usize, first: &[u8]) -> TcpStream {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let token = client.token();
    write!(
        stream,
        "{head}\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: {num_declared}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(first).unwrap();
    stream
}

fn num_staged(server: &Server) -> usize {
    fs::read_dir(server.path("data/staging")).unwrap().count()
}

fn upload_states(client: &Client) -> Vec<String> {
    let listed = client.get("/api/v1/uploads").expect_status(200).json();
    listed["uploads"].as_array().unwrap().iter().map(|upload| upload["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_form_that_ends_too_early_leaves_nothing() {
    // room for one of these uploads at a time
    let image = small_photos()[0].1;
    let quota = image.len() * 3 / 2 + 1000;
    let server = Server::start(&format!("jobs.run_jobs = false\nquotas.max_bytes = {quota}"));
    let client = server.client(USER);
    let head = "POST /api/v1/uploads HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=x";
    let part = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n";
    let first = [part.as_slice(), &image[..image.len() / 2]].concat();
    for num_sent in [0, 10, part.len(), first.len()] {
        let stream = begin(&server, &client, head, image.len() + 200, &first[..num_sent]);
        eventually("it is under way", || num_staged(&server) == 1);
        drop(stream);
        eventually("the staging folder is empty", || num_staged(&server) == 0);
        eventually("it is given up", || !upload_states(&client).contains(&"receiving".to_owned()));
    }
    assert!(!client.upload(&[("a.jpg", image)]).is_empty(), "the quota is given back");
    assert_eq!(upload_states(&client), ["ready", "terminated", "terminated", "terminated", "terminated"]);
}

fn tus(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = client.request(method, path).header("tus-resumable", "1.0.0").body(body.to_vec());
    client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

fn announce(client: &Client, num_bytes: usize) -> Answer {
    tus(client, "POST", "/api/v1/tus", &[("upload-length", &num_bytes.to_string())], b"")
}

fn patch(client: &Client, path: &str, offset: usize, body: &[u8]) -> Answer {
    let headers =
        [("upload-offset", offset.to_string()), ("content-type", "application/offset+octet-stream".to_owned())];
    tus(client, "PATCH", path, &headers.each_ref().map(|(name, value)| (*name, value.as_str())), body)
}

fn patch_head(path: &str, offset: usize) -> String {
    format!(
        "PATCH {path} HTTP/1.1\r\ntus-resumable: 1.0.0\r\nupload-offset: {offset}\r\n\
         content-type: application/offset+octet-stream"
    )
}

fn offset(client: &Client, path: &str) -> usize {
    tus(client, "HEAD", path, &[], b"").expect_status(200).header("upload-offset").parse().unwrap()
}

/// The bytes of an upload that became an image, as they are told by their sha256.
fn check_content(client: &Client, path: &str, bytes: &[u8]) {
    use sha2::{Digest, Sha256};
    let id = path.rsplit('/').next().unwrap();
    let upload = || client.get(&format!("/api/v1/uploads/{id}")).expect_status(200).json();
    eventually("it is looked at", || upload()["state"] == "ready");
    let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(upload()["images"][0]["sha256"], sha256, "{:#}", upload());
}

#[test]
fn a_patch_that_ends_too_early_keeps_what_came_and_gives_all_back_when_it_is_given_up() {
    let image = small_photos()[0].1;
    let server = Server::start(&format!("jobs.run_jobs = false\nquotas.max_bytes = {}", image.len() + 10));
    let client = server.client(USER);
    let path = announce(&client, image.len()).expect_status(201).header("location").to_owned();
    let _ = announce(&client, image.len()).expect_problem(403, "quota_exceeded");
    let half = image.len() / 2;
    drop(begin(&server, &client, &patch_head(&path, 0), image.len(), &image[..half]));
    eventually("what came is kept", || offset(&client, &path) == half);
    eventually("it is given up", || tus(&client, "DELETE", &path, &[], b"").status == 204);
    assert_eq!(num_staged(&server), 0);
    let path = announce(&client, image.len()).expect_status(201).header("location").to_owned();
    drop(begin(&server, &client, &patch_head(&path, 0), image.len(), &image[..half]));
    eventually("what came is kept", || offset(&client, &path) == half);
    let _ = patch(&client, &path, half, &image[half..]).expect_status(204);
    check_content(&client, &path, image);
    eventually("nothing is staged", || num_staged(&server) == 0);
}

#[test]
fn of_patches_at_once_one_wins_and_the_others_are_told() {
    let image = small_photos()[0].1;
    let server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let path = announce(&client, image.len()).expect_status(201).header("location").to_owned();
    // one that is slow holds it
    let mut slow = begin(&server, &client, &patch_head(&path, 0), 1000, &image[..500]);
    let staged = server.path("data/staging").join(path.rsplit('/').next().unwrap()).join("0");
    eventually("it is under way", || staged.exists());
    assert_eq!(tus(&client, "DELETE", &path, &[], b"").status, 423);
    assert_eq!(patch(&client, &path, 0, image).expect_problem(423, "upload_locked").header("retry-after"), "1");
    slow.write_all(&image[500..1000]).unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
    // and of those that are fast the first
    let statuses: Vec<u16> = thread::scope(|scope| {
        let sent = || patch(&client, &path, 1000, &image[1000..]).status;
        let sent: Vec<_> = (0..6).map(|_| scope.spawn(sent)).collect();
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 409, 423].contains(status)), "{statuses:?}");
    check_content(&client, &path, image);
}

fn num_listeners(server: &Server) -> u64 {
    let metrics = server.client(ADMIN).get("/metrics").expect_status(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("scene3d_sse_listeners "));
    line.and_then(|count| count.parse().ok()).unwrap()
}

const NUM_CLIENTS: usize = 20;

/// Clients that listen to a job that goes on, and clients in the middle of a download, all gone at once.
fn listen_download_and_go(bench: &ServiceBench, running: &str, finished: &str) {
    let (server, client) = (&bench.server, &bench.client);
    let ask = |path: &str| begin(server, client, &format!("GET {path} HTTP/1.1"), 0, b"");
    let mut streams: Vec<_> = (0..NUM_CLIENTS).map(|_| ask(&format!("/api/v1/jobs/{running}/events"))).collect();
    eventually("all listen", || num_listeners(server) == NUM_CLIENTS as u64);
    streams.extend((0..NUM_CLIENTS).map(|_| ask(&format!("/api/v1/jobs/{finished}/artifacts/report.html"))));
    for stream in &mut streams {
        stream.read_exact(&mut [0; 100]).unwrap();
    }
    assert!(num_open_files(server.pid()) >= 2 * NUM_CLIENTS);
    drop(streams);
    eventually("nobody listens any more", || num_listeners(server) == 0);
}

#[test]
fn listeners_and_downloads_that_go_leave_nothing_open() {
    let bench = ServiceBench::start("");
    let finished = bench.start_job(scene3d_tests::DUMMY_CONFIG);
    bench.check_ends_well(&finished);
    let running = bench.start_job(&hostile_config("hang_until_cancelled"));
    bench.wait_for(&running, is_hanging);
    eventually("nobody listens yet", || num_listeners(&bench.server) == 0);
    // so many at once open all the connections to the database that there may be, which stay
    listen_download_and_go(&bench, &running, &finished);
    let open = || num_open_files(bench.server.pid());
    let mut before = open();
    eventually("the first ones are gone", || {
        thread::sleep(Duration::from_millis(300));
        std::mem::replace(&mut before, open()) == before && before < 2 * NUM_CLIENTS
    });
    for _ in 0..3 {
        listen_download_and_go(&bench, &running, &finished);
        eventually("nothing is open any more", || open() <= before);
    }
    let _ = bench.client.post(&format!("/api/v1/jobs/{running}/cancel"), &json!({}));
    assert_eq!(bench.client.ended_job(&running)["state"], "cancelled");
    bench.check_next_job_succeeds();
}
