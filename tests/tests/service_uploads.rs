//! Uploads by a form: what is too large, what is no image, and a disk that is full.

use std::io::{Cursor, Read, Write};
use std::net::TcpStream;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use scene3d_tests::client::{Answer, Client};
use scene3d_tests::server::{ADMIN, Server, USER};
use scene3d_tests::small_disk::SmallDisk;
use scene3d_tests::small_scene;

const FORM: &str = "multipart/form-data; boundary=end";

/// What comes before the bytes of a file, and after.
fn form_around(name: &str) -> [String; 2] {
    let head = format!("--end\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    [head, "\r\n--end--\r\n".to_owned()]
}

/// The form as one body: reqwest's own is fed by a thread that fails if an answer comes before all of it was taken.
fn send(client: &Client, name: &str, bytes: Vec<u8>) -> Answer {
    let [head, end] = form_around(name);
    let form = [head.into_bytes(), bytes, end.into_bytes()].concat();
    client.send(client.request(Method::POST, "/api/v1/uploads").header(CONTENT_TYPE, FORM).body(form))
}

fn noise_png(side_px: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let image = image::RgbImage::from_fn(side_px, side_px, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, r, g, b] = state.to_le_bytes();
        image::Rgb([r, g, b])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn what_can_not_be_taken_is_refused_and_the_next_upload_is_taken() {
    let server = Server::start("jobs.run_jobs = false\nuploads.max_image_bytes = 1000000");
    let client = server.client(USER);
    let _ = send(&client, "a.png", noise_png(700)).expect_problem(413, "image_too_large");
    let _ = send(&client, "a.jpg", b"no image".to_vec()).expect_problem(415, "not_an_image");
    let _ = send(&client, "../a.jpg", b"x".to_vec()).expect_problem(422, "unsafe_name");
    let photo = small_scene().images[0].jpeg.clone();
    let _ = send(&client, "a.jpg", photo.clone()).expect_status(201);
    let metrics = server.client(ADMIN).get("/metrics").expect_status(200).text();
    let value = |sample: &str| metrics.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse::<u64>().ok());
    assert_eq!(value("scene3d_uploads_total{outcome=\"ready\"}"), Some(1), "{metrics}");
    assert!(value("scene3d_uploads_total{outcome=\"refused\"}").is_some_and(|num| num >= 2), "{metrics}");
    let received = value("scene3d_upload_bytes_total{kind=\"multipart\"}");
    assert!(received.is_some_and(|bytes| bytes > photo.len() as u64), "{metrics}");
}

/// Most clients read no answer before they have sent all of their request.
#[test]
fn who_sends_all_before_he_reads_is_told_why_he_is_refused() {
    let server = Server::start("jobs.run_jobs = false\nuploads.max_image_bytes = 100000");
    let client = server.client(USER);
    let [head, end] = form_around("a.png");
    let body = [head.as_bytes(), &vec![1; 20_000_000], end.as_bytes()].concat();
    let request = format!(
        "POST /api/v1/uploads HTTP/1.1\r\nHost: scene3d\r\nAuthorization: Bearer {}\r\nContent-Type: {FORM}\r\n\
         Content-Length: {}\r\n\r\n",
        client.token(),
        body.len()
    );
    for _ in 0..5 {
        let mut connection = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        connection.write_all(&body).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("image_too_large"), "{answer}");
    }
}

#[test]
fn a_full_disk_is_told_and_the_next_upload_is_taken() {
    let Some(disk) = SmallDisk::mount(6) else { return };
    let data_dir = format!("storage.data_dir = {:?}\njobs.run_jobs = false", disk.path().join("data"));
    let server = Server::start(&data_dir);
    let client = server.client(USER);
    let _ = send(&client, "large.png", noise_png(1200)).expect_problem(507, "disk_full");
    let _ = send(&client, "small.jpg", small_scene().images[0].jpeg.clone()).expect_status(201);
}
