//! Reads photos: tells images from other files, reads sizes and EXIF, names what is rejected.

use std::io;
use std::path::{Path, PathBuf};

use image::ImageReader;
use scene3d_export::Verdict;
use scene3d_scene::{ImageId, ImageInfo};

use crate::exif::{ExifFacts, read_exif};
use crate::hash::{Key, read_with_key};
use crate::photo_source::{Listed, NamedFile};
use crate::{Cancel, PhotoSource, PipelineError};

/// File name endings that promise an image; other files are counted but not reported one by one.
const IMAGE_ENDINGS: [&str; 9] = ["jpg", "jpeg", "png", "tif", "tiff", "webp", "bmp", "jpe", "jfif"];

/// Bounds on what is decoded.
#[derive(Debug, Clone, Copy)]
pub struct PhotoLimits {
    /// Images of more pixels are rejected before they are decoded.
    pub max_pixels: u64,
}

impl Default for PhotoLimits {
    /// 256 megapixels: above every camera in use, below what would exhaust a small machine.
    fn default() -> Self {
        Self { max_pixels: 256_000_000 }
    }
}

/// A photo that can be decoded, as far as its header tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Id, name, oriented size and what EXIF says.
    pub info: ImageInfo,
    /// Where it is.
    pub path: PathBuf,
    /// sha256 of the file.
    pub sha256: Key,
    /// EXIF orientation 1 to 8.
    pub orientation: u16,
}

/// A file that promised to be an image and is none that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Path relative to the photo folder.
    pub name: String,
    /// Not decodable or too blurred.
    pub verdict: Verdict,
    /// What is wrong with it.
    pub reason: String,
    /// What to try.
    pub next_step: String,
}

impl Rejected {
    /// A file that is no image, or damaged.
    #[must_use]
    pub fn not_decodable(name: &str, reason: String, next_step: &str) -> Self {
        Self { name: name.to_owned(), verdict: Verdict::NotDecodable, reason, next_step: next_step.to_owned() }
    }
}

/// The photos of a source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhotoSet {
    /// Usable photos in the order of their names; ids count up from 1.
    pub photos: Vec<Photo>,
    /// Rejected files, by name.
    pub rejected: Vec<Rejected>,
    /// Files whose names do not promise an image.
    pub num_other_files: usize,
}

impl PhotoSet {
    /// Reads the photos of a source.
    ///
    /// # Errors
    /// [`PipelineError`] if a folder can't be read, or there are fewer than two usable photos.
    pub fn read(source: &PhotoSource, limits: PhotoLimits, cancel: &Cancel) -> Result<Self, PipelineError> {
        let set = Self::read_any(source, limits, cancel)?;
        if set.photos.len() < 2 {
            return Err(set.too_few(source));
        }
        Ok(set)
    }

    /// Reads the photos of a source, however few can be used.
    ///
    /// # Errors
    /// [`PipelineError`] if a folder can't be read, or two files have one name.
    pub fn read_any(source: &PhotoSource, limits: PhotoLimits, cancel: &Cancel) -> Result<Self, PipelineError> {
        let mut set = Self::default();
        for listed in source.list()? {
            set.add(&listed, limits, cancel);
            cancel.check()?;
        }
        for (index, photo) in set.photos.iter_mut().enumerate() {
            photo.info.image_id = ImageId(index as u32 + 1);
        }
        Ok(set)
    }

    fn add(&mut self, listed: &Listed, limits: PhotoLimits, cancel: &Cancel) {
        if listed.is_of_folder && !promises_image(&listed.file.path) {
            self.num_other_files += 1;
            return;
        }
        match read_photo(listed, limits, cancel) {
            Ok(photo) => self.photos.push(photo),
            Err(rejected) => self.rejected.push(rejected),
        }
    }

    fn too_few(&self, source: &PhotoSource) -> PipelineError {
        PipelineError::TooFewPhotos {
            given: source.describe(),
            num_photos: self.photos.len(),
            num_other_files: self.num_other_files,
            rejected: self.rejected.iter().map(|r| format!("{}: {}", r.name.escape_debug(), r.reason)).collect(),
        }
    }
}

fn promises_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| IMAGE_ENDINGS.contains(&ending.as_str()))
}

fn read_photo(listed: &Listed, limits: PhotoLimits, cancel: &Cancel) -> Result<Photo, Rejected> {
    let NamedFile { name, path } = listed.file.clone();
    let reject = |reason: String, next_step: &str| Rejected {
        name: name.clone(),
        verdict: Verdict::NotDecodable,
        reason,
        next_step: next_step.to_owned(),
    };
    if !listed.is_name_utf8 {
        return Err(reject("its name is not valid UTF-8".to_owned(), "rename the file"));
    }
    let (bytes, sha256) = read_with_key(&path, cancel)
        .map_err(|error| reject(format!("can't be read: {error}"), "check its permissions"))?;
    if bytes.is_empty() {
        return Err(reject("the file is empty".to_owned(), "copy it again from the camera"));
    }
    let header = read_header(&bytes, limits).map_err(|(reason, next_step)| reject(reason, next_step))?;
    let Header { image_size, exif: ExifFacts { orientation, focal_px, device }, .. } = header;
    let info = ImageInfo { image_id: ImageId(0), name, image_size, focal_px, device };
    Ok(Photo { info, path, sha256, orientation })
}

/// What the bytes of an image tell before they are decoded.
pub(crate) struct Header {
    /// `[width, height]` before the orientation is applied.
    pub stored_size: [u32; 2],
    /// `[width, height]` after.
    pub image_size: [u32; 2],
    pub exif: ExifFacts,
}

/// Reads the header of at least one byte; else says why it is rejected, and what to try.
pub(crate) fn read_header(bytes: &[u8], limits: PhotoLimits) -> Result<Header, (String, &'static str)> {
    let stored_size = stored_size(bytes).map_err(|error| (error, "remove it or convert it to JPEG or PNG"))?;
    let num_pixels = stored_size.iter().map(|&side| u64::from(side)).product::<u64>();
    if num_pixels > limits.max_pixels {
        let reason = format!("{num_pixels} pixels, expected at most {}", limits.max_pixels);
        return Err((reason, "resize it, or raise --max-megapixels"));
    }
    let exif = read_exif(bytes, stored_size);
    let image_size = if swaps_sides(exif.orientation) { [stored_size[1], stored_size[0]] } else { stored_size };
    Ok(Header { stored_size, image_size, exif })
}

fn stored_size(bytes: &[u8]) -> Result<[u32; 2], String> {
    let reader = ImageReader::new(io::Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("its content is no image that scene3d reads (JPEG, PNG, TIFF, WebP, BMP)".to_owned());
    }
    let (width, height) = reader.into_dimensions().map_err(|error| format!("its header is damaged: {error}"))?;
    if width == 0 || height == 0 {
        return Err(format!("its size is {width} x {height}"));
    }
    Ok([width, height])
}

/// Orientations 5 to 8 turn the image by 90 degrees (EXIF 2.32, tag 0x0112).
pub(crate) fn swaps_sides(orientation: u16) -> bool {
    orientation >= 5
}
