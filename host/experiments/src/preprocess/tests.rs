//! Photos and ground truth stay in agreement, whatever is done to them.

use std::fs;

use image::RgbImage;
use scene3d_eval::ground_truth::{self, ImageSizes, from_reconstruction};
use scene3d_pipeline::{Cancel, PhotoSet, PhotoSource};
use scene3d_scene::synthetic::{SceneSpec, render};
use scene3d_scene::{CameraId, CameraModel, Reconstruction};

use super::*;

const PARAMS: &str = "datasets: {made: {layout: scenes}}\nconfigs: {only: {file: c.toml}}\n\
    select: {champion: only, metric: auc_5, alpha: 0.05, max_scene_loss: 2, out: best.toml}\n";

/// A project with one scene, and `preprocess` as given.
fn project(folder: &Path, spec: &SceneSpec, preprocess: &str) -> (Project, Reconstruction) {
    let scene = render(spec).unwrap();
    let images = folder.join("data/made/one/images");
    fs::create_dir_all(&images).unwrap();
    for image in &scene.images {
        fs::write(images.join(&image.name), &image.jpeg).unwrap();
    }
    fs::write(folder.join("data/made/one/ground-truth.json"), to_json(&from_reconstruction(&scene.truth))).unwrap();
    fs::write(folder.join("params.yaml"), format!("{PARAMS}preprocess: {preprocess}\n")).unwrap();
    (Project::open(folder).unwrap(), scene.truth)
}

fn photos(project: &Project) -> PhotoSet {
    let folder = project.preprocessed("made", "one").join(IMAGES);
    PhotoSet::read(&PhotoSource::from(folder.as_path()), PhotoLimits::default(), &Cancel::default()).unwrap()
}

fn truth(project: &Project) -> GroundTruth {
    ground_truth::read(&truth_file(&project.preprocessed("made", "one"), "one"), &ImageSizes::new()).unwrap()
}

#[test]
fn reduced_photos_have_scaled_cameras_and_keep_focal_length_and_device() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { num_images: 2, image_size: [320, 240], ..SceneSpec::default() };
    let (project, _) = project(folder.path(), &spec, "{long_side_px: 160}");
    assert_eq!(preprocess(&project).unwrap().collections[0].num_changed, 2);
    let photos = photos(&project);
    let info = &photos.photos[0].info;
    assert_eq!((info.image_size, info.device.as_deref()), ([160, 120], Some("scene3d synthetic")));
    let camera = truth(&project).images[&info.name].camera.clone().unwrap();
    assert_eq!((camera.image_size, camera.focal(), camera.principal_point()), ([160, 120], [136.0; 2], [80.0, 60.0]));
    // EXIF keeps whole micrometres
    assert!((info.focal_px.unwrap() - 136.0).abs() < 0.01, "{:?}", info.focal_px);
}

#[test]
fn photos_that_need_nothing_keep_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { num_images: 2, image_size: [160, 120], ..SceneSpec::default() };
    let (project, exact) = project(folder.path(), &spec, "{long_side_px: 160, undistort: true}");
    assert_eq!(preprocess(&project).unwrap().collections[0].num_changed, 0);
    let [given, kept] = [folder.path().join("data/made/one/images"), project.preprocessed("made", "one").join(IMAGES)]
        .map(|images| fs::read(images.join("image_000.jpg")).unwrap());
    assert!(given == kept);
    assert_eq!(truth(&project).images.len(), exact.images.len());
}

#[test]
fn a_turned_photo_is_turned_upright_and_says_so_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (path, made) = (folder.path().join("photo.png"), folder.path().join("made.png"));
    let stored = RgbImage::from_fn(6, 4, |x, _| image::Rgb([if x < 3 { 200 } else { 10 }, 0, 0]));
    fs::write(&path, with_orientation(&stored)).unwrap();
    fs::copy(&path, folder.path().join("twin.png")).unwrap();
    let read =
        || PhotoSet::read(&PhotoSource::from(folder.path()), PhotoLimits::default(), &Cancel::default()).unwrap();
    let photo = read().photos[0].clone();
    assert_eq!((photo.orientation, photo.info.image_size), (6, [4, 6]));
    let changes = Changes::of(&photo, None, &PreprocessParams::default());
    changes.write(&photo, &made, PhotoLimits::default()).unwrap();
    // 6: to be shown, the stored photo is turned by 90 degrees clockwise, so its left side comes to the top
    let upright = image::open(&made).unwrap().into_rgb8();
    assert_eq!((upright.dimensions(), upright.get_pixel(0, 0).0[0], upright.get_pixel(0, 5).0[0]), ((4, 6), 200, 10));
    assert_eq!(read().photos[0].orientation, 1);
}

fn with_orientation(pixels: &RgbImage) -> Vec<u8> {
    // a TIFF header and one entry: orientation (0x0112), SHORT, 1, value 6
    let tiff = [b"II*\0".as_slice(), &8_u32.to_le_bytes(), &[1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]];
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    image::ImageEncoder::set_exif_metadata(&mut encoder, tiff.concat()).unwrap();
    image::ImageEncoder::write_image(encoder, pixels.as_raw(), 6, 4, image::ExtendedColorType::Rgb8).unwrap();
    bytes
}

#[test]
fn undistorting_gives_what_a_pinhole_camera_sees() {
    // the same scene by a camera with distortion and by one without; noise and exposure are the same
    let spec = SceneSpec { num_images: 2, image_size: [320, 240], noise: 0.0, vignetting: 0.0, ..SceneSpec::default() };
    let distorted = SceneSpec { radial_distortion: -0.15, ..spec.clone() };
    let folder = tempfile::tempdir().unwrap();
    let (project, _) = project(folder.path(), &distorted, "{undistort: true}");
    assert_eq!(preprocess(&project).unwrap().collections[0].num_changed, 2);
    let camera = truth(&project).images["image_000.jpg"].camera.clone().unwrap();
    assert_eq!((camera.model, camera.camera_id), (CameraModel::Pinhole, CameraId(1)));
    let open = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
    let made = open(&fs::read(project.preprocessed("made", "one").join(IMAGES).join("image_000.jpg")).unwrap());
    let [pinhole, bent] = [&spec, &distorted].map(|spec| open(&render(spec).unwrap().images[0].jpeg));
    // in the corner regions, where distortion moves most, what was made is nearer to the pinhole's photo
    let difference = |a: &RgbImage, b: &RgbImage| -> f64 {
        let pixels = (20..60).flat_map(|y| (20..60).map(move |x| (x, y)));
        pixels.map(|(x, y)| f64::from(a.get_pixel(x, y).0[1].abs_diff(b.get_pixel(x, y).0[1]))).sum::<f64>() / 1600.0
    };
    let (after, before) = (difference(&made, &pinhole), difference(&bent, &pinhole));
    assert!(after < 0.5 * before && before > 2.0, "mean difference {after} after, {before} before");
}
