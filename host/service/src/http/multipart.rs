//! Receives the files of a form, each straight into a file of the staging folder.

use std::time::Duration;

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::http::StatusCode;
use bytes::Bytes;

use crate::clock::millis;
use crate::error::ServiceError;
use crate::http::Problem;
use crate::http::pace::Pace;
use crate::store::uploads::Upload;
use crate::uploads::Uploads;
use crate::uploads::names::check_name;
use crate::uploads::receive::Sink;
use crate::uploads::refusal::{Refusal, RefusalCode};
use crate::uploads::staging::Staged;
use crate::uploads::state::{UploadDetails, UploadState};

/// Boundaries and headers of a form beside its files.
const MAX_FORM_BYTES: u64 = 4 << 20;

/// Why not all of a form was taken.
enum Stop {
    Refused(Refusal),
    Failed(Problem),
}

/// Receives a form and makes images of its files. What was received goes on to be looked at even if the client is gone by
/// then; what was received in part is dropped.
///
/// # Errors
/// What is wrong with it.
pub async fn receive(
    uploads: &Uploads,
    user_id: String,
    declared_bytes: Option<u64>,
    form: Multipart,
) -> Result<Upload, Problem> {
    let uploads = uploads.clone();
    // a request whose client goes is dropped where it waits; this goes on and clears up
    let received = tokio::spawn(async move { receive_all(&uploads, &user_id, declared_bytes, form).await });
    received.await.unwrap_or_else(|error| {
        tracing::error!(error = %error, "an upload ended");
        Err(Problem::bug())
    })
}

async fn receive_all(
    uploads: &Uploads,
    user_id: &str,
    declared_bytes: Option<u64>,
    form: Multipart,
) -> Result<Upload, Problem> {
    let max_bytes = uploads.limits.max_bytes;
    if declared_bytes.is_some_and(|declared| declared > max_bytes.saturating_add(MAX_FORM_BYTES)) {
        return Err(too_large(max_bytes).into());
    }
    let declared = declared_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let lifetime_ms = millis(Duration::from_secs(uploads.limits.expire_secs));
    let upload = Upload::announced(user_id, UploadDetails::default(), declared, lifetime_ms);
    let free_bytes = uploads.store.free_bytes_of(user_id, uploads.quotas).await?;
    let staged = uploads.announce(&upload).await?;
    let pace = Pace::new(&uploads.limits);
    let mut files = Files { uploads, staged: &staged, names: Vec::new(), num_bytes: 0, free_bytes, pace };
    let (state, problem, answer) = match files.take_all(form).await {
        Ok(()) => {
            let Files { names, num_bytes, .. } = files;
            return look_at(uploads, upload, staged, (names, num_bytes)).await;
        }
        Err(Stop::Refused(refusal)) => (UploadState::Refused, Some(refusal.clone()), refusal.into()),
        Err(Stop::Failed(problem)) => (UploadState::Terminated, None, problem),
    };
    staged.remove().await?;
    uploads.end(&upload.id, UploadState::Receiving, state, problem).await?;
    Err(answer)
}

async fn look_at(
    uploads: &Uploads,
    upload: Upload,
    staged: Staged,
    (names, num_bytes): (Vec<String>, u64),
) -> Result<Upload, Problem> {
    staged.sync().await?;
    let all_here = |upload: &mut Upload| {
        upload.filename = names.first().cloned().unwrap_or_default();
        upload.details.files = names;
        upload.received_bytes = i64::try_from(num_bytes).unwrap_or(i64::MAX);
        upload.declared_bytes = Some(upload.received_bytes);
        upload.state = UploadState::Checking;
    };
    uploads.store.change_upload(&upload.id, UploadState::Receiving, all_here).await?;
    Ok(uploads.ingest(&upload.id, staged).await?)
}

struct Files<'a> {
    uploads: &'a Uploads,
    staged: &'a Staged,
    names: Vec<String>,
    num_bytes: u64,
    free_bytes: u64,
    pace: Pace,
}

impl Files<'_> {
    async fn take_all(&mut self, mut form: Multipart) -> Result<(), Stop> {
        while let Some(field) = in_time(&mut self.pace, form.next_field(), |_| 0).await? {
            self.take(field).await?;
        }
        match self.names.is_empty() {
            true => Err(Refusal::new(RefusalCode::NoImages, "the form has no file").into()),
            false => Ok(()),
        }
    }

    async fn take(&mut self, mut field: Field<'_>) -> Result<(), Stop> {
        let Some(name) = field.file_name().map(str::to_owned) else {
            let detail = format!("the part {:?} of the form is no file", field.name().unwrap_or_default());
            return Err(Stop::Failed(Problem::invalid("not_a_file", detail).help("send files only, with their names")));
        };
        check_name(&name)?;
        let max_files = self.uploads.limits.max_files;
        if self.names.len() >= max_files {
            let detail = format!("the form has more than {max_files} files");
            return Err(Refusal::new(RefusalCode::TooManyFiles, detail).into());
        }
        let mut sink = Sink::open(&self.staged.file(self.names.len()), 0).await?;
        let length = |chunk: &Option<Bytes>| chunk.as_ref().map_or(0, Bytes::len);
        while let Some(chunk) = in_time(&mut self.pace, field.chunk(), length).await? {
            self.num_bytes += chunk.len() as u64;
            self.uploads.metrics.uploads.received("multipart", chunk.len() as u64);
            self.check_size()?;
            sink.write(&chunk).await?;
            let max_bytes = self.uploads.limits.max_image_bytes;
            if !sink.is_zip() && sink.num_bytes() > max_bytes {
                let what = format!("has more than {max_bytes} bytes");
                return Err(Refusal::of_entry(RefusalCode::ImageTooLarge, &name, what).into());
            }
        }
        sink.sync().await?;
        self.names.push(name);
        Ok(())
    }

    fn check_size(&self) -> Result<(), Refusal> {
        let max_bytes = self.uploads.limits.max_bytes;
        if self.num_bytes > max_bytes {
            return Err(too_large(max_bytes));
        }
        if self.num_bytes > self.free_bytes {
            let detail = format!("more bytes than the {} that may still be kept", self.free_bytes);
            return Err(Refusal::new(RefusalCode::QuotaExceeded, detail));
        }
        Ok(())
    }
}

fn too_large(max_bytes: u64) -> Refusal {
    Refusal::new(RefusalCode::UploadTooLarge, format!("the upload has more than {max_bytes} bytes"))
}

async fn in_time<T>(
    pace: &mut Pace,
    read: impl Future<Output = Result<T, MultipartError>>,
    length: impl Fn(&T) -> usize,
) -> Result<T, Stop> {
    match pace.next(read, |read| read.as_ref().map_or(0, &length)).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(Stop::Failed(
            Problem::new(StatusCode::BAD_REQUEST, "unreadable_form", format!("the form can't be read: {error}"))
                .help("send it again; over a bad connection by tus, see /api/docs"),
        )),
        Err(_) => Err(Stop::Failed(
            Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "too few bytes came")
                .help("send it again; over a slow connection by tus, which keeps what came"),
        )),
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A full disk is written down as the reason.
impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(refusal) => Self::Refused(*refusal),
            error if error.is_disk_full() => Self::Refused(Refusal::disk_full()),
            error => Self::Failed(error.into()),
        }
    }
}
