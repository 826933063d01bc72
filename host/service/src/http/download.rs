//! A file of the object store as an answer: whole or in part, not again if the client has it, under its own name.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::blobs::Blobs;
use crate::http::Problem;
use crate::http::byte_range::{Asked, asked};
use crate::store::artifacts::Artifact;

/// Answers with a file.
///
/// # Errors
/// 416 if the bytes that are asked for are not there; those of the store.
pub async fn download(blobs: &Blobs, artifact: &Artifact, headers: &HeaderMap) -> Result<Response, Problem> {
    let etag = format!("\"{}\"", artifact.sha256);
    let size_bytes = u64::try_from(artifact.bytes).unwrap_or_default();
    if text(headers, header::IF_NONE_MATCH).is_some_and(|known| matches(known, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, value(&etag)?)]).into_response());
    }
    // bytes of another version would not fit those that the client has
    let is_same = text(headers, header::IF_RANGE).is_none_or(|known| known == etag);
    let range = match asked(text(headers, header::RANGE).filter(|_| is_same), size_bytes) {
        Asked::All => None,
        Asked::Part(range) => Some(range),
        Asked::Beyond => return Ok(beyond(size_bytes)),
    };
    let stream = blobs.get_range(&artifact.object_key, range.clone()).await?;
    let mut answer = Body::from_stream(stream.bytes).into_response();
    let num_bytes = range.as_ref().map_or(size_bytes, |range| range.end - range.start);
    let head = answer.headers_mut();
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(num_bytes));
    head.insert(header::CONTENT_TYPE, value(&artifact.media_type)?);
    head.insert(header::ETAG, value(&etag)?);
    head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert(header::CONTENT_DISPOSITION, value(&disposition(&artifact.name))?);
    // private: a shared cache must not hand it to somebody else
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(range) = range {
        let last = range.end - 1;
        head.insert(header::CONTENT_RANGE, value(&format!("bytes {}-{last}/{size_bytes}", range.start))?);
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(answer)
}

fn beyond(size_bytes: u64) -> Response {
    let detail = format!("the file has {size_bytes} bytes, the range begins behind them");
    let mut answer = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail).into_response();
    if let Ok(all) = HeaderValue::try_from(format!("bytes */{size_bytes}")) {
        answer.headers_mut().insert(header::CONTENT_RANGE, all);
    }
    answer
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// RFC 9110, 13.1.2: weak comparison, a list, or anything.
fn matches(known: &str, etag: &str) -> bool {
    known.trim() == "*" || known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(text).map_err(|_| Problem::bug())
}

/// To be saved under the last part of its name (RFC 6266), with what is not plain ASCII in the extended form (RFC 8187).
fn disposition(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.+ ".contains(character);
    let plain: String = file.chars().map(|character| if is_plain(character) { character } else { '_' }).collect();
    if plain == file {
        return format!("attachment; filename=\"{plain}\"");
    }
    let is_attribute = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| if is_attribute(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let encoded: String = file.bytes().map(encode).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_saved_without_folders_and_foreign_letters_twice() {
        assert_eq!(disposition("model/points3D.bin"), "attachment; filename=\"points3D.bin\"");
        let expected = "attachment; filename=\"_x_.bin\"; filename*=UTF-8''%C3%A4x%22.bin";
        assert_eq!(disposition("model/äx\".bin"), expected);
    }

    #[test]
    fn a_file_that_the_client_has_is_known_by_its_tag() {
        assert!(matches("\"a\", W/\"b\"", "\"b\"") && matches("*", "\"b\"") && !matches("\"a\"", "\"b\""));
    }
}
