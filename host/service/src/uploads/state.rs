//! The states of an upload and what is kept of one beside its images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an upload is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Bytes are missing.
    Receiving,
    /// Its files are looked at.
    Checking,
    /// Its images can be used.
    Ready,
    /// It is not taken; the problem says why.
    Refused,
    /// It was not finished in time.
    Expired,
    /// Its owner gave it up.
    Terminated,
}

impl UploadState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Receiving, Self::Checking, Self::Ready, Self::Refused, Self::Expired, Self::Terminated];

    /// As in JSON and the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Checking => "checking",
            Self::Ready => "ready",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Terminated => "terminated",
        }
    }

    /// Whether its files are still in the staging folder.
    #[must_use]
    pub fn is_staged(self) -> bool {
        matches!(self, Self::Receiving | Self::Checking)
    }
}

impl fmt::Display for UploadState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for UploadState {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| format!("`{name}` is no state of an upload"))
    }
}

/// How an upload comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadProtocol {
    /// One request with all of it.
    #[default]
    Multipart,
    /// tus 1.0: as many requests as it takes.
    Tus,
}

/// What is kept of an upload as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UploadDetails {
    /// How it comes.
    pub protocol: UploadProtocol,
    /// `Upload-Metadata` of tus, as it was sent.
    pub tus_metadata: String,
    /// Names of its files, in the order of their numbers in the staging folder.
    pub files: Vec<String>,
    /// Files that were not taken as images; the first of them.
    pub not_used: Vec<NotUsed>,
    /// How many files were not taken.
    pub num_not_used: usize,
    /// How often its files were looked at without an end.
    pub num_attempts: u32,
}

/// A file that was not taken as an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotUsed {
    /// Its name.
    pub name: String,
    /// `skipped` or `not_decodable`.
    pub verdict: NotUsedVerdict,
    /// Why.
    pub reason: String,
}

/// Why a file was not taken, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotUsedVerdict {
    /// No image by its name.
    Skipped,
    /// No image by its content.
    NotDecodable,
}

/// So many files that were not taken are named.
pub const MAX_NOT_USED: usize = 1000;

impl UploadDetails {
    /// Notes a file that is not taken.
    pub fn leave_out(&mut self, name: &str, verdict: NotUsedVerdict, reason: &str) {
        self.num_not_used += 1;
        if self.not_used.len() < MAX_NOT_USED {
            self.not_used.push(NotUsed { name: name.to_owned(), verdict, reason: reason.to_owned() });
        }
    }
}
