//! Every kind of bad input ends in a clear error or a named skip, never in a panic, and what was finished is kept.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use scene3d_tests::{Workbench, assert_fails_with, assert_success, small_scene, stderr};

fn good_jpeg() -> &'static [u8] {
    &small_scene().images[0].jpeg
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// One photo that can't be used among two good ones is named, with its reason, and the rest goes on.
fn check_skipped(name: &str, bytes: &[u8], reason: &str) {
    let bench = Workbench::new().with_two_photos();
    bench.photo(name, bytes);
    let output = bench.reconstruct(&[]);
    assert_success(&output);
    assert!(stderr(&output).contains(reason), "expected `{reason}` in\n{}", stderr(&output));
    let image = bench.image_report(name);
    assert_eq!(image["verdict"], "not_decodable", "{image:#}");
    assert!(image["reason"].as_str().unwrap().contains(reason), "{image:#}");
    assert!(!image["next_step"].as_str().unwrap().is_empty());
}

/// An unusual photo that can be used is used.
fn check_used(name: &str, bytes: &[u8], expected_size: [u32; 2]) {
    let bench = Workbench::new().with_two_photos();
    bench.photo(name, bytes);
    assert_success(&bench.reconstruct(&[]));
    let image = bench.image_report(name);
    assert_ne!(image["verdict"], "not_decodable", "{image:#}");
    assert_eq!(image["image_size"], serde_json::json!(expected_size), "{image:#}");
}

#[test]
fn an_empty_folder_and_a_missing_one() {
    let bench = Workbench::new();
    assert_fails_with(&bench.reconstruct(&[]), &["found 0 usable photos, expected at least 2"]);
    std::fs::remove_dir(bench.path("photos")).unwrap();
    assert_fails_with(&bench.reconstruct(&["--resume"]), &["photo folder can't be read"]);
}

#[test]
fn one_photo_makes_no_scene() {
    let bench = Workbench::new();
    bench.photo("only.jpg", good_jpeg()).photo("notes.txt", b"milk");
    let words = ["found 1 usable photos, expected at least 2", "1 other files are no images"];
    assert_fails_with(&bench.reconstruct(&[]), &words);
}

#[test]
fn zero_bytes() {
    check_skipped("zero.jpg", b"", "the file is empty");
}

#[test]
fn a_truncated_jpeg() {
    check_skipped("cut.jpg", &good_jpeg()[..600], "");
    let half = &good_jpeg()[..good_jpeg().len() / 2];
    let bench = Workbench::new().with_two_photos();
    bench.photo("half.jpg", half);
    assert_success(&bench.reconstruct(&[]));
    // its size is known from the header, whether or not its pixels could be decoded
    assert_eq!(bench.image_report("half.jpg")["image_size"], serde_json::json!([640, 480]));
}

#[test]
fn a_text_named_jpg() {
    check_skipped("letter.jpg", b"dear reader,", "its content is no image");
}

#[test]
fn one_pixel() {
    check_used("dot.png", &encoded(&DynamicImage::new_rgb8(1, 1), ImageFormat::Png), [1, 1]);
}

#[test]
fn far_too_many_pixels() {
    let image = DynamicImage::new_luma8(20_000, 20_000);
    let bytes = encoded(&image, ImageFormat::Png);
    check_skipped("wall.png", &bytes, "400000000 pixels, expected at most 256000000");
}

#[test]
fn many_pixels_on_request() {
    let bench = Workbench::new().with_two_photos();
    bench.photo("wall.png", &encoded(&DynamicImage::new_luma8(20_000, 20_000), ImageFormat::Png));
    assert_success(&bench.reconstruct(&["--max-megapixels", "400"]));
    assert_eq!(bench.image_report("wall.png")["image_size"], serde_json::json!([20_000, 20_000]));
}

#[test]
fn cmyk() {
    check_used("print.jpg", include_bytes!("../fixtures/cmyk.jpg"), [64, 48]);
}

#[test]
fn sixteen_bits_gray_and_alpha() {
    check_used("deep.png", &encoded(&DynamicImage::new_rgb16(60, 40), ImageFormat::Png), [60, 40]);
    check_used("deep.tiff", &encoded(&DynamicImage::new_luma16(60, 40), ImageFormat::Tiff), [60, 40]);
    check_used("gray.jpg", &encoded(&DynamicImage::new_luma8(60, 40), ImageFormat::Jpeg), [60, 40]);
    check_used("glass.png", &encoded(&DynamicImage::new_rgba8(60, 40), ImageFormat::Png), [60, 40]);
    check_used("glass.webp", &encoded(&DynamicImage::new_rgba8(60, 40), ImageFormat::WebP), [60, 40]);
}

/// A JPEG with an EXIF block that holds nothing but the orientation (TIFF 6.0, little endian).
fn oriented_jpeg(orientation: u8) -> Vec<u8> {
    let plain = encoded(&DynamicImage::new_rgb8(60, 40), ImageFormat::Jpeg);
    let tiff =
        [b"II*\0\x08\0\0\0".as_slice(), &[1, 0], &[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0], &[0, 0, 0, 0]]
            .concat();
    let length = (2 + 6 + tiff.len() as u16).to_be_bytes();
    [&plain[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &tiff, &plain[2..]].concat()
}

#[test]
fn every_exif_orientation() {
    let bench = Workbench::new().with_two_photos();
    for orientation in 1..=9 {
        bench.photo(&format!("turned-{orientation}.jpg"), &oriented_jpeg(orientation));
    }
    assert_success(&bench.reconstruct(&[]));
    for orientation in 1..=9 {
        let expected = if (5..=8).contains(&orientation) { [40, 60] } else { [60, 40] };
        let image = bench.image_report(&format!("turned-{orientation}.jpg"));
        assert_eq!(image["image_size"], serde_json::json!(expected), "orientation {orientation}");
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_file() {
    // permissions do not stop root, who runs many a CI; a dangling link stops everyone
    let bench = Workbench::new().with_two_photos();
    std::os::unix::fs::symlink("nowhere", bench.path("photos/gone.jpg")).unwrap();
    let output = bench.reconstruct(&[]);
    assert_success(&output);
    assert!(stderr(&output).contains("skipped gone.jpg: can't be read"), "{}", stderr(&output));
}

#[test]
fn odd_names_and_equal_names_in_subfolders() {
    let names =
        ["a b.jpg", "räksmörgås 📷.jpg", "two\nlines.jpg", "one/same.jpg", "two/same.jpg", "-dash.jpg", "q'\"$.jpg"];
    let bench = Workbench::new();
    for (name, image) in names.iter().zip(small_scene().images.iter().cycle()) {
        bench.photo(name, &image.jpeg);
    }
    assert_success(&bench.reconstruct(&[]));
    for name in names {
        assert_eq!(bench.image_report(name)["registered"], true, "{name}");
    }
}

#[test]
fn the_output_folder_is_not_taken_from_others() {
    let bench = Workbench::new().with_two_photos();
    assert_success(&bench.reconstruct(&[]));
    assert_fails_with(&bench.reconstruct(&[]), &["output folder holds a run already", "--resume"]);
    assert_success(&bench.reconstruct(&["--resume"]));
    std::fs::create_dir(bench.path("mine")).unwrap();
    std::fs::write(bench.path("mine/thesis.tex"), "").unwrap();
    let mine = bench.path("mine").display().to_string();
    assert_fails_with(&bench.reconstruct(&["--out", &mine]), &["cannot be used multiple times"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_what_was_finished() {
    let bench = Workbench::new().with_two_photos();
    let disk = bench.path("out");
    std::fs::create_dir(&disk).unwrap();
    let mount =
        std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=96k", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a small file system can't be mounted here");
        return;
    }
    let output = bench.reconstruct(&[]);
    let remount = std::process::Command::new("mount").args(["-o", "remount,size=64m"]).arg(&disk).output().unwrap();
    let resumed = bench.reconstruct(&["--resume"]);
    let unmounted = std::process::Command::new("umount").arg(&disk).output().unwrap();
    assert_fails_with(&output, &["space"]);
    assert!(remount.status.success() && unmounted.status.success());
    assert_success(&resumed);
}

#[test]
fn damaged_artifacts_are_computed_again() {
    let bench = Workbench::new().with_two_photos();
    assert_success(&bench.reconstruct(&[]));
    for entry in std::fs::read_dir(bench.path("out/artifacts/features")).unwrap() {
        std::fs::write(entry.unwrap().path(), "torn").unwrap();
    }
    let output = bench.reconstruct(&["--resume"]);
    assert_success(&output);
    assert!(stderr(&output).contains("computing again: artifact is damaged"), "{}", stderr(&output));
}
