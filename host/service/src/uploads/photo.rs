//! One image file: its sha256 while it is written or read, what its header tells, its statistics.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use image::{ImageFormat, ImageReader};
use scene3d_pipeline::PhotoLimits;
use sha2::{Digest, Sha256};

use super::archive::{Archive, Packed};
use super::refusal::{Refusal, RefusalCode};
use crate::config::UploadsSection;
use crate::error::{Result, ServiceError};
use crate::photo_statistics::photo_statistics;
use crate::secrets::hex;

/// A file whose bytes are known.
#[derive(Debug)]
pub(super) struct Hashed {
    pub path: PathBuf,
    pub sha256: String,
    pub num_bytes: u64,
}

/// What a header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub format: ImageFormat,
    pub width: u32,
    pub height: u32,
}

/// Reads a file for its sha256.
pub(super) fn hash_file(path: &Path) -> Result<Hashed> {
    let failed = |error| ServiceError::io("read", path)(error);
    let mut file = File::open(path).map_err(failed)?;
    let mut sha256 = Sha256::new();
    let mut chunk = vec![0; 256 << 10];
    let mut num_bytes = 0;
    loop {
        let length = file.read(&mut chunk).map_err(failed)?;
        if length == 0 {
            return Ok(Hashed { path: path.to_owned(), sha256: hex(&sha256.finalize()), num_bytes });
        }
        sha256.update(&chunk[..length]);
        num_bytes += length as u64;
    }
}

/// Unpacks an image into a file.
pub(super) fn unpack_file(archive: &Archive, image: &Packed, path: &Path) -> Result<Hashed> {
    let failed = |error| ServiceError::io("write", path)(error);
    let file = BufWriter::with_capacity(256 << 10, File::create(path).map_err(failed)?);
    let mut out = HashingWriter { file, sha256: Sha256::new() };
    archive.unpack(image, &mut out)?;
    out.file.flush().map_err(failed)?;
    let sha256 = hex(&out.sha256.finalize());
    Ok(Hashed { path: path.to_owned(), sha256, num_bytes: image.unpacked_bytes() })
}

struct HashingWriter {
    file: BufWriter<File>,
    sha256: Sha256,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.sha256.update(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Reads the header; `Ok(Err(why))` if the file is no image, an error if it is one that may not be taken.
pub(super) fn read_header(name: &str, file: &Hashed, limits: UploadsSection) -> Result<Result<Header, String>> {
    if file.num_bytes > limits.max_image_bytes {
        let what = format!("has {} bytes, expected at most {}", file.num_bytes, limits.max_image_bytes);
        return Err(Refusal::of_entry(RefusalCode::ImageTooLarge, name, what).into());
    }
    let opened = File::open(&file.path).map_err(ServiceError::io("read", &file.path))?;
    let reader = ImageReader::new(BufReader::new(opened)).with_guessed_format();
    let reader = reader.map_err(ServiceError::io("read", &file.path))?;
    let Some(format) = reader.format() else { return Ok(Err("is no JPEG, PNG, TIFF, WebP or BMP".to_owned())) };
    let (width, height) = match reader.into_dimensions() {
        Ok(size) => size,
        Err(error) => return Ok(Err(format!("has a damaged header: {error}"))),
    };
    if width == 0 || height == 0 {
        return Ok(Err(format!("is {width} x {height} pixels large")));
    }
    let num_pixels = u64::from(width) * u64::from(height);
    if num_pixels > limits.max_megapixels.saturating_mul(1_000_000) {
        let what = format!("has {width} x {height} pixels, expected at most {} megapixels", limits.max_megapixels);
        return Err(Refusal::of_entry(RefusalCode::TooManyPixels, name, what).into());
    }
    Ok(Ok(Header { format, width, height }))
}

/// What the drift check compares, as JSON; `Ok(Err(why))` if the pixels can't be decoded.
pub(super) fn statistics(file: &Hashed, limits: UploadsSection) -> Result<Result<String, String>> {
    let bytes = std::fs::read(&file.path).map_err(ServiceError::io("read", &file.path))?;
    let limits = PhotoLimits { max_pixels: limits.max_megapixels.saturating_mul(1_000_000) };
    match photo_statistics("", &bytes, limits) {
        Ok(facts) => serde_json::to_string(&facts.statistics).map(Ok).map_err(ServiceError::bad_row("image")),
        Err(rejected) => Ok(Err(rejected.reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, Hashed) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0");
        std::fs::write(&path, bytes).unwrap();
        let hashed = hash_file(&path).unwrap();
        (folder, hashed)
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(width, height).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn headers_tell_what_is_taken() {
        let limits = UploadsSection { max_image_bytes: 100_000, max_megapixels: 1, ..UploadsSection::default() };
        let (_folder, small) = file(&png(20, 10));
        let header = read_header("a.png", &small, limits).unwrap().unwrap();
        assert_eq!((header.format, header.width, header.height), (ImageFormat::Png, 20, 10));
        let code = |bytes: &[u8]| match read_header("a.png", &file(bytes).1, limits) {
            Err(ServiceError::Refused(refusal)) => (refusal.code, refusal.entry.unwrap()),
            other => panic!("{other:?}"),
        };
        assert_eq!(code(&png(2000, 1000)), (RefusalCode::TooManyPixels, "a.png".to_owned()));
        assert_eq!(code(&vec![0; 100_001]), (RefusalCode::ImageTooLarge, "a.png".to_owned()));
        for bytes in [b"".as_slice(), b"no image", &png(20, 10)[..20]] {
            assert!(read_header("a.png", &file(bytes).1, limits).unwrap().is_err());
        }
    }

    #[test]
    fn a_header_that_promises_billions_of_pixels_is_refused_before_they_are_decoded() {
        let mut huge = png(20, 10);
        huge[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
        let crc = crc32fast::hash(&huge[12..29]).to_be_bytes();
        huge[29..33].copy_from_slice(&crc);
        let refused = read_header("a.png", &file(&huge).1, UploadsSection::default());
        assert!(matches!(refused, Err(ServiceError::Refused(refusal)) if refusal.code == RefusalCode::TooManyPixels));
    }
}
