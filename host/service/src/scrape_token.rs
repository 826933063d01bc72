//! The token by which Prometheus may read the metrics: it can't log in, and must be heard when the database is not.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Result, ServiceError};

/// Shorter ones could be guessed.
const MIN_TOKEN_BYTES: usize = 32;

/// What `auth.scrape_token_file` holds; the token itself is not kept.
#[derive(Debug, Clone)]
pub struct ScrapeToken {
    sha256: [u8; 32],
}

impl ScrapeToken {
    /// Reads a file with nothing else in it, such as Prometheus' `credentials_file`.
    ///
    /// # Errors
    /// [`ServiceError::Io`]; [`ServiceError::Config`] if it is too short or of several lines.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(ServiceError::io("read", path))?;
        Self::parse(text.trim()).map_err(|reason| ServiceError::Config(format!("{}: {reason}", path.display())))
    }

    fn parse(token: &str) -> Result<Self, String> {
        if token.len() < MIN_TOKEN_BYTES || token.contains(char::is_whitespace) {
            return Err(format!(
                "expected one token of at least {MIN_TOKEN_BYTES} characters, got {}; make one by `openssl rand -hex 32`",
                token.len()
            ));
        }
        Ok(Self { sha256: Sha256::digest(token).into() })
    }

    /// Whether that is the token. Hashes are compared: how long it takes says nothing of the token.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        self.sha256 == <[u8; 32]>::from(Sha256::digest(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_of_the_file_is_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let token = "0123456789abcdef0123456789abcdef";
        std::fs::write(file.path(), format!("{token}\n")).unwrap();
        let read = ScrapeToken::read(file.path()).unwrap();
        assert!(read.is(token));
        assert!(!read.is(&token[1..]) && !read.is(""));
        assert!(!format!("{read:?}").contains(token));
    }

    #[test]
    fn what_could_be_guessed_is_refused() {
        for text in ["", "short", "0123456789abcdef 0123456789abcdef"] {
            assert!(ScrapeToken::parse(text).unwrap_err().contains("openssl"), "{text}");
        }
    }
}
