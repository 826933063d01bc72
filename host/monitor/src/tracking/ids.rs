//! Ids of runs and model versions: ours, so that everything has its name before any server has seen it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::MonitorError;

/// Names a run: `run_<32 hex digits>`, a UUID that counts up with time (RFC 9562, version 7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// Names a version of a registered model: `version_<32 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionId(String);

impl RunId {
    const WORD: &'static str = "run";

    /// The id of a run about to start.
    #[must_use]
    pub fn new() -> Self {
        Self(new_id(Self::WORD))
    }

    /// The run of something that has an id `<word>_<32 hex digits>` of its own, e.g. a job: the same each time it is asked.
    #[must_use]
    pub fn of(id: &str) -> Option<Self> {
        let (_, digits) = id.split_once('_')?;
        format!("{}_{digits}", Self::WORD).parse().ok()
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl VersionId {
    const WORD: &'static str = "version";

    /// The id of a version about to be registered.
    #[must_use]
    pub(super) fn new() -> Self {
        Self(new_id(Self::WORD))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn new_id(word: &str) -> String {
    format!("{word}_{}", Uuid::now_v7().simple())
}

/// Ids become names of folders: nothing but the word and lower-case hex digits passes.
fn checked(id: &str, word: &str) -> Result<String, MonitorError> {
    let digits = id.strip_prefix(word).and_then(|rest| rest.strip_prefix('_')).unwrap_or_default();
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex { Ok(id.to_owned()) } else { Err(MonitorError::Id { id: id.to_owned(), word: word.to_owned() }) }
}

macro_rules! texts {
    ($($id:ident),*) => { $(
        impl fmt::Display for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $id {
            type Err = MonitorError;

            fn from_str(text: &str) -> Result<Self, MonitorError> {
                checked(text, Self::WORD).map(Self)
            }
        }

        impl TryFrom<String> for $id {
            type Error = MonitorError;

            fn try_from(text: String) -> Result<Self, MonitorError> {
                text.parse()
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.0
            }
        }
    )* };
}

texts!(RunId, VersionId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_up_and_are_read_back() {
        let [first, second] = [RunId::new(), RunId::new()];
        assert!(first < second);
        assert_eq!(first.as_str().parse::<RunId>().unwrap(), first);
    }

    #[test]
    fn what_would_be_a_path_is_no_id() {
        for text in ["", "run_", "run_../../../../../../../../etc/passwd", "run_0123456789ABCDEF0123456789ABCDEF"] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
        assert!(VersionId::new().as_str().parse::<RunId>().is_err());
    }

    #[test]
    fn a_job_has_the_same_run_each_time() {
        let job = "job_0190aaaaaaaa7bbb8cccddddeeeeffff";
        assert_eq!(RunId::of(job).unwrap().as_str(), "run_0190aaaaaaaa7bbb8cccddddeeeeffff");
        assert_eq!(RunId::of("job"), None);
    }
}
