//! What a server says, sorted by what is to be done: ask again later, or never again.

use reqwest::blocking::Response;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nobody answers, or who answers is no MLflow server that lets us in: nothing else is worth a try now.
    Unreachable(String),
    /// The server could not do this now.
    Failing(String),
    /// The server will never take this.
    Refused {
        /// MLflow's code, e.g. `INVALID_PARAMETER_VALUE`; or the HTTP status.
        code: String,
        /// For people.
        message: String,
    },
    /// The spool can't be read or written.
    Spool(String),
}

/// MLflow's error bodies.
#[derive(Deserialize)]
struct ErrorBody {
    error_code: String,
    #[serde(default)]
    message: String,
}

/// Of a message.
const MAX_CHARS: usize = 300;

impl Fault {
    pub(super) fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        let reason = if error.is_timeout() { "it did not answer in time".to_owned() } else { innermost(error) };
        Self::Unreachable(format!("the tracking server {url}: {reason}"))
    }

    /// Of an answer that is no success.
    pub(super) fn of(url: &Url, answer: Response) -> Self {
        let status = answer.status();
        Self::of_parts(url, status, &answer.text().unwrap_or_default())
    }

    fn of_parts(url: &Url, status: StatusCode, body: &str) -> Self {
        let error: Option<ErrorBody> = serde_json::from_str(body).ok();
        let message = match &error {
            Some(error) => shortened(&error.message),
            None => shortened(body),
        };
        let told = format!("the tracking server {url} answers {status}: {message}");
        match (status.as_u16(), error) {
            (401 | 403 | 407, _) => {
                Self::Unreachable(format!("{told}; see the token or password file, and --allowed-hosts"))
            }
            (300..=399, _) | (404 | 405, None) => {
                Self::Unreachable(format!("{told}; expected the URL of an MLflow server"))
            }
            (408 | 425 | 429 | 500.., _) => Self::Failing(told),
            (_, Some(error)) => Self::Refused { code: error.error_code, message },
            (_, None) => Self::Refused { code: status.as_u16().to_string(), message },
        }
    }

    /// Whether it was refused for that reason.
    pub fn is_refused_as(&self, expected: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == expected)
    }

    /// For people.
    pub fn message(&self) -> &str {
        match self {
            Self::Unreachable(message) | Self::Failing(message) | Self::Spool(message) => message,
            Self::Refused { message, .. } => message,
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Spool(format!("the spool: {error}"))
    }
}

/// The outer causes repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(MAX_CHARS).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, body: &str) -> Fault {
        let url = Url::parse("http://127.0.0.1:5000").unwrap();
        Fault::of_parts(&url, StatusCode::from_u16(status).unwrap(), body)
    }

    #[test]
    fn only_what_the_server_understood_is_refused_for_good() {
        let invalid = r#"{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}"#;
        let refused = |code: &str, message: &str| Fault::Refused { code: code.to_owned(), message: message.to_owned() };
        assert_eq!(fault(400, invalid), refused("INVALID_PARAMETER_VALUE", "no"));
        assert!(fault(404, r#"{"error_code": "RESOURCE_DOES_NOT_EXIST"}"#).is_refused_as("RESOURCE_DOES_NOT_EXIST"));
        assert_eq!(fault(413, "<html>too large</html>"), refused("413", "<html>too large</html>"));
        for status in [301, 401, 403, 404] {
            assert!(matches!(fault(status, "<html>"), Fault::Unreachable(_)), "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(fault(status, invalid), Fault::Failing(_)), "{status}");
        }
    }

    #[test]
    fn messages_are_one_short_line() {
        let fault = fault(400, &format!("a\nb{}", "x".repeat(1000)));
        assert_eq!(fault.message().chars().count(), MAX_CHARS);
        assert!(!fault.message().contains('\n'));
    }
}
