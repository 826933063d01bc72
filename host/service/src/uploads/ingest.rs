//! From staged files to images: each is hashed, looked at, and kept once; what was begun is done again after a crash.

use std::path::PathBuf;
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt};

use super::Uploads;
use super::archive::{Archive, ArchiveLimits, Packed};
use super::names::{NameKind, NamesInUse, check_name, kind_of};
use super::photo::{Hashed, Header, hash_file, read_header, statistics, unpack_file};
use super::receive::is_zip;
use super::refusal::{Refusal, RefusalCode};
use super::staging::Staged;
use super::state::{NotUsedVerdict, UploadDetails, UploadState};
use crate::clock::now_ms;
use crate::error::{Result, ServiceError};
use crate::store::images::Image;
use crate::store::uploads::Upload;

/// An upload that ended so many servers while it was checked is refused.
const MAX_ATTEMPTS: u32 = 3;

/// A file to be looked at.
#[derive(Clone)]
enum Source {
    /// As it was sent.
    File { name: String, path: PathBuf },
    /// In a ZIP.
    Packed { archive: Arc<Archive>, image: Packed, path: PathBuf },
}

/// What became of a file.
enum Looked {
    /// The file can be removed once the image is kept.
    Image {
        name: String,
        image: Box<Image>,
        file: Hashed,
    },
    NotDecodable {
        name: String,
        why: String,
    },
}

/// What a user may still keep.
struct Room {
    num_images: i64,
    num_bytes: i64,
}

impl Uploads {
    /// Checks an upload in state `checking` and makes it ready, or refuses it. Its staging folder is removed unless the
    /// storage does not answer; then it stays `checking` and can be ingested again.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with the reason that was written; those of the storage.
    pub async fn ingest(&self, upload_id: &str, staged: Staged) -> Result<Upload> {
        let ingested = self.checked(upload_id, &staged).await;
        let refusal = match ingested {
            Ok(upload) => {
                if let Err(error) = staged.remove().await {
                    tracing::warn!(error = %error, "files of an upload that is ready stay until the next start");
                }
                return Ok(upload);
            }
            // its owner does not want it any more
            Err(error @ ServiceError::WrongUploadState { .. }) => {
                staged.remove().await?;
                return Err(error);
            }
            Err(ServiceError::Refused(refusal)) => *refusal,
            Err(error) if error.is_disk_full() => Refusal::disk_full(),
            Err(ServiceError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Refusal::new(RefusalCode::UploadLost, "what was received is no longer there")
            }
            Err(error) => {
                let attempt_was_no_crash = |upload: &mut Upload| upload.details.num_attempts = 0;
                self.store.change_upload(upload_id, UploadState::Checking, attempt_was_no_crash).await?;
                return Err(error);
            }
        };
        // room first: where the disk is full the database may need it
        staged.remove().await?;
        let (from, to) = (UploadState::Checking, UploadState::Refused);
        self.end(upload_id, from, to, Some(refusal.clone())).await?;
        Err(refusal.into())
    }

    async fn checked(&self, upload_id: &str, staged: &Staged) -> Result<Upload> {
        let begin = |upload: &mut Upload| upload.details.num_attempts += 1;
        let upload = self.store.change_upload(upload_id, UploadState::Checking, begin).await?;
        if upload.details.num_attempts > MAX_ATTEMPTS {
            let detail = format!("the server ended {MAX_ATTEMPTS} times while it looked at the files");
            return Err(Refusal::new(RefusalCode::CheckFailed, detail).into());
        }
        let mut details = UploadDetails { not_used: Vec::new(), num_not_used: 0, ..upload.details.clone() };
        let sources = self.sources(staged, &mut details).await?;
        let mut room = self.room_of(&upload).await?;
        let mut names = NamesInUse::default();
        let mut num_images = 0;
        let looks = sources.into_iter().map(|source| self.look(source));
        // in order, so that the same upload has the same names whichever file was looked at first
        let mut looks = futures::stream::iter(looks).buffered(self.limits.num_decoders.max(1));
        while let Some(looked) = looks.try_next().await? {
            match looked {
                Looked::Image { name, image, file } => {
                    names.take(&name)?;
                    self.fit(&mut room, &upload, &image, &name).await?;
                    self.keep(&upload, &name, &image, &file).await?;
                    num_images += 1;
                }
                Looked::NotDecodable { name, why } => {
                    details.leave_out(&name, NotUsedVerdict::NotDecodable, &why);
                }
            }
        }
        if num_images == 0 {
            return Err(nothing_usable(&details).into());
        }
        details.num_attempts = 0;
        let upload = self.store.finish_upload(upload_id, details, self.quotas).await?;
        self.metrics.uploads.finished(upload.state.name());
        Ok(upload)
    }

    /// The files that were sent, or those of the ZIP that was sent; what they leave out is noted.
    async fn sources(&self, staged: &Staged, details: &mut UploadDetails) -> Result<Vec<Source>> {
        let files: Vec<(String, PathBuf)> =
            details.files.iter().enumerate().map(|(number, name)| (name.clone(), staged.file(number))).collect();
        let limits = ArchiveLimits {
            max_files: self.limits.max_files,
            max_file_bytes: self.limits.max_image_bytes,
            max_total_bytes: self.limits.max_bytes,
            max_ratio: self.limits.max_ratio,
        };
        let folder = staged.folder().to_owned();
        let seat = self.decoders.seat().await?;
        let opened = seat.run(move || match files.as_slice() {
            [(_, path)] if begins_as_zip(path)? => of_archive(Archive::open(path, limits)?, &folder),
            _ => files.into_iter().map(of_file).collect::<Result<Vec<_>>>().map(|sources| (sources, Vec::new())),
        });
        let (sources, skipped) = opened.await?;
        for name in skipped {
            details.leave_out(&name, NotUsedVerdict::Skipped, "is no image by its name");
        }
        Ok(sources)
    }

    /// Unpacks, hashes and decodes.
    async fn look(&self, source: Source) -> Result<Looked> {
        let seat = self.decoders.seat().await?;
        let limits = self.limits;
        let (name, path, from) = match source {
            Source::File { name, path } => (name, path, None),
            Source::Packed { archive, image, path } => (image.name().to_owned(), path, Some((archive, image))),
        };
        let label = name.clone();
        let hashed = seat.run(move || {
            let file = match from {
                Some((archive, image)) => unpack_file(&archive, &image, &path)?,
                None => hash_file(&path)?,
            };
            let header = read_header(&label, &file, limits)?;
            Ok((file, header))
        });
        let (file, header) = hashed.await?;
        let header = match header {
            Ok(header) => header,
            Err(why) => return Ok(Looked::NotDecodable { name, why }),
        };
        // whoever sent the same bytes before had them decoded
        let known = self.store.image(&file.sha256).await?;
        let (file, image) = match known {
            Some(known) => (file, Ok(known)),
            None => {
                let measured = move || {
                    let statistics = statistics(&file, limits)?;
                    Ok((statistics.map(|statistics| image_row(&file, header, statistics)), file))
                };
                let (image, file) = seat.run(measured).await?;
                (file, image)
            }
        };
        drop(seat);
        match image {
            Ok(image) => Ok(Looked::Image { name: with_ending(name, header), image: Box::new(image), file }),
            Err(why) => Ok(Looked::NotDecodable { name, why }),
        }
    }

    /// The row comes first: from then on nobody removes the object, see [`crate::store::Store::remove_unused_image`].
    async fn keep(&self, upload: &Upload, name: &str, image: &Image, file: &Hashed) -> Result<()> {
        self.store.add_upload_image(&upload.id, name, image).await?;
        let key = image.object_key();
        if !self.blobs.exists(&key).await? {
            self.blobs.put_file(&key, &file.path).await?;
        }
        Ok(())
    }

    async fn room_of(&self, upload: &Upload) -> Result<Room> {
        let used = self.store.image_use_of(&upload.user_id).await?;
        let free = self.store.free_bytes_of(&upload.user_id, self.quotas).await?;
        // its staged bytes go when its images are kept
        let own = upload.declared_bytes.unwrap_or_default().max(upload.received_bytes);
        let num_bytes = i64::try_from(free).unwrap_or(i64::MAX).saturating_add(own);
        Ok(Room { num_images: self.quotas.max_images - used.num_images, num_bytes })
    }

    async fn fit(&self, room: &mut Room, upload: &Upload, image: &Image, name: &str) -> Result<()> {
        if self.store.user_has_images(&upload.user_id, std::slice::from_ref(&image.sha256)).await? {
            return Ok(());
        }
        room.num_images -= 1;
        room.num_bytes = room.num_bytes.saturating_sub(image.bytes);
        if room.num_images < 0 || room.num_bytes < 0 {
            let what = format!(
                "is beyond what you may keep: at most {} images and {} bytes",
                self.quotas.max_images, self.quotas.max_bytes
            );
            return Err(Refusal::of_entry(RefusalCode::QuotaExceeded, name, what).into());
        }
        Ok(())
    }
}

fn begins_as_zip(path: &std::path::Path) -> Result<bool> {
    use std::io::Read;
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(ServiceError::io("read", path))?;
    file.take(4).read_to_end(&mut head).map_err(ServiceError::io("read", path))?;
    Ok(is_zip(&head))
}

fn of_archive(archive: Archive, folder: &std::path::Path) -> Result<(Vec<Source>, Vec<String>)> {
    let skipped = archive.skipped().to_vec();
    let archive = Arc::new(archive);
    let source = |(number, image): (usize, &Packed)| Source::Packed {
        archive: Arc::clone(&archive),
        image: image.clone(),
        path: folder.join(format!("unpacked-{number}")),
    };
    let sources = archive.images().iter().enumerate().map(source).collect();
    Ok((sources, skipped))
}

fn of_file((name, path): (String, PathBuf)) -> Result<Source> {
    check_name(&name)?;
    if begins_as_zip(&path)? {
        let what = "is a ZIP beside other files; send it alone";
        return Err(Refusal::of_entry(RefusalCode::ArchiveNested, &name, what).into());
    }
    Ok(Source::File { name, path })
}

fn image_row(file: &Hashed, header: Header, statistics: String) -> Image {
    Image {
        sha256: file.sha256.clone(),
        bytes: i64::try_from(file.num_bytes).unwrap_or(i64::MAX),
        width: i64::from(header.width),
        height: i64::from(header.height),
        statistics,
        created_at: now_ms(),
    }
}

/// The pipeline takes files by their endings; one that was sent alone may have none.
fn with_ending(name: String, header: Header) -> String {
    match kind_of(&name) {
        NameKind::Image => name,
        _ => format!("{}.{}", name.trim_start_matches('.'), header.format.extensions_str()[0]),
    }
}

fn nothing_usable(details: &UploadDetails) -> Refusal {
    match details.not_used.as_slice() {
        [only] if only.verdict == NotUsedVerdict::NotDecodable => {
            Refusal::of_entry(RefusalCode::NotAnImage, &only.name, &only.reason)
        }
        _ => Refusal::new(RefusalCode::NoImages, format!("none of {} files is an image", details.num_not_used)),
    }
}
