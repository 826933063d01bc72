//! Many at once: one key makes one job, uploads and listeners get all of it, and who holds on to what others need is cut off.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use scene3d_tests::client::{Answer, Client};
use scene3d_tests::postgres::Postgres;
use scene3d_tests::server::{ADMIN, OTHER_USER, Server, USER};
use scene3d_tests::small_scene;
use serde_json::{Value, json};

const NUM_SAME_REQUESTS: usize = 50;
const NUM_UPLOADS: usize = 40;
const NUM_LISTENERS: usize = 100;

fn photos(num_photos: usize) -> Vec<(&'static str, &'static [u8])> {
    let images = small_scene().images.iter().take(num_photos);
    images.map(|image| (image.name.as_str(), image.jpeg.as_slice())).collect()
}

/// What each of so many threads makes, all of which begin at the same time.
fn at_once<T: Send>(num_threads: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(num_threads);
    thread::scope(|scope| {
        let begin = |index| {
            let (barrier, make) = (&barrier, &make);
            scope.spawn(move || {
                barrier.wait();
                make(index)
            })
        };
        let threads: Vec<_> = (0..num_threads).map(begin).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn check_one_key_makes_one_job(server: &Server) {
    let client = server.client(USER);
    let (upload, other_upload) = (client.upload(&photos(3)), client.upload(&photos(2)));
    let ask = |client: &Client, upload: &str| -> Answer {
        let request = client.request(Method::POST, "/api/v1/jobs").header("idempotency-key", "one");
        client.send(request.json(&json!({ "upload_id": upload, "config": "dummy" })))
    };
    let answers = at_once(NUM_SAME_REQUESTS, |_| ask(&client, &upload));
    let ids: BTreeSet<String> =
        answers.into_iter().map(|answer| answer.expect_status(202).json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let listed = client.get("/api/v1/jobs").expect_status(200).json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1, "{listed}");
    let id = listed["jobs"][0]["id"].as_str().unwrap().to_owned();
    assert!(ids.contains(&format!("{id:?}")), "{ids:?}");
    let _ = ask(&client, &other_upload).expect_problem(422, "idempotency_key_reused");
    let other = server.client(OTHER_USER);
    let of_other = ask(&other, &other.upload(&photos(3))).expect_status(202).json();
    assert_ne!(of_other["id"], id);
    assert_eq!(client.ended_job(&id)["state"], "succeeded");
    assert_eq!(ask(&client, &upload).expect_status(202).json()["id"], id);
}

#[test]
fn one_key_makes_one_job_however_many_ask_at_once() {
    check_one_key_makes_one_job(&Server::start(""));
}

#[test]
fn one_key_makes_one_job_on_postgresql_too() {
    let Some(postgres) = Postgres::start() else { return };
    check_one_key_makes_one_job(&Server::start(&format!("storage.database_url = {:?}", postgres.url())));
}

/// Numbers of the events that a listener is sent until the stream ends.
fn numbers_of_events(client: &Client, job: &str) -> Vec<u64> {
    let mut text = String::new();
    client.stream(&format!("/api/v1/jobs/{job}/events")).read_to_string(&mut text).unwrap();
    let numbers = text.lines().filter_map(|line| line.strip_prefix("id:"));
    numbers.map(|number| number.trim().parse().unwrap()).collect()
}

/// The same photos as somebody else's camera would have written them: other bytes, the same pixels.
fn marked(jpeg: &[u8], mark: &str) -> Vec<u8> {
    let length = u16::try_from(mark.len() + 2).unwrap().to_be_bytes();
    // a comment behind the start of the image (ITU-T T.81, B.2.4.5)
    [&jpeg[..2], &[0xff, 0xfe], &length, mark.as_bytes(), &jpeg[2..]].concat()
}

#[test]
fn uploads_and_listeners_at_once_get_everything() {
    let server = Server::start("");
    let client = server.client(USER);
    let jobs: Vec<String> = {
        let upload = client.upload(&photos(6));
        (0..5).map(|_| client.start_job(&upload, &json!({}))).collect()
    };
    let last_job = jobs.last().unwrap();
    let (heard, uploads) = thread::scope(|scope| {
        let listening = scope.spawn(|| at_once(NUM_LISTENERS, |_| numbers_of_events(&client, last_job)));
        let uploads = at_once(NUM_UPLOADS, |index| {
            let other_bytes =
                photos(3).into_iter().map(|(name, jpeg)| (name, marked(jpeg, &format!("{index}-{name}"))));
            let files: Vec<(&str, Vec<u8>)> = other_bytes.collect();
            let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
            client.upload(&files)
        });
        (listening.join().unwrap(), uploads)
    });
    let ended = client.ended_job(last_job);
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let num_events = heard[0].last().copied().unwrap();
    assert!(num_events > 10, "{heard:?}");
    for numbers in &heard {
        assert_eq!(numbers, &(1..=num_events).collect::<Vec<_>>());
    }
    assert_eq!(uploads.iter().collect::<BTreeSet<_>>().len(), NUM_UPLOADS);
    for id in uploads {
        let upload = client.get(&format!("/api/v1/uploads/{id}")).expect_status(200).json();
        assert_eq!((&upload["state"], upload["images"].as_array().unwrap().len()), (&json!("ready"), 3), "{upload}");
    }
}

/// A job that waits for ever, on a server that runs none.
fn waiting_job(client: &Client) -> String {
    client.start_job(&client.upload(&photos(2)), &json!({}))
}

#[test]
fn streams_of_events_are_bounded_by_user_and_in_all() {
    let server = Server::start("jobs.run_jobs = false\nquotas.max_event_streams = 2\nserver.max_event_streams = 3");
    let (client, other) = (server.client(USER), server.client(OTHER_USER));
    let path = |client: &Client| format!("/api/v1/jobs/{}/events", waiting_job(client));
    let (of_client, of_other) = (path(&client), path(&other));
    let open = [client.stream(&of_client), client.stream(&of_client)];
    let refused = client.get(&of_client).expect_problem(429, "too_many_event_streams");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let open_of_other = other.stream(&of_other);
    assert_eq!(open_of_other.status(), 200);
    let full = other.get(&of_other).expect_problem(503, "event_streams_exhausted");
    assert!(full.header("retry-after").parse::<u64>().unwrap() >= 1);
    let _ = client.get("/api/v1/jobs").expect_status(200);
    let metrics = server.client(ADMIN).get("/metrics").expect_status(200).text();
    assert!(metrics.contains("scene3d_rate_limited_total{reason=\"too_many_event_streams\"} 1"), "{metrics}");
    assert!(metrics.contains("scene3d_sse_listeners 3"), "{metrics}");
    drop(open);
    let deadline = Instant::now() + Duration::from_secs(60);
    while client.stream(&of_client).status() != 200 {
        assert!(Instant::now() < deadline, "streams that were closed still count");
        thread::sleep(Duration::from_millis(50));
    }
}

struct Raw(TcpStream);

impl Raw {
    fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// All that comes until the server closes the connection; a reset is its end too.
    fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => unreachable!("the connection stays open: {error}"),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a byte every tenth of a second until the server has enough; its answer.
    fn trickle(&mut self) -> String {
        let mut writer = self.0.try_clone().unwrap();
        thread::spawn(move || {
            while writer.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
        self.rest()
    }
}

#[test]
fn who_trickles_an_upload_is_cut_off() {
    let server = Server::start("jobs.run_jobs = false\nuploads.max_pause_secs = 2");
    let client = server.client(USER);
    let auth = format!("host: x\r\nauthorization: Bearer {}\r\n", client.token());
    let mut form = Raw::connect(&server);
    form.send(&format!(
        "POST /api/v1/uploads HTTP/1.1\r\n{auth}content-type: multipart/form-data; boundary=b\r\ncontent-length: 1000000\r\n\
         \r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n"
    ));
    let answer = form.trickle();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request_timeout\""), "{answer}");
    let announce = client.request(Method::POST, "/api/v1/tus").header("tus-resumable", "1.0.0");
    let announced = client.send(announce.header("upload-length", "1000000")).expect_status(201);
    let path = announced.header("location").to_owned();
    let mut piece = Raw::connect(&server);
    piece.send(&format!(
        "PATCH {path} HTTP/1.1\r\n{auth}tus-resumable: 1.0.0\r\nupload-offset: 0\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: 1000000\r\n\r\n"
    ));
    let answer = piece.trickle();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"interrupted\""), "{answer}");
    let ask = client.request(Method::HEAD, &path).header("tus-resumable", "1.0.0");
    let kept: u64 = client.send(ask).expect_status(200).header("upload-offset").parse().unwrap();
    assert!(kept > 0, "what came is kept");
    let uploads: Value = client.get("/api/v1/uploads").expect_status(200).json();
    let states: Vec<&str> =
        uploads["uploads"].as_array().unwrap().iter().filter_map(|one| one["state"].as_str()).collect();
    assert_eq!(states, ["receiving", "terminated"], "{uploads}");
}

#[test]
fn connections_that_say_nothing_or_half_a_head_are_closed() {
    let server = Server::start("jobs.run_jobs = false");
    let [mut silent, mut half, mut idle] = [(); 3].map(|()| Raw::connect(&server));
    half.send("GET /healthz HTTP/1.1\r\nhost: x\r\n");
    idle.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    // each within the time-out of its reads
    assert_eq!(silent.rest(), "");
    assert!(!half.rest().starts_with("HTTP/1.1 200 "));
    assert!(idle.rest().starts_with("HTTP/1.1 200 "));
}

#[test]
fn connections_are_bounded() {
    let server = Server::start("jobs.run_jobs = false\nserver.max_connections = 20");
    let mut held: Vec<Raw> = (0..40).map(|_| Raw::connect(&server)).collect();
    for connection in &mut held {
        // those that were not taken are closed already
        connection.0.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").ok();
    }
    let answers = held.iter_mut().map(|connection| connection.0.read(&mut [0; 512]));
    let num_served = answers.filter(|read| read.as_ref().is_ok_and(|num_bytes| *num_bytes > 0)).count();
    assert!((1..=20).contains(&num_served), "{num_served}");
    assert!(server.log().contains("as many connections as server.max_connections"));
    drop(held);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !served_anew(&server) {
        assert!(Instant::now() < deadline, "there is no room again");
        thread::sleep(Duration::from_millis(50));
    }
}

fn served_anew(server: &Server) -> bool {
    let mut connection = Raw::connect(server);
    connection.0.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").ok();
    connection.rest().starts_with("HTTP/1.1 200 ")
}
