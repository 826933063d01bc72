//! Which images share a camera, and with which intrinsics estimation starts.

use std::collections::BTreeMap;

use scene3d_sdk::scene::{Camera, CameraId, CameraModel, ImageInfo};
use scene3d_sdk::{Result, SdkError};

use crate::config::{CameraSharing, ColmapConfig};

/// Focal length over long side where nothing is known: COLMAP's `ImageReader.default_focal_length_factor`.
const DEFAULT_FOCAL_FACTOR: f64 = 1.2;

/// A camera as COLMAP is given it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CameraPrior {
    pub(crate) camera: Camera,
    /// Whether its focal length is more than a guess: such pairs are verified by an essential matrix.
    pub(crate) is_focal_known: bool,
}

/// Cameras with ids counted from 1 and, per image, the id of its camera.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CameraPriors {
    pub(crate) cameras: Vec<CameraPrior>,
    pub(crate) camera_ids: Vec<CameraId>,
}

/// What images must agree in to share a camera.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    number: usize,
    key: String,
    image_size: [u32; 2],
}

/// Groups the images by the config's rule; cameras are numbered in the order of their first image.
pub(crate) fn camera_priors(images: &[ImageInfo], config: &ColmapConfig) -> Result<CameraPriors> {
    check_one_size(images, config)?;
    let mut members: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
    for (index, group) in groups(images, config.camera_sharing).into_iter().enumerate() {
        members.entry(group).or_default().push(index);
    }
    let mut members: Vec<Vec<usize>> = members.into_values().collect();
    members.sort_unstable_by_key(|indices| indices[0]);
    let mut priors = CameraPriors { cameras: Vec::new(), camera_ids: vec![CameraId(0); images.len()] };
    for (indices, id) in members.iter().zip(1..) {
        let sharing: Vec<&ImageInfo> = indices.iter().map(|index| &images[*index]).collect();
        priors.cameras.push(camera_prior(CameraId(id), &sharing, config)?);
        indices.iter().for_each(|index| priors.camera_ids[*index] = CameraId(id));
    }
    Ok(priors)
}

fn check_one_size(images: &[ImageInfo], config: &ColmapConfig) -> Result<()> {
    let needed_by = match config.camera_sharing {
        CameraSharing::Single => "camera_sharing = \"single\"",
        _ if !config.intrinsics.is_empty() => "`intrinsics`",
        _ => return Ok(()),
    };
    let Some(other) = images.iter().find(|image| image.image_size != images[0].image_size) else { return Ok(()) };
    let ([w1, h1], [w2, h2]) = (images[0].image_size, other.image_size);
    let (first, second) = (&images[0].name, &other.name);
    let message = format!("{needed_by} needs images of one size, `{first}` is {w1}x{h1} and `{second}` {w2}x{h2}");
    Err(SdkError::invalid_input(message).help("use camera_sharing = \"auto\" without `intrinsics`, or one size"))
}

fn groups(images: &[ImageInfo], sharing: CameraSharing) -> Vec<Group> {
    let group = |number, key: String, image: &ImageInfo| Group { number, key, image_size: image.image_size };
    let own = |(index, image): (usize, &ImageInfo)| group(index + 1, String::new(), image);
    match sharing {
        CameraSharing::Single => images.iter().map(|image| group(0, String::new(), image)).collect(),
        CameraSharing::PerImage => images.iter().enumerate().map(own).collect(),
        CameraSharing::PerFolder => images.iter().map(|image| group(0, image.folder().to_owned(), image)).collect(),
        CameraSharing::Auto if all_alike(images) => groups(images, CameraSharing::Single),
        CameraSharing::Auto => {
            let by_device = |(index, image): (usize, &ImageInfo)| match &image.device {
                Some(device) => group(0, format!("{device} {:?}", image.focal_px), image),
                None => own((index, image)),
            };
            images.iter().enumerate().map(by_device).collect()
        }
    }
}

fn all_alike(images: &[ImageInfo]) -> bool {
    let same =
        |a: &ImageInfo, b: &ImageInfo| a.image_size == b.image_size && a.device == b.device && a.focal_px == b.focal_px;
    images.windows(2).all(|pair| same(&pair[0], &pair[1]))
}

fn camera_prior(camera_id: CameraId, images: &[&ImageInfo], config: &ColmapConfig) -> Result<CameraPrior> {
    let image_size = images[0].image_size;
    let known_focal_px = if config.use_exif_focal { median_focal_px(images) } else { None };
    let params = if config.intrinsics.is_empty() {
        let long_side = f64::from(image_size[0].max(image_size[1]));
        start_params(config.camera_model, image_size, known_focal_px.unwrap_or(DEFAULT_FOCAL_FACTOR * long_side))
    } else {
        config.intrinsics.clone()
    };
    let camera = Camera::new(camera_id, config.camera_model, image_size, params)
        .map_err(|error| SdkError::internal(format!("{error}; this is a bug")))?;
    Ok(CameraPrior { camera, is_focal_known: known_focal_px.is_some() || !config.intrinsics.is_empty() })
}

fn median_focal_px(images: &[&ImageInfo]) -> Option<f64> {
    let is_usable = |focal: &f64| focal.is_finite() && *focal > 0.0;
    let mut focals: Vec<f64> = images.iter().filter_map(|image| image.focal_px).filter(is_usable).collect();
    focals.sort_unstable_by(f64::total_cmp);
    focals.get(focals.len() / 2).copied()
}

fn start_params(model: CameraModel, image_size: [u32; 2], focal_px: f64) -> Vec<f64> {
    let num_focals = if matches!(model, CameraModel::Pinhole | CameraModel::OpenCv) { 2 } else { 1 };
    let mut params = vec![focal_px; num_focals];
    params.extend(image_size.map(|side| f64::from(side) / 2.0));
    params.resize(model.num_params(), 0.0);
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use scene3d_sdk::scene::ImageId;

    fn image(name: &str, width: u32, device: Option<&str>, focal_px: Option<f64>) -> ImageInfo {
        let (name, device) = (name.to_owned(), device.map(str::to_owned));
        ImageInfo { image_id: ImageId(1), name, image_size: [width, 480], focal_px, device }
    }

    fn check_ids(images: &[ImageInfo], camera_sharing: CameraSharing, expected: &[u32]) -> CameraPriors {
        let config = ColmapConfig { camera_sharing, ..Default::default() };
        let priors = camera_priors(images, &config).unwrap();
        assert_eq!(
            priors.camera_ids,
            expected.iter().map(|id| CameraId(*id)).collect::<Vec<_>>(),
            "{camera_sharing:?}"
        );
        assert!(priors.cameras.iter().zip(1..).all(|(prior, id)| prior.camera.camera_id == CameraId(id)));
        priors
    }

    #[test]
    fn images_share_cameras_by_the_rule() {
        let images = [image("b/1", 640, None, None), image("a/2", 640, None, None), image("b/3", 640, None, None)];
        check_ids(&images, CameraSharing::Auto, &[1, 1, 1]);
        check_ids(&images, CameraSharing::Single, &[1, 1, 1]);
        check_ids(&images, CameraSharing::PerFolder, &[1, 2, 1]);
        check_ids(&images, CameraSharing::PerImage, &[1, 2, 3]);
        let x = |width, focal| image("x", width, Some("X"), Some(focal));
        let mixed = [x(640, 700.0), image("y", 640, None, None), x(640, 700.0), x(640, 900.0), x(800, 700.0)];
        check_ids(&mixed, CameraSharing::Auto, &[1, 2, 1, 3, 4]);
        check_ids(&[image("f/1", 640, None, None), image("f/2", 800, None, None)], CameraSharing::PerFolder, &[1, 2]);
    }

    #[test]
    fn one_camera_needs_one_size() {
        let images = [image("1", 640, None, None), image("2", 800, None, None)];
        let config = ColmapConfig { camera_sharing: CameraSharing::Single, ..Default::default() };
        let message = camera_priors(&images, &config).unwrap_err().message;
        assert_eq!(message, "camera_sharing = \"single\" needs images of one size, `1` is 640x480 and `2` 800x480");
        let intrinsics = vec![700.0, 320.0, 240.0, 0.0];
        let config = ColmapConfig { intrinsics, camera_sharing: CameraSharing::PerImage, ..Default::default() };
        assert!(camera_priors(&images, &config).is_err());
    }

    #[test]
    fn estimation_starts_at_the_exif_focal_length_or_at_colmaps_guess() {
        let images = [image("1", 640, None, Some(500.0)), image("2", 640, None, Some(f64::NAN))];
        let known = check_ids(&images, CameraSharing::Single, &[1, 1]);
        assert_eq!(known.cameras[0].camera.params, [500.0, 320.0, 240.0, 0.0]);
        assert!(known.cameras[0].is_focal_known);
        let config = ColmapConfig { use_exif_focal: false, camera_model: CameraModel::OpenCv, ..Default::default() };
        let guessed = camera_priors(&images[..1], &config).unwrap();
        assert_eq!(guessed.cameras[0].camera.params, [768.0, 768.0, 320.0, 240.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(!guessed.cameras[0].is_focal_known);
    }
}
