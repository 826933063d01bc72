//! Headers of tus: numbers, metadata, checksums.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::Sha256;
use sha2::digest::DynDigest;

use crate::http::Problem;
use crate::store::uploads::Upload;
use crate::uploads::names::check_name;
use crate::uploads::state::UploadState;

pub(super) const RESUMABLE: &str = "tus-resumable";
pub(super) const SPOKEN_VERSIONS: &str = "tus-version";
pub(super) const EXTENSION: &str = "tus-extension";
pub(super) const MAX_SIZE: &str = "tus-max-size";
pub(super) const CHECKSUM_ALGORITHM: &str = "tus-checksum-algorithm";
pub(super) const OFFSET: &str = "upload-offset";
pub(super) const LENGTH: &str = "upload-length";
pub(super) const METADATA: &str = "upload-metadata";
pub(super) const DEFER_LENGTH: &str = "upload-defer-length";
pub(super) const CONCAT: &str = "upload-concat";
const CHECKSUM: &str = "upload-checksum";
const EXPIRES: &str = "upload-expires";

pub(super) const ALGORITHMS: &str = "sha1,sha256,md5";
const MAX_METADATA_BYTES: usize = 8 << 10;
/// Of a file whose client does not say how it is called.
const NAMELESS: &str = "upload";

/// A number of bytes that must be there.
pub(super) fn bytes_of(headers: &HeaderMap, name: &str) -> Result<i64, Problem> {
    let digits = headers.get(name).and_then(|value| value.to_str().ok());
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.filter(is_number).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| bad_header(format!("the header {name} is missing or no number of bytes")))
}

/// How many bytes the body promises.
pub(super) fn content_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok())
}

pub(super) fn is_offset_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|media_type| media_type == "application/offset+octet-stream")
}

/// Upload-Metadata as it was sent, and the file name in it: pairs of a key and a base64 value, with commas between.
pub(super) fn file_name_of(headers: &HeaderMap) -> Result<(String, String), Problem> {
    let Some(metadata) = headers.get(METADATA) else { return Ok((String::new(), NAMELESS.to_owned())) };
    let bad = || bad_header("Upload-Metadata is not `key base64,key base64`".to_owned());
    let metadata = metadata.to_str().map_err(|_| bad())?;
    if metadata.len() > MAX_METADATA_BYTES {
        return Err(bad_header(format!("Upload-Metadata has more than {MAX_METADATA_BYTES} bytes")));
    }
    let mut file_name = None;
    for pair in metadata.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value).map_err(|_| bad())?;
        // clients call it either way
        if matches!(key, "filename" | "name") {
            file_name = Some(String::from_utf8(value).map_err(|_| bad())?);
        }
    }
    let file_name = file_name.filter(|name| !name.is_empty()).unwrap_or_else(|| NAMELESS.to_owned());
    check_name(&file_name)?;
    Ok((metadata.to_owned(), file_name))
}

/// What the bytes of a request must sum up to.
pub(super) struct Checksum {
    digest: Box<dyn DynDigest + Send>,
    expected: Vec<u8>,
}

impl Checksum {
    /// Of the header Upload-Checksum, if there is one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(CHECKSUM) else { return Ok(None) };
        let bad = || bad_header(format!("Upload-Checksum is not one of {ALGORITHMS}, a space and base64"));
        let (algorithm, expected) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(bad)?;
        let digest: Box<dyn DynDigest + Send> = match algorithm {
            "sha1" => Box::new(Sha1::default()),
            "sha256" => Box::new(Sha256::default()),
            "md5" => Box::new(Md5::default()),
            _ => return Err(bad()),
        };
        let expected = STANDARD.decode(expected).map_err(|_| bad())?;
        Ok(Some(Self { digest, expected }))
    }

    pub(super) fn update(&mut self, chunk: &[u8]) {
        self.digest.update(chunk);
    }

    pub(super) fn holds(self) -> bool {
        *self.digest.finalize() == *self.expected
    }
}

fn bad_header(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_header", detail).help("see https://tus.io/protocols/resumable-upload")
}

/// An answer that consists of headers.
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
}

impl Answer {
    pub(super) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: &dyn ToString) -> Self {
        // what comes from a request was a header there
        if let Ok(value) = HeaderValue::try_from(value.to_string()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With Upload-Expires, as long as bytes are missing.
    pub(super) fn expiring(self, upload: &Upload) -> Self {
        if upload.state != UploadState::Receiving {
            return self;
        }
        let since_epoch = std::time::Duration::from_millis(u64::try_from(upload.expires_at).unwrap_or_default());
        self.with(EXPIRES, &httpdate::fmt_http_date(std::time::UNIX_EPOCH + since_epoch))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, self.headers).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(bytes_of(&headers(OFFSET, "12"), OFFSET).unwrap(), 12);
        for bad in ["", "-1", "+1", "1.0", "0x1", "99999999999999999999"] {
            assert_eq!(bytes_of(&headers(OFFSET, bad), OFFSET).unwrap_err().0.code, "bad_header", "{bad}");
        }
        assert!(bytes_of(&HeaderMap::new(), OFFSET).is_err());
    }

    #[test]
    fn the_file_name_is_read_from_the_metadata() {
        let name = |metadata: &str| file_name_of(&headers(METADATA, metadata)).map(|(_, name)| name);
        assert_eq!(name("filetype aW1hZ2U=,filename cGhvdG9zLnppcA==").unwrap(), "photos.zip");
        assert_eq!(name("is_confidential").unwrap(), NAMELESS);
        assert_eq!(file_name_of(&HeaderMap::new()).unwrap().1, NAMELESS);
        assert_eq!(name("filename ***").unwrap_err().0.code, "bad_header");
        assert_eq!(name("filename Li4vYQ==").unwrap_err().0.code, "unsafe_name");
    }

    #[test]
    fn checksums_hold_or_not() {
        let holds = |value: &str| {
            let mut checksum = Checksum::of(&headers(CHECKSUM, value)).unwrap().unwrap();
            checksum.update(b"hello ");
            checksum.update(b"world");
            checksum.holds()
        };
        // of coreutils' sha1sum, sha256sum, md5sum
        assert!(holds("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="));
        assert!(holds("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="));
        assert!(holds("md5 XrY7u+Ae7tCTyyK7j1rNww=="));
        assert!(!holds("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        for bad in ["crc32 AAAA", "sha1", "sha1 ***"] {
            assert!(Checksum::of(&headers(CHECKSUM, bad)).is_err());
        }
    }
}
