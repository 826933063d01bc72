//! A folder of Strecha's `NAME.camera` files, one an image.
//!
//! Format (Strecha et al. 2008, "On benchmarking camera calibration and multi-view stereo for high resolution imagery"):
//! 3 rows `K` (px), 1 row of three zeros, 3 rows `R` (`world_from_cam`), 1 row projection centre, 1 row `width height`.

use std::path::Path;

use nalgebra::{Matrix3, Vector3};
use scene3d_scene::{Camera, CameraId, CameraModel, Rigid3};

use super::{GroundTruth, ImageSizes, TrueImage, read_bytes};
use crate::EvalError;

const SUFFIX: &str = ".camera";
const NUM_NUMBERS: usize = 26;

/// Whether there are such files.
///
/// # Errors
/// [`EvalError::Read`] if the folder can't be listed.
pub fn is_folder(folder: &Path) -> Result<bool, EvalError> {
    Ok(!names(folder)?.is_empty())
}

pub(super) fn read(folder: &Path, image_sizes: &ImageSizes) -> Result<GroundTruth, EvalError> {
    let images = read_each(folder, image_sizes)?.into_iter().map(|(name, image)| Ok((name, image?)));
    Ok(GroundTruth { images: images.collect::<Result<_, EvalError>>()?, ..GroundTruth::default() })
}

/// An image's name, and what its file says.
pub type NamedLabel = (String, Result<TrueImage, EvalError>);

/// Every file of the folder by the name of its image, sorted, so that all that are wrong can be told at once.
///
/// # Errors
/// [`EvalError::Read`] if the folder can't be listed.
pub fn read_each(folder: &Path, image_sizes: &ImageSizes) -> Result<Vec<NamedLabel>, EvalError> {
    let read = |name: String| {
        let path = folder.join(format!("{name}{SUFFIX}"));
        let image = read_bytes(&path).and_then(|bytes| {
            let text = String::from_utf8_lossy(&bytes);
            parse(&text, image_sizes.get(&name).copied()).map_err(|problem| EvalError::Malformed { problem, path })
        });
        (name, image)
    };
    Ok(names(folder)?.into_iter().map(read).collect())
}

/// Names of the images that have a file, sorted.
fn names(folder: &Path) -> Result<Vec<String>, EvalError> {
    let fail = |source| EvalError::Read { source, path: folder.to_owned() };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let file_name = entry.map_err(fail)?.file_name();
        names.extend(file_name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn parse(text: &str, image_size: Option<[u32; 2]>) -> Result<TrueImage, String> {
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(|word| word.parse().map_err(|_| format!("expected a number, got `{word}`")))
        .collect::<Result<_, String>>()?;
    if numbers.len() != NUM_NUMBERS || numbers.iter().any(|number| !number.is_finite()) {
        return Err(format!("expected {NUM_NUMBERS} finite numbers (K, zeros, R, C, size), got {}", numbers.len()));
    }
    let world_from_cam = Matrix3::from_row_slice(&numbers[12..21]);
    if (world_from_cam * world_from_cam.transpose() - Matrix3::identity()).norm() > 1e-3 {
        return Err("expected a rotation matrix in rows 5 to 7".to_owned());
    }
    let center = Vector3::from_column_slice(&numbers[21..24]);
    let world_from_cam = Rigid3::from_matrix(&world_from_cam, center);
    let camera = camera(&numbers[..9], [numbers[24], numbers[25]], image_size)?;
    Ok(TrueImage { cam_from_world: world_from_cam.inverse(), camera: Some(camera) })
}

/// `K` of the published size, scaled to the size of the images evaluated.
fn camera(k: &[f64], published_size: [f64; 2], image_size: Option<[u32; 2]>) -> Result<Camera, String> {
    let image_size = image_size.unwrap_or(published_size.map(|side| side as u32));
    let [sx, sy] = [0, 1].map(|axis| f64::from(image_size[axis]) / published_size[axis]);
    let params = vec![k[0] * sx, k[4] * sy, k[2] * sx, k[5] * sy];
    Camera::new(CameraId(1), CameraModel::Pinhole, image_size, params).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    // a camera at (1, 2, 3) turned by 90 degrees about z: the camera's x axis is the world's y axis
    const TEXT: &str = "1000 0 400\n0 1010 300\n0 0 1\n0 0 0\n0 -1 0\n1 0 0\n0 0 1\n1 2 3\n800 600\n";

    #[test]
    fn the_pose_is_the_inverse_of_what_the_file_states() {
        let image = parse(TEXT, None).unwrap();
        assert!((image.cam_from_world.origin_in_b() - Vector3::new(1.0, 2.0, 3.0)).norm() < 1e-9);
        // one step along the world's y from the centre is one step along the camera's x
        let x_in_cam = image.cam_from_world.apply(&Vector3::new(1.0, 3.0, 3.0));
        assert!((x_in_cam - Vector3::x()).norm() < 1e-9, "{x_in_cam}");
    }

    #[test]
    fn intrinsics_are_scaled_to_the_images_evaluated() {
        let camera = parse(TEXT, Some([400, 300])).unwrap().camera.unwrap();
        assert_eq!((camera.image_size, camera.params), ([400, 300], vec![500.0, 505.0, 200.0, 150.0]));
        assert_eq!(parse(TEXT, None).unwrap().camera.unwrap().params, [1000.0, 1010.0, 400.0, 300.0]);
    }

    #[test]
    fn malformed_files_are_refused() {
        assert!(parse("1 2 3", None).unwrap_err().contains("26"));
        assert!(parse(&TEXT.replace("1000", "x"), None).unwrap_err().contains("`x`"));
        assert!(parse(&TEXT.replace("0 -1 0", "0 -2 0"), None).unwrap_err().contains("rotation"));
    }

    #[test]
    fn a_folder_is_read_by_image_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.jpg.camera"), TEXT).unwrap();
        std::fs::write(folder.path().join("readme.txt"), "x").unwrap();
        let truth = super::super::read(folder.path(), &ImageSizes::new()).unwrap();
        assert_eq!(truth.images.keys().collect::<Vec<_>>(), ["b.jpg"]);
    }
}
