//! Why what somebody sent is not taken: a stable code, the file it is about, what was expected and got.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Kinds of reasons; their names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// A name that leads out of its folder, is absolute, or can't be shown.
    UnsafeName,
    /// Two files of one name, by the rules of any system.
    DuplicateName,
    /// The archive can't be read.
    ArchiveDamaged,
    /// What the archive says of a file in two places differs.
    ArchiveInconsistent,
    /// A symlink, a device, a pipe.
    ArchiveSpecialFile,
    /// An archive in an archive.
    ArchiveNested,
    /// A file that needs a password.
    ArchiveEncrypted,
    /// Packed otherwise than stored or deflated.
    ArchiveMethod,
    /// Files that share bytes of the archive.
    ArchiveOverlap,
    /// A file that unpacks to far more than it takes.
    ArchiveRatio,
    /// More files than may be sent at once.
    TooManyFiles,
    /// More bytes than may be sent at once.
    UploadTooLarge,
    /// More bytes than an image may have.
    ImageTooLarge,
    /// More pixels than an image may have.
    TooManyPixels,
    /// A file that is no image.
    NotAnImage,
    /// Nothing in it is an image.
    NoImages,
    /// The user has no room for it.
    QuotaExceeded,
    /// The server has no room for it.
    DiskFull,
    /// What was received is gone.
    UploadLost,
    /// The server failed at looking at it.
    CheckFailed,
}

/// Why what somebody sent is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// Name of the file that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// What was expected and got.
    pub detail: String,
}

impl Refusal {
    /// Of everything that was sent.
    #[must_use]
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, entry: None, detail: detail.into() }
    }

    /// For want of room on the server's disk.
    #[must_use]
    pub fn disk_full() -> Self {
        Self::new(RefusalCode::DiskFull, "the server's disk is full")
    }

    /// Because of one file; `what` goes on from its name, e.g. `has 3 bytes, expected at most 2`.
    #[must_use]
    pub fn of_entry(code: RefusalCode, entry: &str, what: impl AsRef<str>) -> Self {
        let shown = shown(entry);
        Self { code, detail: format!("`{shown}` {}", what.as_ref()), entry: Some(shown) }
    }
}

/// Of a name that somebody made up, this much is repeated.
const MAX_SHOWN_CHARS: usize = 200;

/// A name as it can be put into a log and a terminal.
pub(super) fn shown(name: &str) -> String {
    let mut shown = String::new();
    for character in name.chars().take(MAX_SHOWN_CHARS) {
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

impl RefusalCode {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UnsafeName => "unsafe_name",
            Self::DuplicateName => "duplicate_name",
            Self::ArchiveDamaged => "archive_damaged",
            Self::ArchiveInconsistent => "archive_inconsistent",
            Self::ArchiveSpecialFile => "archive_special_file",
            Self::ArchiveNested => "archive_nested",
            Self::ArchiveEncrypted => "archive_encrypted",
            Self::ArchiveMethod => "archive_method",
            Self::ArchiveOverlap => "archive_overlap",
            Self::ArchiveRatio => "archive_ratio",
            Self::TooManyFiles => "too_many_files",
            Self::UploadTooLarge => "upload_too_large",
            Self::ImageTooLarge => "image_too_large",
            Self::TooManyPixels => "too_many_pixels",
            Self::NotAnImage => "not_an_image",
            Self::NoImages => "no_images",
            Self::QuotaExceeded => "quota_exceeded",
            Self::DiskFull => "disk_full",
            Self::UploadLost => "upload_lost",
            Self::CheckFailed => "check_failed",
        }
    }

    /// What to try.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::UnsafeName => "use relative names with `/` between folders, without `..` and control characters",
            Self::DuplicateName => {
                "rename one of the two; names that differ in case or accents' spelling only are alike"
            }
            Self::ArchiveDamaged | Self::ArchiveInconsistent | Self::ArchiveOverlap => {
                "make the ZIP again, e.g. with `zip -r photos.zip photos`"
            }
            Self::ArchiveSpecialFile => "put the files themselves into the ZIP, not links to them",
            Self::ArchiveNested => "unpack the inner archive first and send its images",
            Self::ArchiveEncrypted => "make the ZIP without a password",
            Self::ArchiveMethod => "make the ZIP with the methods store or deflate, which every program can",
            Self::ArchiveRatio => "send photos as JPEG or PNG; the limit is `uploads.max_ratio` of the server",
            Self::TooManyFiles => "send it in several uploads; a job can use the images of all of them",
            Self::UploadTooLarge => "send it in several uploads; the limit is `uploads.max_bytes` of the server",
            Self::ImageTooLarge | Self::TooManyPixels => "reduce the image, or leave it out",
            Self::NotAnImage | Self::NoImages => "send JPEG, PNG, TIFF, WebP or BMP files, or a ZIP of them",
            Self::QuotaExceeded => "delete uploads and jobs that you no longer need",
            Self::DiskFull => "try again later; the server's operator is told by /readyz and the log",
            Self::UploadLost => "send it again",
            Self::CheckFailed => "send the files in smaller uploads to find the one that fails, and report it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() {
        for code in [RefusalCode::UnsafeName, RefusalCode::ArchiveNested, RefusalCode::TooManyPixels] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }

    #[test]
    fn a_made_up_name_is_repeated_without_its_control_characters_and_in_part() {
        let refusal = Refusal::of_entry(RefusalCode::UnsafeName, &format!("a\n{}", "b".repeat(1000)), "is bad");
        assert!(refusal.detail.starts_with("`a\\nbbb") && refusal.detail.len() < 220, "{}", refusal.detail);
    }
}
