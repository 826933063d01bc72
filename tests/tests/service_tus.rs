//! Resumable uploads: the official client over a bad connection, and the protocol by single requests.

use std::fs;
use std::time::Duration;

use reqwest::Method;
use scene3d_tests::client::{Answer, Client};
use scene3d_tests::cutting_proxy::{Cuts, CuttingProxy, Sender};
use scene3d_tests::server::{OTHER_USER, Server, USER};
use scene3d_tests::tus::{TusClient, write_zip};
use scene3d_tests::{small_photos, small_scene};

const NUM_CUTS: usize = 10;
const OFFSET_STREAM: &str = "application/offset+octet-stream";

fn tus(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = client.request(method, path).header("tus-resumable", "1.0.0").body(body.to_vec());
    client.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

fn announce(client: &Client, num_bytes: usize) -> String {
    let length = num_bytes.to_string();
    let announced = tus(client, "POST", "/api/v1/tus", &[("upload-length", &length)], b"").expect_status(201);
    assert_eq!(announced.header("upload-offset"), "0");
    assert!(!announced.header("upload-expires").is_empty());
    announced.header("location").to_owned()
}

fn patch(client: &Client, path: &str, offset: usize, checksum: Option<&str>, body: &[u8]) -> Answer {
    let offset = offset.to_string();
    let mut headers = vec![("upload-offset", offset.as_str()), ("content-type", OFFSET_STREAM)];
    headers.extend(checksum.map(|checksum| ("upload-checksum", checksum)));
    tus(client, "PATCH", path, &headers, body)
}

fn offset(client: &Client, path: &str) -> usize {
    tus(client, "HEAD", path, &[], b"").expect_status(200).header("upload-offset").parse().unwrap()
}

fn id_of(location: &str) -> &str {
    location.rsplit('/').next().unwrap()
}

#[test]
fn the_official_client_finishes_though_ten_connections_are_cut() {
    let Some(tus_client) = TusClient::installed() else { return };
    let server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let zip = server.path("photos.zip");
    write_zip(&zip, small_photos());
    let piece = usize::try_from(fs::metadata(&zip).unwrap().len()).unwrap() / (NUM_CUTS + 2);
    let cuts = Cuts { num_cuts: NUM_CUTS, sender: Sender::Client, after_bytes: 1000..piece, seed: 0 };
    let proxy = CuttingProxy::start(&server.url, cuts);
    let upload = client.ended_upload(&tus_client.send(&proxy.url, client.token(), &zip));
    assert_eq!(proxy.num_cuts(), NUM_CUTS);
    assert_eq!(upload["state"], "ready", "{upload:#}");
    assert_eq!(upload["images"].as_array().unwrap().len(), small_photos().len());
}

#[test]
fn bytes_are_taken_where_the_last_ones_ended_and_nowhere_else() {
    let server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let image = &small_scene().images[0].jpeg;
    let path = announce(&client, image.len());
    let (first, rest) = image.split_at(1000);
    assert_eq!(patch(&client, &path, 0, None, first).expect_status(204).header("upload-offset"), "1000");
    let _ = patch(&client, &path, 0, None, first).expect_problem(409, "wrong_offset");
    let _ = patch(&client, &path, 2000, None, rest).expect_problem(409, "wrong_offset");
    let _ = patch(&client, &path, 1000, Some("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="), rest)
        .expect_problem(460, "wrong_checksum");
    let too_much = [rest, b"x"].concat();
    let _ = patch(&client, &path, 1000, None, &too_much).expect_problem(413, "upload_too_large");
    assert_eq!(offset(&client, &path), 1000);
    let _ = patch(&client, &path, 1000, None, rest).expect_status(204);
    assert_eq!(client.ended_upload(id_of(&path))["state"], "ready");
}

#[test]
fn requests_that_are_not_of_the_protocol_are_refused() {
    let server = Server::start("jobs.run_jobs = false\nuploads.max_bytes = 100000");
    let client = server.client(USER);
    let unversioned = client.send(client.request(Method::POST, "/api/v1/tus").header("upload-length", "1"));
    assert_eq!(unversioned.expect_problem(412, "tus_version").header("tus-version"), "1.0.0");
    let options = tus(&client, "OPTIONS", "/api/v1/tus", &[], b"").expect_status(204);
    assert!(!options.header("tus-extension").contains("concatenation"));
    assert_eq!(options.header("tus-checksum-algorithm"), "sha1,sha256,md5");
    let post = |headers: &[(&str, &str)]| tus(&client, "POST", "/api/v1/tus", headers, b"");
    let _ = post(&[("upload-concat", "partial"), ("upload-length", "1")]).expect_problem(400, "not_offered");
    let _ = post(&[("upload-length", "-1")]).expect_problem(400, "bad_header");
    let _ = post(&[("upload-length", "100001")]).expect_problem(413, "upload_too_large");
    let path = announce(&client, 10);
    let _ = tus(&client, "PATCH", &path, &[("upload-offset", "0")], b"x").expect_problem(415, "unsupported_media_type");
    let other = server.client(OTHER_USER);
    assert_eq!(tus(&other, "HEAD", &path, &[], b"").status, 404);
    let _ = tus(&client, "DELETE", &path, &[], b"").expect_status(204);
    assert_eq!(tus(&client, "HEAD", &path, &[], b"").status, 410);
}

#[test]
fn an_upload_that_is_not_finished_in_time_is_gone() {
    let server = Server::start("jobs.run_jobs = false\nuploads.expire_secs = 1");
    let client = server.client(USER);
    let path = announce(&client, 10);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(tus(&client, "HEAD", &path, &[], b"").status, 410);
    let _ = patch(&client, &path, 0, None, b"x").expect_problem(410, "upload_gone");
}
