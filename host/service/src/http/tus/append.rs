//! Bytes of a tus upload: kept as far as they came, and told of only once they are on the disk.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use futures::StreamExt;
use tracing::Instrument;

use super::headers::Checksum;
use crate::clock::{millis, now_ms};
use crate::error::Result;
use crate::http::Problem;
use crate::http::pace::Pace;
use crate::store::uploads::Upload;
use crate::uploads::Uploads;
use crate::uploads::receive::Sink;
use crate::uploads::refusal::{Refusal, RefusalCode};
use crate::uploads::staging::Staged;
use crate::uploads::state::UploadState;

/// At most so much is lost when the server ends in the middle of a request.
const SYNC_EVERY_BYTES: u64 = 64 << 20;

/// How long a request waits for the one before to end, which may not know yet that its client is gone.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Bytes to come.
pub(super) struct Piece {
    /// Where they go.
    pub staged: Staged,
    /// What they sum up to; with one, all or none are kept.
    pub checksum: Option<Checksum>,
    /// How many, if that is said.
    pub num_bytes: Option<u64>,
}

/// The upload's folder once nobody else holds it; `None` if that takes too long.
pub(super) async fn held(uploads: &Uploads, upload_id: &str) -> Result<Option<Staged>> {
    let deadline = tokio::time::Instant::now() + MAX_WAIT;
    loop {
        let staged = uploads.staging.lock(upload_id)?;
        if staged.is_some() || tokio::time::Instant::now() >= deadline {
            return Ok(staged);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Takes bytes behind those that are here. With the last ones the upload is looked at, in the background.
pub(super) async fn append(uploads: &Uploads, upload: Upload, piece: Piece, body: Body) -> Result<Upload, Problem> {
    let uploads = uploads.clone();
    // a request whose client goes is dropped where it waits; this goes on and keeps what came
    let received = async move { receive(uploads, upload, piece, body).await };
    tokio::spawn(received.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(error = %error, "an upload ended");
        Err(Problem::bug())
    })
}

async fn receive(uploads: Uploads, upload: Upload, piece: Piece, body: Body) -> Result<Upload, Problem> {
    let Piece { staged, checksum, num_bytes } = piece;
    let start = u64::try_from(upload.received_bytes).unwrap_or_default();
    let end = upload.declared_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
    if num_bytes.is_some_and(|num_bytes| num_bytes > end - start) {
        return Err(too_much(end));
    }
    let sink = Sink::open(&staged.file(0), start).await?;
    staged.sync().await?;
    let mut growing = Growing { uploads: &uploads, upload, sink, start, end, is_all_or_none: checksum.is_some() };
    let (taken, sum_holds) = growing.take(body, checksum).await;
    let kept = match (&taken, sum_holds) {
        (Ok(()), false) => Err(wrong_checksum()),
        _ => taken,
    };
    if let Err(problem) = kept {
        growing.keep_what_came().await?;
        return Err(problem);
    }
    growing.persist().await?;
    let Growing { upload, .. } = growing;
    if upload.state == UploadState::Checking {
        let id = upload.id.clone();
        let ingest = async move {
            if let Err(error) = uploads.ingest(&id, staged).await {
                tracing::info!(upload = id, reason = %error, "an upload is not taken");
            }
        };
        tokio::spawn(ingest.in_current_span());
    }
    Ok(upload)
}

struct Growing<'a> {
    uploads: &'a Uploads,
    upload: Upload,
    sink: Sink,
    start: u64,
    end: u64,
    is_all_or_none: bool,
}

impl Growing<'_> {
    /// Takes all that comes; whether its checksum holds, too.
    async fn take(&mut self, body: Body, mut checksum: Option<Checksum>) -> (Result<(), Problem>, bool) {
        let taken = self.take_chunks(body, &mut checksum).await;
        (taken, checksum.is_none_or(Checksum::holds))
    }

    async fn take_chunks(&mut self, body: Body, checksum: &mut Option<Checksum>) -> Result<(), Problem> {
        let mut chunks = body.into_data_stream();
        let mut pace = Pace::new(&self.uploads.limits);
        let mut synced = self.start;
        loop {
            let chunk = match pace.next(chunks.next(), length).await {
                Ok(None) => return Ok(()),
                Ok(Some(Ok(chunk))) => chunk,
                Ok(Some(Err(_))) | Err(_) => return Err(interrupted()),
            };
            if self.sink.num_bytes() + chunk.len() as u64 > self.end {
                return Err(too_much(self.end));
            }
            if let Some(checksum) = checksum {
                checksum.update(&chunk);
            }
            self.uploads.metrics.uploads.received("tus", chunk.len() as u64);
            self.sink.write(&chunk).await?;
            if !self.is_all_or_none && self.sink.num_bytes() - synced >= SYNC_EVERY_BYTES {
                self.persist().await?;
                synced = self.sink.num_bytes();
            }
        }
    }

    /// On the disk first, then in the store.
    async fn persist(&mut self) -> Result<()> {
        self.sink.sync().await?;
        let num_bytes = i64::try_from(self.sink.num_bytes()).unwrap_or(i64::MAX);
        let is_complete = self.sink.num_bytes() == self.end;
        let expires_at = now_ms().saturating_add(millis(Duration::from_secs(self.uploads.limits.expire_secs)));
        let edit = |upload: &mut Upload| {
            (upload.received_bytes, upload.expires_at) = (num_bytes, expires_at);
            if is_complete {
                upload.state = UploadState::Checking;
            }
        };
        self.upload = self.uploads.store.change_upload(&self.upload.id, UploadState::Receiving, edit).await?;
        Ok(())
    }

    /// After a failure: what can't be kept is dropped, down to what the store knows of.
    async fn keep_what_came(&mut self) -> Result<()> {
        if !self.is_all_or_none && self.sink.num_bytes() < self.end && self.persist().await.is_ok() {
            return Ok(());
        }
        let known = u64::try_from(self.upload.received_bytes).unwrap_or_default();
        self.sink.cut(known).await
    }
}

fn length(read: &Option<Result<Bytes, axum::Error>>) -> usize {
    read.iter().flatten().map(Bytes::len).sum()
}

fn too_much(end: u64) -> Problem {
    Refusal::new(RefusalCode::UploadTooLarge, format!("more bytes than the {end} of Upload-Length")).into()
}

fn wrong_checksum() -> Problem {
    let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
    Problem::new(status, "wrong_checksum", "the bytes do not have the checksum of Upload-Checksum")
        .help("send them again; none were kept")
}

fn interrupted() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "interrupted", "the bytes ended before their time")
        .help("ask by HEAD how many are here and go on from there")
}
