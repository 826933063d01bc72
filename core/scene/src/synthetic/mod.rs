//! Synthetic photos with exact cameras, for tests and the demo: textured room and objects, an orbit of cameras, a sensor.
//!
//! The scenes are made so that feature-based structure from motion works on them as on photos: distinct texture at every
//! scale, parallax, occlusion, shadows, noise, exposure change and JPEG. Every byte depends on the [`SceneSpec`] only.

mod noise;
mod orbit;
mod sensor;
mod texture;
mod world;

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use rayon::prelude::*;

use crate::exif::CameraExif;
use crate::{Camera, CameraId, CameraModel, ImageId, Reconstruction, RegisteredImage, Rigid3, SceneError};

/// Keeps the scene of a [`FaultKind::Foreign`] image apart from the main one.
const FOREIGN_SEED: u64 = 0x0f0e_1617;
/// Focal length over image width: a field of view of 61 degrees.
const FOCAL_PER_WIDTH: f64 = 0.85;

/// What to render. The default is 12 images of 1024x768 without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneSpec {
    /// Number of images along the orbit.
    pub num_images: usize,
    /// `[width, height]` in px.
    pub image_size: [u32; 2],
    /// Chooses scene, camera path and noise.
    pub seed: u64,
    /// Angle between neighbouring cameras seen from the middle of the scene, deg; smaller if more than a circle is asked.
    pub step_deg: f64,
    /// Standard deviation of the sensor noise in 8-bit levels.
    pub noise: f32,
    /// Largest change of exposure between images, in stops (factor `2^x`), either way.
    pub exposure_change: f32,
    /// Share of light lost in the corners.
    pub vignetting: f32,
    /// `k` of a SIMPLE_RADIAL camera; the camera is PINHOLE where it is zero.
    pub radial_distortion: f64,
    /// 1 to 100.
    pub jpeg_quality: u8,
    /// What is wrong with which image.
    pub faults: Vec<Fault>,
}

impl Default for SceneSpec {
    fn default() -> Self {
        Self {
            num_images: 12,
            image_size: [1024, 768],
            seed: 0,
            step_deg: 9.0,
            noise: 2.0,
            exposure_change: 0.3,
            vignetting: 0.15,
            radial_distortion: 0.0,
            jpeg_quality: 92,
            faults: Vec::new(),
        }
    }
}

/// Something wrong with one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// Index of the image, from 0.
    pub image: usize,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// The faults that photo collections have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultKind {
    /// Out of focus: Gaussian blur.
    Blur {
        /// Standard deviation in px.
        sigma_px: f32,
    },
    /// The same file as another image, under its own name.
    Duplicate {
        /// Index of that other image.
        of: usize,
    },
    /// A photo of another scene; the truth does not hold it.
    Foreign,
    /// The camera is turned away from the scene.
    LowOverlap,
    /// EXIF states a focal length that is wrong by a factor.
    WrongExifFocal {
        /// Stated over true focal length.
        factor: f64,
    },
}

/// One rendered photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntheticImage {
    /// File name.
    pub name: String,
    /// The JPEG file.
    pub jpeg: Vec<u8>,
}

/// Rendered photos and what is true of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticScene {
    /// Photos, sorted by name.
    pub images: Vec<SyntheticImage>,
    /// The camera and the poses, units m, world `z` up; without points and without foreign images.
    pub truth: Reconstruction,
}

/// Renders the photos of a scene; the same bytes whatever the thread count.
///
/// # Errors
/// [`SceneError::SyntheticSpec`] if a value of the spec is out of its range.
pub fn render(spec: &SceneSpec) -> Result<SyntheticScene, SceneError> {
    check(spec)?;
    let camera = camera(spec)?;
    let worlds = [world::World::new(spec.seed), world::World::new(spec.seed ^ FOREIGN_SEED)];
    let images = (0..spec.num_images)
        .into_par_iter()
        .map(|index| {
            let shot = Shot::new(spec, index);
            let world = &worlds[usize::from(shot.is_foreign)];
            Ok(SyntheticImage { name: name(index), jpeg: shot.jpeg(spec, world, &camera)? })
        })
        .collect::<Result<_, SceneError>>()?;
    Ok(SyntheticScene { images, truth: truth(spec, camera)? })
}

fn check(spec: &SceneSpec) -> Result<(), SceneError> {
    let refuse = |problem: String| Err(SceneError::SyntheticSpec(problem));
    if spec.image_size.iter().any(|side| !(16..=16_384).contains(side)) {
        return refuse(format!("expected image sides of 16 to 16384 px, got {:?}", spec.image_size));
    }
    if !(1..=100).contains(&spec.jpeg_quality) {
        return refuse(format!("expected a JPEG quality of 1 to 100, got {}", spec.jpeg_quality));
    }
    if !(-0.3..=0.3).contains(&spec.radial_distortion) {
        return refuse(format!("expected a radial distortion of -0.3 to 0.3, got {}", spec.radial_distortion));
    }
    for fault in &spec.faults {
        let of = if let FaultKind::Duplicate { of } = fault.kind { of } else { fault.image };
        if fault.image.max(of) >= spec.num_images {
            return refuse(format!("expected image indices below {}, got {fault:?}", spec.num_images));
        }
    }
    Ok(())
}

fn name(index: usize) -> String {
    format!("image_{index:03}.jpg")
}

fn camera(spec: &SceneSpec) -> Result<Camera, SceneError> {
    let [width, height] = spec.image_size.map(f64::from);
    let (focal, cx, cy) = (FOCAL_PER_WIDTH * width, width / 2.0, height / 2.0);
    let (model, params) = if spec.radial_distortion == 0.0 {
        (CameraModel::Pinhole, vec![focal, focal, cx, cy])
    } else {
        (CameraModel::SimpleRadial, vec![focal, cx, cy, spec.radial_distortion])
    };
    Camera::new(CameraId(1), model, spec.image_size, params)
}

fn truth(spec: &SceneSpec, camera: Camera) -> Result<Reconstruction, SceneError> {
    let mut truth = Reconstruction::default();
    truth.cameras.insert(camera.camera_id, camera);
    for index in 0..spec.num_images {
        let shot = Shot::new(spec, index);
        if !shot.is_foreign {
            let image_id = u32::try_from(index + 1).map_err(|error| SceneError::SyntheticSpec(error.to_string()))?;
            let image = RegisteredImage {
                name: name(index),
                camera_id: CameraId(1),
                cam_from_world: shot.cam_from_world,
                keypoints: Vec::new(),
                point3d_ids: Vec::new(),
            };
            truth.images.insert(ImageId(image_id), image);
        }
    }
    Ok(truth)
}

/// One press of the shutter, faults applied.
struct Shot {
    /// Index of the image whose pose and noise this shot has: its own, or that of which it is a duplicate.
    source: usize,
    cam_from_world: Rigid3,
    is_foreign: bool,
    blur_sigma_px: Option<f32>,
    exif_focal_factor: f64,
}

impl Shot {
    fn new(spec: &SceneSpec, index: usize) -> Self {
        let faults_of = |index| spec.faults.iter().filter(move |fault| fault.image == index).map(|fault| fault.kind);
        let original =
            faults_of(index).find_map(|kind| if let FaultKind::Duplicate { of } = kind { Some(of) } else { None });
        let source = original.unwrap_or(index);
        let mut shot = Self {
            source,
            cam_from_world: orbit::cam_from_world(spec, source),
            is_foreign: false,
            blur_sigma_px: None,
            exif_focal_factor: 1.0,
        };
        for kind in faults_of(source) {
            match kind {
                FaultKind::Blur { sigma_px } => shot.blur_sigma_px = Some(sigma_px),
                FaultKind::Foreign => shot.is_foreign = true,
                FaultKind::LowOverlap => shot.cam_from_world = orbit::turned_away(&shot.cam_from_world),
                FaultKind::WrongExifFocal { factor } => shot.exif_focal_factor = factor,
                FaultKind::Duplicate { .. } => {}
            }
        }
        shot
    }

    fn jpeg(&self, spec: &SceneSpec, world: &world::World, camera: &Camera) -> Result<Vec<u8>, SceneError> {
        let mut radiance = world.render(camera, &self.cam_from_world);
        if let Some(sigma_px) = self.blur_sigma_px {
            sensor::blur(&mut radiance, spec.image_size, sigma_px);
        }
        let rgb = sensor::develop(&radiance, spec, self.source);
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, spec.jpeg_quality)
            .write_image(&rgb, spec.image_size[0], spec.image_size[1], ExtendedColorType::Rgb8)
            .map_err(|error| SceneError::SyntheticSpec(format!("encoding the JPEG failed: {error}")))?;
        let exif = CameraExif {
            make: Some("scene3d"),
            model: Some("synthetic"),
            image_size: spec.image_size,
            focal_px: Some(camera.focal()[0] * self.exif_focal_factor),
        };
        Ok(exif.into_jpeg(&jpeg))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> SceneSpec {
        SceneSpec { num_images: 3, image_size: [96, 64], ..SceneSpec::default() }
    }

    fn with_fault(image: usize, kind: FaultKind) -> SyntheticScene {
        render(&SceneSpec { faults: vec![Fault { image, kind }], ..small() }).unwrap()
    }

    fn pixels(image: &SyntheticImage) -> image::RgbImage {
        image::load_from_memory(&image.jpeg).unwrap().to_rgb8()
    }

    /// Mean absolute difference of horizontal neighbours: what blur takes away.
    fn sharpness(image: &SyntheticImage) -> f64 {
        let pixels = pixels(image);
        let neighbours = pixels.as_raw().windows(4).map(|w| f64::from(w[0].abs_diff(w[3])));
        neighbours.sum::<f64>() / pixels.as_raw().len() as f64
    }

    #[test]
    fn bytes_depend_on_the_seed_and_not_on_the_threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let scene = render(&small()).unwrap();
        assert_eq!(pool.install(|| render(&small())).unwrap(), scene);
        assert_ne!(render(&SceneSpec { seed: 1, ..small() }).unwrap().images, scene.images);
        assert_eq!(pixels(&scene.images[0]).dimensions(), (96, 64));
    }

    #[test]
    fn the_truth_holds_every_image_but_foreign_ones() {
        let scene = with_fault(1, FaultKind::Foreign);
        let names: Vec<&str> = scene.truth.images.values().map(|image| image.name.as_str()).collect();
        assert_eq!(names, ["image_000.jpg", "image_002.jpg"]);
        assert_ne!(scene.images[1], render(&small()).unwrap().images[1]);
        scene.truth.check().unwrap();
    }

    #[test]
    fn a_duplicate_has_the_bytes_and_the_pose_of_its_original() {
        let scene = with_fault(2, FaultKind::Duplicate { of: 0 });
        assert_eq!(scene.images[2].jpeg, scene.images[0].jpeg);
        assert_eq!(scene.truth.images[&ImageId(3)].cam_from_world, scene.truth.images[&ImageId(1)].cam_from_world);
    }

    #[test]
    fn blur_takes_away_detail_of_its_image_only() {
        let (sharp, blurred) = (render(&small()).unwrap(), with_fault(0, FaultKind::Blur { sigma_px: 3.0 }));
        assert!(sharpness(&blurred.images[0]) < 0.6 * sharpness(&sharp.images[0]));
        assert_eq!(blurred.images[1], sharp.images[1]);
    }

    #[test]
    fn a_wrong_focal_length_is_in_the_exif_only() {
        let (right, wrong) = (render(&small()).unwrap(), with_fault(1, FaultKind::WrongExifFocal { factor: 2.0 }));
        let focal_mm = |image: &SyntheticImage| {
            let mut file = std::io::Cursor::new(&image.jpeg);
            let exif = ::exif::Reader::new().read_from_container(&mut file).unwrap();
            exif.get_field(::exif::Tag::FocalLength, ::exif::In::PRIMARY).unwrap().display_value().to_string()
        };
        assert_eq!((focal_mm(&right.images[1]).as_str(), focal_mm(&wrong.images[1]).as_str()), ("30.6", "61.2"));
        assert_eq!(pixels(&right.images[1]), pixels(&wrong.images[1]));
        assert_eq!(right.truth, wrong.truth);
    }

    #[test]
    fn a_camera_turned_away_looks_the_other_way_from_the_same_place() {
        let (truth, turned) = (render(&small()).unwrap().truth, with_fault(1, FaultKind::LowOverlap).truth);
        let pose = |truth: &Reconstruction| truth.images[&ImageId(2)].cam_from_world;
        let (before, after) = (pose(&truth), pose(&turned));
        assert!((before.origin_in_b() - after.origin_in_b()).norm() < 1e-9);
        assert!(before.rotation.angle_to(&after.rotation) > 2.0);
    }

    /// Median difference of the green channel between photos 1 and 2 over points of the wall above all objects, where
    /// photo 2 is read `shift_px` beside the point's projection.
    fn median_difference(scene: &SyntheticScene, shift_px: f64) -> u8 {
        let camera = &scene.truth.cameras[&CameraId(1)];
        let photos: Vec<_> = scene.images.iter().map(pixels).collect();
        let green = |image_id: u32, x_in_world: &nalgebra::Vector3<f64>, shift_px: f64| {
            let in_cam = scene.truth.images[&ImageId(image_id)].cam_from_world.apply(x_in_world);
            let px = camera.project(&in_cam)?;
            let pixel = photos[image_id as usize - 1].get_pixel_checked((px.x + shift_px) as u32, px.y as u32)?;
            Some(pixel.0[1])
        };
        // seed 0 starts at x = +5 m and looks at the wall x = -9 m
        let grid = (0..400).map(|i| (f64::from(i % 40) * 0.15 - 3.0, f64::from(i / 40) * 0.1 + 3.9));
        let points = grid.map(|(y, z)| nalgebra::Vector3::new(-9.0, y, z));
        let mut differences: Vec<u8> =
            points.filter_map(|x| Some(green(1, &x, 0.0)?.abs_diff(green(2, &x, shift_px)?))).collect();
        assert!(differences.len() > 200, "only {} points are in both photos", differences.len());
        differences.sort_unstable();
        differences[differences.len() / 2]
    }

    #[test]
    fn photos_show_a_point_where_the_true_cameras_project_it() {
        let calm = SceneSpec { noise: 0.0, exposure_change: 0.0, vignetting: 0.0, jpeg_quality: 100, ..small() };
        let spec = SceneSpec { image_size: [640, 480], step_deg: 2.0, ..calm };
        for spec in [spec.clone(), SceneSpec { radial_distortion: -0.1, ..spec }] {
            let scene = render(&spec).unwrap();
            let (there, beside) = (median_difference(&scene, 0.0), median_difference(&scene, 4.0));
            assert!(there * 2 < beside, "{there} levels at the point, {beside} levels 4 px beside it");
        }
    }

    #[test]
    fn specs_out_of_range_are_refused() {
        let refused = |spec: SceneSpec| matches!(render(&spec), Err(SceneError::SyntheticSpec(_)));
        assert!(refused(SceneSpec { image_size: [0, 10], ..small() }));
        assert!(refused(SceneSpec { jpeg_quality: 0, ..small() }));
        assert!(refused(SceneSpec { radial_distortion: 1.0, ..small() }));
        assert!(refused(SceneSpec { faults: vec![Fault { image: 3, kind: FaultKind::Foreign }], ..small() }));
        let of_nothing = Fault { image: 0, kind: FaultKind::Duplicate { of: 9 } };
        assert!(refused(SceneSpec { faults: vec![of_nothing], ..small() }));
    }
}
