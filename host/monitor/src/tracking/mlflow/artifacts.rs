//! Files of runs, by the server's own proxy (`mlflow server --serve-artifacts`, which is its default).

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Body;

use super::runs::RemoteRun;
use super::{Fault, Mlflow};

const API: &str = "api/2.0/mlflow-artifacts/artifacts";

/// A file that comes slower than this, on average, is given up until later.
const MIN_BYTES_PER_SEC: u64 = 256 << 10;

impl Mlflow {
    /// Puts a file under a path in the run; again, it takes the place of the same file.
    pub fn put_artifact(&self, run: &RemoteRun, path_in_run: &str, file: &Path, bytes: u64) -> Result<(), Fault> {
        let root = proxied_path(&run.artifact_uri)?;
        let opened = File::open(file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Fault::Refused { code: "MISSING".to_owned(), message: "the spool lacks the file".to_owned() }
            }
            _ => error.into(),
        })?;
        if opened.metadata()?.len() != bytes {
            let message = format!("the file was changed after it was recorded with {bytes} bytes");
            return Err(Fault::Refused { code: "CHANGED".to_owned(), message });
        }
        let timeout = self.timeout + Duration::from_secs(bytes / MIN_BYTES_PER_SEC);
        let request = self.request(Method::PUT, &format!("{API}/{root}/{path_in_run}"), timeout)?;
        self.send(request.body(Body::sized(opened, bytes))).map(drop)
    }
}

/// `mlflow-artifacts:/1/RUN/artifacts` as `1/RUN/artifacts`.
fn proxied_path(uri: &str) -> Result<&str, Fault> {
    let path = uri.strip_prefix("mlflow-artifacts:").map(|rest| match rest.strip_prefix("//") {
        Some(with_host) => with_host.split_once('/').map_or("", |(_, path)| path),
        None => rest,
    });
    path.map(|path| path.trim_matches('/')).ok_or_else(|| Fault::Refused {
        code: "NOT_PROXIED".to_owned(),
        message: format!("the server keeps files at {uri} and takes none itself; start it with --serve-artifacts"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_the_server_takes_itself_have_a_path() {
        assert_eq!(proxied_path("mlflow-artifacts:/1/r/artifacts").unwrap(), "1/r/artifacts");
        assert_eq!(proxied_path("mlflow-artifacts://host:80/1/r/artifacts").unwrap(), "1/r/artifacts");
        assert!(proxied_path("s3://bucket/1/r/artifacts").unwrap_err().is_refused_as("NOT_PROXIED"));
    }
}
