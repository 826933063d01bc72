//! Small pictures of a job's images: made when they are asked for, by name, in two sizes.

use std::io::Cursor;

use image::{GenericImageView, ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use scene3d_tests::server::{Server, USER};
use serde_json::json;

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([(x / 8) as u8, (y / 8) as u8, 90]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn pictures_are_small_kept_by_the_client_and_known_by_name() {
    let server = Server::start("jobs.run_jobs = false");
    let client = server.client(USER);
    let upload = client.upload(&[("hall/a 1.jpg", &jpeg(2000, 1000)), ("b.jpg", &jpeg(300, 400))]);
    let job = client.start_job(&upload, &json!({}));
    let path = |name: &str| format!("/api/v1/jobs/{job}/thumbnails/{name}");
    for (name, size) in
        [("hall/a%201.jpg", (512, 256)), ("hall%2Fa%201.jpg?size=large", (1600, 800)), ("b.jpg", (300, 400))]
    {
        let answer = client.get(&path(name)).expect_status(200);
        assert_eq!(image::load_from_memory(&answer.body).unwrap().dimensions(), size, "{name}");
        assert_eq!(answer.header("content-type"), "image/jpeg");
        assert_eq!(answer.header("cache-control"), "private, max-age=86400");
        let again = client.request(Method::GET, &path(name)).header("if-none-match", answer.header("etag"));
        let _ = client.send(again).expect_status(304);
    }
    let tags = ["b.jpg", "b.jpg?size=large"].map(|name| client.get(&path(name)).header("etag").to_owned());
    assert_ne!(tags[0], tags[1]);
    let _ = client.get(&path("c.jpg")).expect_problem(404, "not_found");
    let _ = client.get(&path("b.jpg?size=huge")).expect_problem(422, "invalid_query");
}
