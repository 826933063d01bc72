//! Who we are to the server, from a file that is read before each request, so that a rotated secret holds at once.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::blocking::RequestBuilder;

use super::answer::Fault;
use crate::MonitorError;
use crate::tracking::config::TrackingConfig;

/// Where the secret is.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// The server asks for none.
    Nobody,
    /// A file with a token.
    Token(PathBuf),
    /// A file with `USER:PASSWORD`.
    Basic(PathBuf),
}

impl Credentials {
    pub fn of(config: &TrackingConfig) -> Result<Self, MonitorError> {
        match (&config.token_file, &config.basic_auth_file) {
            (None, None) => Ok(Self::Nobody),
            (Some(file), None) => Ok(Self::Token(file.clone())),
            (None, Some(file)) => Ok(Self::Basic(file.clone())),
            (Some(_), Some(_)) => {
                let message =
                    "both token_file and basic_auth_file are set; the server is shown one of them: drop the other";
                Err(MonitorError::TrackingConfig(message.to_owned()))
            }
        }
    }

    /// A request that shows them.
    pub fn add_to(&self, request: RequestBuilder) -> Result<RequestBuilder, Fault> {
        match self {
            Self::Nobody => Ok(request),
            Self::Token(file) => Ok(request.bearer_auth(read(file)?)),
            Self::Basic(file) => {
                let text = read(file)?;
                let Some((user, password)) = text.split_once(':') else {
                    return Err(Fault::Unreachable(format!("{}: expected `USER:PASSWORD`", file.display())));
                };
                Ok(request.basic_auth(user, Some(password)))
            }
        }
    }
}

fn read(file: &Path) -> Result<String, Fault> {
    let text = fs::read_to_string(file)
        .map_err(|error| Fault::Unreachable(format!("can't read {}: {error}", file.display())))?;
    let text = text.trim();
    let is_header_value = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_header_value {
        Ok(text.to_owned())
    } else {
        Err(Fault::Unreachable(format!("{}: expected one line of ASCII", file.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_anew_for_each_request() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let credentials = Credentials::Token(file.clone());
        let shown = || {
            let request = credentials.add_to(reqwest::blocking::Client::new().get("http://127.0.0.1:1"))?;
            Ok::<_, Fault>(request.build().unwrap().headers()["authorization"].to_str().unwrap().to_owned())
        };
        assert!(shown().unwrap_err().message().contains("can't read"));
        for token in ["old", "new"] {
            fs::write(&file, format!("{token}\n")).unwrap();
            assert_eq!(shown().unwrap(), format!("Bearer {token}"));
        }
        fs::write(&file, "two\nlines").unwrap();
        let error = shown().unwrap_err();
        assert!(!error.message().contains("two"), "{error:?}");
    }

    #[test]
    fn a_password_needs_a_user() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hunter2").unwrap();
        let request = reqwest::blocking::Client::new().get("http://127.0.0.1:1");
        let error = Credentials::Basic(file.path().to_owned()).add_to(request).unwrap_err();
        assert!(error.message().contains("USER:PASSWORD") && !error.message().contains("hunter2"));
    }

    #[test]
    fn two_ways_in_are_one_too_many() {
        let mut config = TrackingConfig::new("spool".as_ref());
        config.token_file = Some("token".into());
        assert!(Credentials::of(&config).is_ok());
        config.basic_auth_file = Some("password".into());
        assert!(Credentials::of(&config).is_err());
    }
}
