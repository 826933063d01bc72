//! A ZIP that somebody sent: what is not a plain archive of files is refused before anything of it is written.
//!
//! The directory is read here and not by the `zip` crate, which hides what has to be seen: entries of one name, flags,
//! local headers that tell something else, bytes before the first file.

mod bytes;
mod cp437;
mod directory;
#[cfg(test)]
mod hostile;
mod local;
#[cfg(test)]
mod testing;
mod unpack;

use std::fs::File;
use std::path::{Path, PathBuf};

use self::directory::{Entry, ReadError};
use super::names::{NameKind, NamesInUse, check_name, kind_of};
use super::refusal::{Refusal, RefusalCode};
use crate::error::{Result, ServiceError};

/// Encrypted, strongly encrypted, with a masked directory (APPNOTE 4.4.4, bits 0, 6 and 13).
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// A patch of another file (bit 5).
const FLAG_PATCH: u16 = 1 << 5;
const FLAG_UTF8: u16 = 1 << 11;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Attribute of DOS: a link on Windows.
const REPARSE_POINT: u32 = 0x400;
/// Programs add files of their own beside the images, macOS one each.
const MAX_ENTRIES_PER_FILE: usize = 3;
/// A small text may be packed well without harm.
const RATIO_FREE_BYTES: u64 = 64 << 10;

/// How much may be in an archive.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveLimits {
    /// Images.
    pub max_files: usize,
    /// Bytes of a file.
    pub max_file_bytes: u64,
    /// Bytes of all files.
    pub max_total_bytes: u64,
    /// Bytes of a file to those that it takes in the archive.
    pub max_ratio: u64,
}

/// An archive that was checked as far as its directory and headers tell.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    images: Vec<Packed>,
    skipped: Vec<String>,
}

/// An image in an archive.
#[derive(Debug, Clone)]
pub struct Packed {
    entry: Entry,
    starts_at: u64,
}

impl Packed {
    /// Its checked name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Its size as the archive tells; [`Archive::unpack`] refuses a file of another size.
    #[must_use]
    pub fn unpacked_bytes(&self) -> u64 {
        self.entry.unpacked_bytes
    }
}

impl Archive {
    /// Reads directory and headers.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with the entry, [`ServiceError::Io`].
    pub fn open(path: &Path, limits: ArchiveLimits) -> Result<Self> {
        let read = || -> Result<Self, ReadError> {
            let mut file = File::open(path)?;
            let extent = directory::locate(&mut file)?;
            check_num_entries(extent.num_entries, limits)?;
            let entries = directory::read(&mut file, extent)?;
            check_entries(&entries, limits)?;
            let starts = local::check_headers(&mut file, &entries, extent.start)?;
            Ok(Self::sorted(path, entries, &starts))
        };
        read().map_err(|error| match error {
            ReadError::Io(source) => ServiceError::io("read", path)(source),
            ReadError::Refused(refusal) => refusal.into(),
        })
    }

    /// Its images.
    #[must_use]
    pub fn images(&self) -> &[Packed] {
        &self.images
    }

    /// Names of the files that are no images by their names; they are never unpacked.
    #[must_use]
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    fn sorted(path: &Path, entries: Vec<Entry>, starts: &[u64]) -> Self {
        let mut archive = Self { path: path.to_owned(), images: Vec::new(), skipped: Vec::new() };
        for (entry, &starts_at) in entries.into_iter().zip(starts).filter(|(entry, _)| !is_folder(entry)) {
            match kind_of(&entry.name) {
                NameKind::Image => archive.images.push(Packed { entry, starts_at }),
                _ => archive.skipped.push(entry.name),
            }
        }
        archive
    }
}

fn is_folder(entry: &Entry) -> bool {
    entry.name.ends_with('/')
}

fn check_num_entries(num_entries: u64, limits: ArchiveLimits) -> Result<(), Refusal> {
    let max_entries = limits.max_files.saturating_mul(MAX_ENTRIES_PER_FILE) as u64;
    if num_entries <= max_entries {
        return Ok(());
    }
    Err(too_many_files(num_entries, max_entries))
}

fn too_many_files(num_files: u64, max_files: u64) -> Refusal {
    Refusal::new(RefusalCode::TooManyFiles, format!("the ZIP has {num_files} files, expected at most {max_files}"))
}

fn check_entries(entries: &[Entry], limits: ArchiveLimits) -> Result<(), Refusal> {
    let mut names = NamesInUse::default();
    let (mut total_bytes, mut num_images) = (0_u64, 0);
    for entry in entries {
        check_plain(entry)?;
        check_size(entry, limits)?;
        total_bytes = total_bytes.saturating_add(entry.unpacked_bytes);
        if total_bytes > limits.max_total_bytes {
            let max_bytes = limits.max_total_bytes;
            let what = format!("brings the unpacked files above {max_bytes} bytes");
            return Err(Refusal::of_entry(RefusalCode::UploadTooLarge, &entry.name, what));
        }
        if is_folder(entry) {
            continue;
        }
        names.take(&entry.name)?;
        num_images += u64::from(kind_of(&entry.name) == NameKind::Image);
    }
    let max_files = limits.max_files as u64;
    if num_images > max_files { Err(too_many_files(num_images, max_files)) } else { Ok(()) }
}

fn check_plain(entry: &Entry) -> Result<(), Refusal> {
    let name = &entry.name;
    check_name(name.strip_suffix('/').unwrap_or(name))?;
    let refused = |code, what: String| Err(Refusal::of_entry(code, name, what));
    if entry.flags & FLAGS_ENCRYPTED != 0 {
        return refused(RefusalCode::ArchiveEncrypted, "is encrypted".to_owned());
    }
    if entry.flags & FLAG_PATCH != 0 || ![STORED, DEFLATED].contains(&entry.method) {
        return refused(RefusalCode::ArchiveMethod, format!("is packed by method {}, expected 0 or 8", entry.method));
    }
    if let Some(kind) = special_kind(entry.attributes) {
        return refused(RefusalCode::ArchiveSpecialFile, format!("is {kind}, expected a file or a folder"));
    }
    if kind_of(name) == NameKind::Archive {
        return refused(RefusalCode::ArchiveNested, "is an archive within the ZIP".to_owned());
    }
    Ok(())
}

/// Types of files as Unix has them in the upper half (sys_stat.h(0p), `S_IFMT`), whatever system the ZIP says it is from.
fn special_kind(attributes: u32) -> Option<&'static str> {
    if attributes & REPARSE_POINT != 0 {
        return Some("a link");
    }
    match attributes >> 28 {
        0o0 | 0o4 | 0o10 => None,
        0o12 => Some("a symbolic link"),
        0o1 => Some("a pipe"),
        0o2 | 0o6 => Some("a device"),
        0o14 => Some("a socket"),
        _ => Some("no plain file"),
    }
}

fn check_size(entry: &Entry, limits: ArchiveLimits) -> Result<(), Refusal> {
    let Entry { name, packed_bytes, unpacked_bytes, .. } = entry;
    let refused = |code, what: String| Err(Refusal::of_entry(code, name, what));
    if is_folder(entry) && *unpacked_bytes > 0 {
        return refused(RefusalCode::ArchiveInconsistent, format!("is a folder of {unpacked_bytes} bytes"));
    }
    if entry.method == STORED && packed_bytes != unpacked_bytes {
        return refused(
            RefusalCode::ArchiveInconsistent,
            format!("is stored, but {packed_bytes} are {unpacked_bytes} bytes"),
        );
    }
    if *unpacked_bytes > limits.max_file_bytes {
        let what = format!("has {unpacked_bytes} bytes, expected at most {}", limits.max_file_bytes);
        return refused(RefusalCode::ImageTooLarge, what);
    }
    if *unpacked_bytes > packed_bytes.saturating_mul(limits.max_ratio).saturating_add(RATIO_FREE_BYTES) {
        let what = format!(
            "unpacks from {packed_bytes} to {unpacked_bytes} bytes, expected at most {} times",
            limits.max_ratio
        );
        return refused(RefusalCode::ArchiveRatio, what);
    }
    Ok(())
}
