//! The COLMAP model format, binary and text, over bytes: `cameras`, `images` and `points3D`.
//!
//! Format: colmap `doc/format.rst` and `src/colmap/scene/reconstruction_io_{binary,text}.cc`. Version 4 writes `rigs` and
//! `frames` beside these three files; they add nothing for cameras that are not rigidly mounted, so they are neither
//! written nor read (COLMAP makes trivial ones when they are absent).

mod binary;
mod text;

pub use binary::{read_binary, write_binary};
pub use text::{read_text, write_text};

use nalgebra::{Quaternion, UnitQuaternion, Vector3};

use crate::{Camera, CameraId, ImageId, Point3d, Point3dId, Reconstruction, RegisteredImage, Rigid3, SceneError};

/// The three files of a model, to be written as `cameras.bin`, `images.bin`, `points3D.bin` (or `.txt`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelFiles {
    /// Intrinsics, by camera id.
    pub cameras: Vec<u8>,
    /// Poses and keypoints, by image id.
    pub images: Vec<u8>,
    /// Points with tracks, by point id.
    pub points3d: Vec<u8>,
}

/// COLMAP's id of no point.
const INVALID_POINT3D_ID: u64 = u64::MAX;

/// What of a file is wrong, without the file and the place in it, which only the reader knows.
type Parsed<T> = Result<T, String>;

impl Reconstruction {
    fn insert_camera(&mut self, camera: Camera) -> Parsed<()> {
        if camera.params.iter().any(|param| !param.is_finite()) {
            return Err(format!("camera {} has a parameter that is not finite", camera.camera_id));
        }
        let camera_id = camera.camera_id;
        self.cameras.insert(camera_id, camera).map_or(Ok(()), |_| Err(format!("camera {camera_id} occurs twice")))
    }

    fn insert_image(&mut self, image_id: ImageId, image: RegisteredImage) -> Parsed<()> {
        self.images.insert(image_id, image).map_or(Ok(()), |_| Err(format!("image {image_id} occurs twice")))
    }

    fn insert_point3d(&mut self, point3d_id: Point3dId, point: Point3d) -> Parsed<()> {
        if point.x_in_world.iter().any(|x| !x.is_finite()) {
            return Err(format!("point {point3d_id} has a coordinate that is not finite"));
        }
        self.points3d.insert(point3d_id, point).map_or(Ok(()), |_| Err(format!("point {point3d_id} occurs twice")))
    }
}

/// Pose of COLMAP's `QW QX QY QZ TX TY TZ`; a unit quaternion keeps its bits, so that reading and writing is lossless.
fn pose(p: [f64; 7]) -> Parsed<Rigid3> {
    let quaternion = Quaternion::new(p[0], p[1], p[2], p[3]);
    let norm = quaternion.norm();
    if p.iter().any(|value| !value.is_finite()) || !norm.is_normal() {
        return Err(format!("expected a finite pose with a quaternion other than zero, got {p:?}"));
    }
    let is_unit = (norm - 1.0).abs() < 1e-12;
    let rotation =
        if is_unit { UnitQuaternion::new_unchecked(quaternion) } else { UnitQuaternion::new_normalize(quaternion) };
    Ok(Rigid3 { rotation, translation: Vector3::new(p[4], p[5], p[6]) })
}

/// COLMAP's `QW QX QY QZ TX TY TZ` of a pose.
fn pose_params(cam_from_world: &Rigid3) -> [f64; 7] {
    let [qx, qy, qz, qw, tx, ty, tz] = cam_from_world.to_params();
    [qw, qx, qy, qz, tx, ty, tz]
}

fn camera(id: u32, model: crate::CameraModel, image_size: [u64; 2], params: Vec<f64>) -> Parsed<Camera> {
    let side = |side: u64| u32::try_from(side).map_err(|_| format!("camera {id} has an image side of {side} px"));
    let image_size = [side(image_size[0])?, side(image_size[1])?];
    Camera::new(CameraId(id), model, image_size, params).map_err(|error| error.to_string())
}

fn point3d_id(id: u64) -> Option<Point3dId> {
    (id != INVALID_POINT3D_ID).then_some(Point3dId(id))
}

/// Refuses files that do not belong together: COLMAP would abort on them.
fn check_references(reconstruction: &Reconstruction) -> Result<(), SceneError> {
    reconstruction.check()?;
    for (point3d_id, point) in &reconstruction.points3d {
        for observation in &point.track {
            let image = reconstruction.images.get(&observation.image_id);
            let observed = image.and_then(|image| image.point3d_ids.get(observation.keypoint_idx as usize));
            if observed != Some(&Some(*point3d_id)) {
                return Err(SceneError::DanglingObservation {
                    point3d_id: *point3d_id,
                    image_id: observation.image_id,
                    keypoint_idx: observation.keypoint_idx,
                });
            }
        }
    }
    for image in reconstruction.images.values() {
        let mut ids = image.point3d_ids.iter().flatten();
        if let Some(id) = ids.find(|id| !reconstruction.points3d.contains_key(id)) {
            return Err(SceneError::MissingPoint3d { name: image.name.clone(), point3d_id: *id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // written by pycolmap 4.2.1 (synthesize_dataset, then noise): 2 OPENCV cameras, 4 images, 12 points
    const BINARY: [&[u8]; 3] = [
        include_bytes!("../../tests/fixtures/colmap/cameras.bin"),
        include_bytes!("../../tests/fixtures/colmap/images.bin"),
        include_bytes!("../../tests/fixtures/colmap/points3D.bin"),
    ];
    const TEXT: [&[u8]; 3] = [
        include_bytes!("../../tests/fixtures/colmap/cameras.txt"),
        include_bytes!("../../tests/fixtures/colmap/images.txt"),
        include_bytes!("../../tests/fixtures/colmap/points3D.txt"),
    ];

    fn fixture() -> Reconstruction {
        read_binary(BINARY[0], BINARY[1], BINARY[2]).unwrap()
    }

    #[test]
    fn colmap_s_own_model_is_read_with_its_figures() {
        let statistics = fixture().statistics();
        assert_eq!((statistics.num_registered, statistics.num_points3d), (4, 12));
        // pycolmap: Reconstruction.compute_mean_reprojection_error() is the mean over observations
        assert!((statistics.mean_reprojection_error_px - 0.973_890_982_656_207_1).abs() < 1e-9, "{statistics:?}");
        assert_eq!(fixture().images[&ImageId(2)].name, "a b/im 2.jpg");
        assert_eq!(fixture().points3d[&Point3dId(3)].color, [3, 6, 252]);
    }

    #[test]
    fn binary_is_written_as_colmap_writes_it() {
        let files = write_binary(&fixture());
        assert_eq!([&files.cameras[..], &files.images, &files.points3d], BINARY);
    }

    #[test]
    fn text_holds_the_same_model_as_binary() {
        assert_eq!(read_text(TEXT[0], TEXT[1], TEXT[2]).unwrap(), fixture());
        let files = write_text(&fixture()).unwrap();
        assert_eq!(read_text(&files.cameras, &files.images, &files.points3d).unwrap(), fixture());
    }

    #[test]
    fn every_truncation_is_an_error() {
        for file in 0..3 {
            for length in 0..BINARY[file].len() {
                let mut files = BINARY;
                files[file] = &BINARY[file][..length];
                assert!(read_binary(files[0], files[1], files[2]).is_err(), "file {file} cut at {length}");
            }
        }
    }

    #[test]
    fn flipped_bytes_never_panic_and_huge_counts_are_refused() {
        for file in 0..3 {
            for position in 0..BINARY[file].len() {
                for mask in [0x80, 0xff] {
                    let mut bytes = BINARY[file].to_vec();
                    bytes[position] ^= mask;
                    let mut files = BINARY;
                    files[file] = &bytes;
                    let read = read_binary(files[0], files[1], files[2]);
                    assert!(position >= 8 || read.is_err(), "a wrong count in file {file} was accepted");
                }
            }
        }
    }

    #[test]
    fn corrupt_text_is_an_error_with_its_line() {
        let error = read_text(b"# a comment\n1 PINHOLE 10 x 1 1 1 1\n", b"", b"").unwrap_err().to_string();
        assert!(error.contains("cameras.txt, line 2") && error.contains('x'), "{error}");
        let error = read_text(b"1 FISHEYE 10 10 1\n", b"", b"").unwrap_err().to_string();
        assert!(error.contains("unknown camera model `FISHEYE`"), "{error}");
        for length in 0..TEXT[1].len() {
            // a cut inside a number leaves a shorter number, so not every cut is an error; none may panic
            assert!(read_text(TEXT[0], &TEXT[1][..length], TEXT[2]).as_ref() != Ok(&Reconstruction::default()));
        }
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let no_count = 0_u64.to_le_bytes();
        assert!(matches!(read_binary(&no_count, BINARY[1], BINARY[2]), Err(SceneError::MissingCamera { .. })));
        assert!(matches!(read_binary(BINARY[0], &no_count, BINARY[2]), Err(SceneError::DanglingObservation { .. })));
        assert!(matches!(read_binary(BINARY[0], BINARY[1], &no_count), Err(SceneError::MissingPoint3d { .. })));
    }

    #[test]
    fn an_image_without_keypoints_and_an_empty_model_survive_both_formats() {
        let mut model = fixture();
        model.points3d.clear();
        for image in model.images.values_mut() {
            (image.keypoints, image.point3d_ids) = (Vec::new(), Vec::new());
        }
        for model in [model, Reconstruction::default()] {
            let (binary, text) = (write_binary(&model), write_text(&model).unwrap());
            assert_eq!(read_binary(&binary.cameras, &binary.images, &binary.points3d).unwrap(), model);
            assert_eq!(read_text(&text.cameras, &text.images, &text.points3d).unwrap(), model);
        }
    }

    #[test]
    fn text_cannot_hold_a_name_with_a_line_break() {
        let mut model = fixture();
        model.images.get_mut(&ImageId(1)).unwrap().name = "a\nb.jpg".to_owned();
        assert!(write_text(&model).unwrap_err().to_string().contains("line break"));
        let files = write_binary(&model);
        assert_eq!(read_binary(&files.cameras, &files.images, &files.points3d).unwrap(), model);
    }
}
