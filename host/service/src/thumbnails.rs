//! Small pictures of images: made when they are first asked for, and kept beside the images.

use bytes::Bytes;
use futures::stream::TryStreamExt;
use image::codecs::jpeg::JpegEncoder;
use scene3d_pipeline::{PhotoLimits, Rejected, small_photo};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::blobs::Blobs;
use crate::config::UploadsSection;
use crate::error::Result;
use crate::store::images;
use crate::uploads::decoders::Decoders;

const JPEG_QUALITY: u8 = 82;

/// How large a picture is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThumbnailSize {
    /// Long side at most 512 px: for lists, and to recognise a place.
    #[default]
    Small,
    /// Long side at most 1600 px: fills a window.
    Large,
}

impl ThumbnailSize {
    /// Px.
    #[must_use]
    pub fn long_side_px(self) -> u32 {
        match self {
            Self::Small => 512,
            Self::Large => 1600,
        }
    }
}

/// A picture in the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Where it is.
    pub object_key: String,
    /// Its size.
    pub num_bytes: u64,
}

/// What makes pictures.
#[derive(Debug)]
pub struct Thumbnails {
    blobs: Blobs,
    limits: PhotoLimits,
    /// The threads that decode uploads too.
    decoders: Decoders,
}

impl Thumbnails {
    /// Of the images in a store, with the limits that held when they came in.
    #[must_use]
    pub(crate) fn new(blobs: Blobs, section: UploadsSection, decoders: Decoders) -> Self {
        let limits = PhotoLimits { max_pixels: section.max_megapixels.saturating_mul(1_000_000) };
        Self { blobs, limits, decoders }
    }

    /// The picture of an image, made where there is none yet; `Ok(Err(why))` if the image can't be decoded.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get(&self, sha256: &str, size: ThumbnailSize) -> Result<Result<Thumbnail, Rejected>> {
        let object_key = object_key(sha256, size);
        if let Some(num_bytes) = self.blobs.size_bytes(&object_key).await? {
            return Ok(Ok(Thumbnail { object_key, num_bytes }));
        }
        let seat = self.decoders.seat().await?;
        let photo = self.blobs.get_range(&images::object_key(sha256), None).await?;
        let photo: Vec<Bytes> = photo.bytes.try_collect().await?;
        let (limits, name) = (self.limits, sha256.to_owned());
        let jpeg = match seat.run(move || Ok(jpeg(&name, &photo.concat(), limits, size))).await? {
            Ok(jpeg) => Bytes::from(jpeg),
            Err(rejected) => return Ok(Err(rejected)),
        };
        let num_bytes = jpeg.len() as u64;
        self.blobs.put_bytes(&object_key, jpeg).await?;
        Ok(Ok(Thumbnail { object_key, num_bytes }))
    }
}

/// Removes the pictures of an image, where there are any.
///
/// # Errors
/// Those of the store.
pub async fn remove(blobs: &Blobs, sha256: &str) -> Result<()> {
    for size in [ThumbnailSize::Small, ThumbnailSize::Large] {
        blobs.delete(&object_key(sha256, size)).await?;
    }
    Ok(())
}

fn object_key(sha256: &str, size: ThumbnailSize) -> String {
    format!("thumbnails/{}/{sha256}-{}", sha256.get(..2).unwrap_or_default(), size.long_side_px())
}

fn jpeg(name: &str, photo: &[u8], limits: PhotoLimits, size: ThumbnailSize) -> Result<Vec<u8>, Rejected> {
    let small = small_photo(name, photo, limits, size.long_side_px())?;
    let mut jpeg = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(&small);
    encoded.map_err(|error| Rejected::not_decodable(name, format!("can't be encoded: {error}"), "remove it"))?;
    Ok(jpeg)
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, RgbImage};

    use super::*;

    /// A JPEG of the left half red and the right half blue, with EXIF that says how it is to be turned.
    fn turned(orientation: u8) -> Vec<u8> {
        let half = |x: u32| if x < 500 { image::Rgb([220, 20, 20]) } else { image::Rgb([20, 20, 220]) };
        let image = RgbImage::from_fn(1000, 400, |x, _| half(x));
        let mut jpeg = std::io::Cursor::new(Vec::new());
        image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let mut jpeg = jpeg.into_inner();
        // TIFF header, one entry of IFD 0: tag 0x0112, SHORT, one value
        let tiff = [77, 77, 0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
        let exif = [&[0xff, 0xe1, 0, 2 + 6 + tiff.len() as u8][..], b"Exif\0\0", &tiff].concat();
        jpeg.splice(2..2, exif);
        jpeg
    }

    #[tokio::test]
    async fn a_picture_is_made_once_upright_and_removed_with_its_image() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::make(url::Url::from_file_path(folder.path()).unwrap().as_str()).unwrap();
        blobs.put_bytes(&images::object_key("abcd"), Bytes::from(turned(6))).await.unwrap();
        let thumbnails = Thumbnails::new(blobs.clone(), UploadsSection::default(), Decoders::start(1).unwrap());
        let made = thumbnails.get("abcd", ThumbnailSize::Small).await.unwrap().unwrap();
        let path = blobs.local_path(&made.object_key).unwrap();
        let picture = image::load_from_memory(&std::fs::read(&path).unwrap()).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (205, 512));
        // turned clockwise: what was left is up
        assert!(picture.get_pixel(100, 100)[0] > 180 && picture.get_pixel(100, 400)[2] > 180);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), made.num_bytes);
        std::fs::write(&path, b"kept").unwrap();
        assert_eq!(thumbnails.get("abcd", ThumbnailSize::Small).await.unwrap().unwrap().num_bytes, 4);
        let large = thumbnails.get("abcd", ThumbnailSize::Large).await.unwrap().unwrap();
        assert_ne!(large.object_key, made.object_key);
        remove(&blobs, "abcd").await.unwrap();
        assert!(!path.exists() && !blobs.exists(&large.object_key).await.unwrap());
    }

    #[tokio::test]
    async fn what_is_no_image_says_so_and_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::make(url::Url::from_file_path(folder.path()).unwrap().as_str()).unwrap();
        blobs.put_bytes(&images::object_key("ef"), Bytes::from_static(b"no image")).await.unwrap();
        let thumbnails = Thumbnails::new(blobs.clone(), UploadsSection::default(), Decoders::start(1).unwrap());
        let rejected = thumbnails.get("ef", ThumbnailSize::Small).await.unwrap().unwrap_err();
        assert!(rejected.reason.contains("no image that scene3d reads"), "{}", rejected.reason);
        assert!(!blobs.exists("thumbnails/ef/ef-512").await.unwrap());
    }
}
